import PlainJSON
public import Servables
public import Transfer

/// Triton's HTTP interface (KServe's protocol, version 2), as far as it tells which versions are loaded, and loads and unloads models
/// (`POST /v2/repository/…`, only with `--model-control-mode=explicit`).
public struct Triton: ServerLink {
    /// Without a slash at its end.
    private let url: String
    private let asking: HTTPClient
    private let loading: HTTPClient

    /// Bytes of an answer: the index lists every version of every model, with the words of those that failed.
    private static let answerLimit = 4 << 20

    /// - Parameters:
    ///   - url: scheme, host and port of the HTTP interface, and what a proxy puts before its paths.
    ///   - asking: made with `HTTPClientConfiguration.asking(version:)`.
    ///   - loading: made with `HTTPClientConfiguration.loading(version:)`.
    public init(url: String, asking: HTTPClient, loading: HTTPClient) {
        self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.asking = asking
        self.loading = loading
    }

    public var description: String { "Triton at \(url)" }
    public var loadsWhenTold: Bool { true }

    public func view(of model: String) async throws(ServerFault) -> ServerView {
        let response = try await post("/v2/repository/index", by: asking, "ask", model)
        return try view(of: model, answer: response.head.status, response.body)
    }

    public func load(_ model: String) async throws(ServerFault) -> LoadAnswer {
        let response = try await post("/v2/repository/models/\(PercentEncoding.query(model))/load", by: loading, "load", model)
        return try done("load", model, answer: response.head.status, response.body)
    }

    public func unload(_ model: String) async throws(ServerFault) -> LoadAnswer {
        let response = try await post(
            "/v2/repository/models/\(PercentEncoding.query(model))/unload", by: loading, "unload", model)
        return try done("unload", model, answer: response.head.status, response.body)
    }

    private func post(
        _ path: String, by client: HTTPClient, _ what: String, _ model: String
    ) async throws(ServerFault) -> HTTPResponse {
        let request = HTTPRequest("POST", url + path, body: [])
        do throws(TransportError) { return try await client.send(request, limit: Self.answerLimit) } catch {
            throw fault(what, model, "\(error)", isAway: error.isAway)
        }
    }

    // MARK: - Answers

    func view(of model: String, answer status: Int, _ body: [UInt8]) throws(ServerFault) -> ServerView {
        let said = try? JSON(parsing: body)
        guard status == 200 else { throw fault("ask", model, refusal(status, said)) }
        guard let entries = said?.array else {
            throw fault("ask", model, "what it answered is no repository index; expected Triton's HTTP port (8000 by default)")
        }
        // A model that was never loaded has no version here.
        return ServerView(entries.filter { $0["name"]?.string == model }, state: Self.state)
    }

    func done(_ what: String, _ model: String, answer status: Int, _ body: [UInt8]) throws(ServerFault) -> LoadAnswer {
        if status == 200 { return .done }
        let said = try? JSON(parsing: body)
        guard let words = said?["error"]?.string else { throw fault(what, model, refusal(status, said)) }
        // So it answers in the modes `poll` and `none`.
        return status == 503 ? .looksByItself(ServerWords.line(words)) : .failed(ServerWords.line(words))
    }

    private func refusal(_ status: Int, _ said: JSON?) -> String {
        "it answered \(status)" + (said?["error"]?.string.map { ": \(ServerWords.line($0))" } ?? "")
    }

    private func fault(_ what: String, _ model: String, _ cause: String, isAway: Bool = false) -> ServerFault {
        let object = what == "ask" ? "\(description) for \(model)" : "\(model) at \(description)"
        return ServerFault(Failure(.unavailable, "\(what) \(object): \(cause)", isTransient: true), isAway: isAway)
    }

    /// - Returns: `nil` for a state that nobody knows.
    private static func state(_ entry: JSON) -> ServedState? {
        let reason = entry["reason"]?.string ?? ""
        switch entry["state"]?.string {
        case "READY": return .available
        case "LOADING": return .loading
        case "UNLOADING": return .unloading
        case "UNAVAILABLE": return reason.isEmpty || reason == "unloaded" ? .ended : .failed(ServerWords.line(reason))
        default: return nil
        }
    }
}

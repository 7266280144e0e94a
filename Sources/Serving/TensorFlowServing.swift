import PlainJSON
public import Servables
public import Transfer

/// TensorFlow Serving's REST interface, as far as it tells which versions are loaded (`GET /v1/models/NAME`).
public struct TensorFlowServing: ServerLink {
    /// Without a slash at its end.
    private let url: String
    private let http: HTTPClient

    /// Bytes of an answer; an entry of a version is 150, and those that ended stay in it for the life of the server.
    private static let answerLimit = 4 << 20

    /// - Parameters:
    ///   - url: scheme, host and port of the REST interface, and what a proxy puts before its paths.
    ///   - http: made with `HTTPClientConfiguration.asking(version:)`.
    public init(url: String, http: HTTPClient) {
        self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.http = http
    }

    public var description: String { "TensorFlow Serving at \(url)" }

    public func view(of model: String) async throws(ServerFault) -> ServerView {
        let request = HTTPRequest("GET", "\(url)/v1/models/\(PercentEncoding.query(model))")
        let response: HTTPResponse
        do throws(TransportError) { response = try await http.send(request, limit: Self.answerLimit) } catch {
            throw ServerFault(failure(model, "\(error)"), isAway: error.isAway)
        }
        return try view(of: model, answer: response.head.status, response.body)
    }

    func view(of model: String, answer status: Int, _ body: [UInt8]) throws(ServerFault) -> ServerView {
        let said = try? JSON(parsing: body)
        // It has no version of the model, or does not know it yet: nothing of it is loaded either way.
        if status == 404, said?["error"]?.string != nil { return ServerView() }
        guard status == 200 else {
            let words = said?["error"]?.string.map { ": \(ServerWords.line($0))" } ?? ""
            throw ServerFault(failure(model, "it answered \(status)\(words)"), isAway: false)
        }
        guard let entries = said?["model_version_status"]?.array else {
            throw ServerFault(
                failure(
                    model, "what it answered is no model status; expected the REST port of TensorFlow Serving (8501 by default)"),
                isAway: false)
        }
        return ServerView(entries, state: Self.state)
    }

    private func failure(_ model: String, _ cause: String) -> Failure {
        Failure(.unavailable, "ask \(description) for \(model): \(cause)", isTransient: true)
    }

    /// - Returns: `nil` for a state that nobody knows.
    private static func state(_ entry: JSON) -> ServedState? {
        let code = entry["status"]?["error_code"]?.string ?? "OK"
        switch entry["state"]?.string {
        case "START": return .waiting
        case "LOADING": return .loading
        case "AVAILABLE": return .available
        case "UNLOADING": return .unloading
        case "END" where code == "OK" || code == "CANCELLED":
            // Cancelled: it was to go before it was loaded, and is no worse for that.
            return .ended
        case "END":
            let words = entry["status"]?["error_message"]?.string ?? ""
            return .failed(words.isEmpty ? code : "\(code): \(ServerWords.line(words))")
        default: return nil
        }
    }
}

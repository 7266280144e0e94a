/// An answer of the server's REST interface.
public struct RESTAnswer: Hashable, Sendable {
    public let status: Int
    /// `application/json` except for what the server doesn't take for a request of its own.
    public let contentType: String
    public let body: String

    /// Answers from the states of a process.
    /// - Parameters:
    ///   - method: as in the request's first line.
    ///   - target: likewise; a query is passed over.
    ///   - monitor: the states.
    init(_ method: String, _ target: String, _ monitor: StateMonitor) {
        let path = String(target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).first ?? "")
        guard path.lowercased().hasPrefix("/v1/") else {
            status = 404
            contentType = "text/html"
            body = "<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>"
            return
        }
        contentType = "application/json"
        do throws(Failure) {
            guard method == "GET", let query = StatusQuery(path) else { throw .malformed(method, path) }
            body = try RESTAnswer.status(query, monitor)
            status = 200
        } catch {
            status = error.status
            body = "{\n    \"error\": \(RESTAnswer.quoted(error.message))\n}"
        }
    }

    private struct Failure: Error {
        let status: Int
        let message: String

        static func malformed(_ method: String, _ path: String) -> Failure {
            Failure(status: 400, message: "Malformed request: \(method) \(path)")
        }
    }

    private static func status(_ query: StatusQuery, _ monitor: StateMonitor) throws(Failure) -> String {
        guard !query.isMetadata else { throw Failure(status: 501, message: "The emulator has no metadata") }
        guard !query.model.isEmpty else { throw Failure(status: 400, message: "Missing model name in request.") }
        let versions = monitor.versions(of: query.model)
        guard let wanted = query.version else {
            guard !versions.isEmpty else {
                throw Failure(status: 404, message: "Could not find any versions of model \(query.model)")
            }
            return json(versions.sorted { $0.key > $1.key }.map { ($0.key, $0.value) })
        }
        guard let version = Int64(wanted) else {
            throw Failure(status: 400, message: "Failed to convert version: \(wanted) to numeric.")
        }
        guard let entry = versions[version] else {
            throw Failure(status: 404, message: "Could not find version \(version) of model \(query.model)")
        }
        return json([(version, entry)])
    }

    /// The message as protobuf prints it with white space: an indentation of one space, and 64 bit numbers as strings.
    private static func json(_ versions: [(Int64, StateMonitor.Entry)]) -> String {
        let entries = versions.map { version, entry in
            """
              {
               "version": "\(version)",
               "state": "\(entry.state.rawValue)",
               "status": {
                "error_code": "\(entry.status.code.rawValue)",
                "error_message": \(quoted(entry.status.message))
               }
              }
            """
        }
        return "{\n \"model_version_status\": [\n\(entries.joined(separator: ",\n"))\n ]\n}\n"
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            // Protobuf writes angle brackets so that nobody takes them for HTML.
            case _ where scalar.value < 0x20 || scalar == "<" || scalar == ">":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

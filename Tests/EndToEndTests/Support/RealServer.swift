import S3Fixture
import Testing

/// An S3 server that others wrote, from PyPI.
enum RealServer: String, CaseIterable, Sendable, CustomTestStringConvertible {
    /// rclone, serving a folder.
    case rclone
    /// moto, AWS's interface in Python, filled by boto3.
    case moto

    var testDescription: String { rawValue }

    private var program: String { self == .rclone ? "rclone" : "moto_server" }

    /// Whether `make tools` installed it.
    var isInstalled: Bool { Binaries.tool(program) != nil }

    static let message: Comment = "`make tools` installs the real servers, `make test` does so too"

    /// Runs `body` beside a server whose buckets are the folders in `folder`.
    func with<Result>(
        folder: String, isolation: isolated (any Actor)? = #isolation, _ body: (_ endpoint: String) async throws -> Result
    ) async throws -> Result {
        guard let tool = Binaries.tool(program) else { throw WaitedInVain(description: "no \(program)") }
        let key = FixtureCredentials.example
        let command: [String]
        switch self {
        case .rclone:
            command = [
                tool, "serve", "s3", "--addr", "127.0.0.1:0", "--auth-key", "\(key.accessKey),\(key.secretKey)", "--config", "",
                "--no-modtime=false", folder,
            ]
        case .moto: command = [tool, "-H", "127.0.0.1", "-p", "0"]
        }
        let environment = Site.environment(endpoint: "")
        return try await ChildProcess.with(command, environment: environment) { server in
            var endpoint: String?
            try await eventually("\(program) listens: \(server.errorText)", within: .seconds(60)) {
                if server.end != nil { throw WaitedInVain(description: "\(program) ended: \(server.errorText)") }
                endpoint = RealServer.endpoint(in: server.errorText + server.outputText)
                return endpoint != nil
            }
            guard let endpoint else { throw WaitedInVain(description: "\(program) does not say where it listens") }
            if self == .moto { try await upload(folder, to: endpoint, python: "\(tool.splitPath.parent)/python3") }
            return try await body(endpoint)
        }
    }

    private func upload(_ folder: String, to endpoint: String, python: String) async throws {
        let script = "\(#filePath.splitPath.parent)/upload.py"
        try await ChildProcess.with([python, script, endpoint, folder], environment: Site.environment(endpoint: endpoint)) {
            helper in
            let end = try await helper.wait(within: .seconds(60))
            try #require(end == .exited(0), "upload.py: \(helper.errorText)")
        }
    }

    /// The first `http://127.0.0.1:PORT` in a text.
    private static func endpoint(in text: String) -> String? {
        guard let start = text.firstRange(of: "http://127.0.0.1:") else { return nil }
        let port = text[start.upperBound...].prefix { $0.isNumber }
        return port.isEmpty || start.upperBound == text.endIndex ? nil : "http://127.0.0.1:\(port)"
    }
}

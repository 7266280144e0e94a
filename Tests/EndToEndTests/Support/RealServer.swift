import Glibc
import S3Fixture
import Testing

/// An S3 server that others wrote, from PyPI.
enum RealServer: String, CaseIterable, Sendable, CustomTestStringConvertible {
    /// rclone, serving a folder.
    case rclone
    /// moto, AWS's interface in Python, filled by boto3.
    case moto
    /// JuiceFS's gateway, which is MinIO's code, filled by boto3.
    case juicefs

    /// How a server is filled from folders that are buckets.
    enum Filling {
        /// As the quickest way is: a server that can serve the folder does.
        case simple
        /// By boto3, in parts of 8 MiB, with a checksum that the model is named after (upload.py).
        case parts
    }

    var testDescription: String { rawValue }

    private var program: String { self == .moto ? "moto_server" : rawValue }

    /// Whether `make tools` installed it.
    var isInstalled: Bool { Binaries.tool(program) != nil }

    static let message: Comment = "`make tools` installs the real servers, `make test` does so too"

    /// Runs `body` beside a server that has what is in `folder`, whose folders are the buckets.
    func with<Result>(
        folder: String, filling: Filling = .simple, isolation: isolated (any Actor)? = #isolation,
        _ body: (_ endpoint: String) async throws -> Result
    ) async throws -> Result {
        guard let tool = Binaries.tool(program) else { throw WaitedInVain(description: "no \(program)") }
        let servesFolder = self == .rclone && filling == .simple
        return try await withScratch { scratch in
            let key = FixtureCredentials.example
            var environment = Site.environment(endpoint: "")
            environment["MINIO_ROOT_USER"] = key.accessKey
            environment["MINIO_ROOT_PASSWORD"] = key.secretKey
            environment["HOME"] = scratch
            if self == .juicefs { try await format(scratch, tool, environment) }
            let command = try command(tool, key, folder: servesFolder ? folder : scratch)
            return try await ChildProcess.with(command, environment: environment) { server in
                let endpoint = try await endpoint(of: server)
                if !servesFolder { try await upload(folder, filling, to: endpoint) }
                return try await body(endpoint)
            }
        }
    }

    private func command(_ tool: String, _ key: FixtureCredentials, folder: String) throws -> [String] {
        switch self {
        case .rclone:
            [
                tool, "serve", "s3", "--addr", "127.0.0.1:0", "--auth-key", "\(key.accessKey),\(key.secretKey)", "--config", "",
                "--no-modtime=false", folder,
            ]
        case .moto: [tool, "-H", "127.0.0.1", "-p", "0"]
        case .juicefs:
            [
                tool, "--no-agent", "gateway", "--multi-buckets", "--keep-etag", "--cache-dir", "memory", "--cache-size", "64",
                "--metrics", "127.0.0.1:0", "--no-usage-report", "sqlite3://\(folder)/meta.db", "127.0.0.1:\(try freePort())",
            ]
        }
    }

    private func format(_ scratch: String, _ tool: String, _ environment: [String: String]) async throws {
        let command = [
            tool, "format", "--storage", "file", "--bucket", "\(scratch)/data/", "--trash-days", "0",
            "sqlite3://\(scratch)/meta.db",
            "test",
        ]
        try await ChildProcess.with(command, environment: environment) { helper in
            let end = try await helper.wait(within: .seconds(60))
            try #require(end == .exited(0), "juicefs format: \(helper.errorText)")
        }
    }

    private func endpoint(of server: ChildProcess) async throws -> String {
        var endpoint: String?
        try await eventually("\(program) listens: \(server.errorText)", within: .seconds(60)) {
            if server.end != nil { throw WaitedInVain(description: "\(program) ended: \(server.errorText)") }
            endpoint = RealServer.endpoint(in: server.errorText + server.outputText)
            return endpoint != nil
        }
        guard let endpoint else { throw WaitedInVain(description: "\(program) does not say where it listens") }
        return endpoint
    }

    private func upload(_ folder: String, _ filling: Filling, to endpoint: String) async throws {
        guard let python = Binaries.tool("python3") else { throw WaitedInVain(description: "no python3") }
        let script = "\(#filePath.splitPath.parent)/upload.py"
        let command = [python, script, endpoint, folder] + (filling == .parts ? ["parts"] : [])
        try await ChildProcess.with(command, environment: Site.environment(endpoint: endpoint)) { helper in
            let end = try await helper.wait(within: .seconds(120))
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

/// A port that nobody has, for a server that does not say which one the system gave it.
func freePort() throws -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw WaitedInVain(description: "no socket") }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
        }
    }
    guard isBound else { throw WaitedInVain(description: "no port is free") }
    return UInt16(bigEndian: address.sin_port)
}

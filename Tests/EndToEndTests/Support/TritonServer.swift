import Glibc
import PlainJSON
import S3Fixture
import Testing

/// A real Triton over a repository, with its Python backend.
struct TritonServer: Sendable {
    enum Mode: String, Sendable, CaseIterable, CustomTestStringConvertible {
        case explicit
        case poll
        var testDescription: String { rawValue }
    }

    let process: ChildProcess
    let port: UInt16
    var address: String { "127.0.0.1:\(port)" }

    private static let folder = "\(Binaries.packageRoot)/.build/triton"
    /// Whether `make triton` installed it.
    static var isInstalled: Bool { exists("\(folder)/.done") }
    static let message: Comment = "`make triton` installs a Triton where it can be had, `make test` does so too"

    /// Runs `body` beside it, and ends it and its helpers whatever comes of that.
    static func with<Result>(
        _ mode: Mode, repository: String, port: UInt16? = nil, isolation: isolated (any Actor)? = #isolation,
        _ body: (TritonServer) async throws -> Result
    ) async throws -> Result {
        let port = try port ?? freePort()
        var command = [
            "\(folder)/server/bin/tritonserver", "--model-repository=\(repository)", "--backend-directory",
            "\(folder)/server/backends", "--http-address", "127.0.0.1", "--http-port", "\(port)", "--allow-grpc", "false",
            "--allow-metrics", "false", "--model-control-mode", mode.rawValue,
        ]
        if mode == .poll { command += ["--repository-poll-secs", "1"] }
        return try await ChildProcess.with(command, environment: try environment()) { process in
            let server = TritonServer(process: process, port: port)
            try await eventually("Triton is up: \(process.errorText.suffix(2_000))") {
                if let end = process.end {
                    throw WaitedInVain(description: "Triton ended, \(end): \(process.errorText.suffix(2_000))")
                }
                return try await httpGet(server.address, "/v2/health/live")?.status == 200
            }
            return try await body(server)
        }
    }

    /// The backend finds NumPy by the first Python in PATH, and Python's own library by its path.
    private static func environment() throws -> [String: String] {
        guard let resolved = realpath("\(folder)/bin/python3", nil) else {
            throw SystemFault("resolve \(folder)/bin/python3", errno)
        }
        defer { free(resolved) }
        let python = String(cString: resolved)
        return ["PATH": "\(folder)/bin:/usr/bin:/bin", "LD_LIBRARY_PATH": "\(python.splitPath.parent.splitPath.parent)/lib"]
    }

    /// The state of each version of a model that it knows.
    func states(_ model: String = "mnist") async throws -> [String: String] {
        let reply = try await httpGet(address, "/v2/repository/index", method: "POST")
        let entries = try reply.flatMap { try JSON(parsing: $0.body).array } ?? []
        let own = entries.filter { $0["name"]?.string == model }
        return Dictionary(own.map { ($0["version"]?.string ?? "", $0["state"]?.string ?? "") }) { $1 }
    }

    // MARK: Models

    static let configuration = """
        backend: "python"
        max_batch_size: 0
        input [{ name: "IN" data_type: TYPE_INT32 dims: [1] }]
        output [{ name: "OUT" data_type: TYPE_INT32 dims: [1] }]
        instance_group [{ count: 1 kind: KIND_CPU }]

        """

    /// A version that answers what its program says and what its data says, so that a mixture of two versions would show.
    static func version(_ version: Int, isBad: Bool = false) -> [String: [UInt8]] {
        let program = """
            import os
            import numpy as np
            import triton_python_backend_utils as backend

            class TritonPythonModel:
                def initialize(self, args):
                    if \(isBad ? "True" : "False"):
                        raise RuntimeError("version \(version) is bad")
                    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "data.txt")) as data:
                        self.answer = int(data.read()) * 1000 + \(version)

                def execute(self, requests):
                    answer = np.array([self.answer], dtype=np.int32)
                    return [backend.InferenceResponse([backend.Tensor("OUT", answer)]) for _ in requests]

            """
        return ["model.py": Array(program.utf8), "data.txt": Array("\(version)".utf8)]
    }

    static func answer(_ version: Int) -> Int { version * 1_001 }

    // MARK: A client

    /// What a client got that asked fifty times a second.
    struct Answers: Sendable {
        let count: Int
        /// In order, each once in a row.
        let seen: [Int]
        let failed: Int
        let failures: [String]
    }

    /// Has a client ask while `body` goes on.
    func asked(_ model: String = "mnist", during body: () async throws -> Void) async throws -> Answers {
        guard let python = Binaries.tool("python3") else { throw WaitedInVain(description: "no python3") }
        let command = [python, "\(#filePath.splitPath.parent)/infer.py", "\(port)", model]
        return try await ChildProcess.with(command, environment: ["PATH": "/usr/bin:/bin"]) { client in
            try await body()
            client.send(SIGTERM)
            let end = try await client.wait()
            try #require(end == .exited(0), "infer.py: \(client.errorText)")
            let said = try JSON(parsing: client.outputText)
            return Answers(
                count: Int(said["answers"]?.integer ?? 0),
                seen: said["seen"]?.array?.compactMap { $0.integer.map { Int($0) } } ?? [],
                failed: Int(said["failed"]?.integer ?? -1), failures: said["failures"]?.array?.compactMap(\.string) ?? [])
        }
    }
}

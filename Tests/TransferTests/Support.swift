import FileIO
import Glibc
import SystemPackage

@testable import Transfer

extension HTTPClient {
    /// Runs `body` beside a client on one thread, whose limits a test may tighten, and shuts it down.
    static func run<R: Sendable>(
        listener: (any WaitListener)? = nil, _ change: (inout HTTPClientConfiguration) -> Void = { _ in },
        _ body: (HTTPClient) async throws -> R
    ) async throws -> R {
        var configuration = HTTPClientConfiguration(version: "1.2.3")
        configuration.threads = 1
        change(&configuration)
        let client = try HTTPClient(configuration, listener: listener)
        let result: Result<R, any Error>
        do { result = .success(try await body(client)) } catch { result = .failure(error) }
        await client.shutdown()
        return try result.get()
    }
}

/// Runs `body` beside a server and a client.
func withServer<R: Sendable>(
    _ script: @escaping ScriptedServer.Script, _ change: (inout HTTPClientConfiguration) -> Void = { _ in },
    _ body: (ScriptedServer, HTTPClient) async throws -> R
) async throws -> R {
    try await ScriptedServer.run(script) { server in
        try await HTTPClient.run(change) { client in try await body(server, client) }
    }
}

/// What a call failed of; `nil` if it did not.
func failure<R>(of call: () async throws -> R) async -> TransportError.Kind? {
    do {
        _ = try await call()
        return nil
    } catch let error as TransportError {
        return error.kind
    } catch {
        return .library(reason: "an error of another type: \(error)")
    }
}

/// Where tasks go on on the thread that has carried their request.
let staying = WorkerThread(name: "test-staying", staysWhereResumed: true)

/// Starts a call beside the test, in a task that prefers a worker's threads or none; the task's value is what it failed of.
func start<R>(
    on worker: WorkerThread? = nil, _ call: @escaping @Sendable () async throws -> R
) -> Task<TransportError.Kind?, Never> {
    Task(executorPreference: worker) { await failure(of: call) }
}

/// A directory that is there as long as `body` runs.
func withTemporaryDirectory<R>(_ body: (FilePath) async throws -> R) async throws -> R {
    var template = Array("/tmp/aspired-transfer-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
    let path = FilePath(String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
    let result: Result<R, any Error>
    do { result = .success(try await body(path)) } catch { result = .failure(error) }
    try FileSystem().removeTree(path)
    return try result.get()
}

extension String {
    init(_ bytes: [UInt8]) { self.init(decoding: bytes, as: UTF8.self) }
}

/// A port of 127.0.0.1 on which nobody listens as long as this is open.
struct BoundSocket {
    let port: Int
    private let descriptor: CInt

    init() throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let result = withUnsafeMutableBytes(of: &address) { bytes in
            guard let address = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress else { return CInt(-1) }
            return bind(descriptor, address, length) == 0 ? getsockname(descriptor, address, &length) : -1
        }
        guard result == 0 else { throw Errno(rawValue: errno) }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    func close() { _ = Glibc.close(descriptor) }
}

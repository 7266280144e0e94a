import FileIO
import Glibc
import S3Fixture
import Servables
import SystemPackage
import Testing
import Transfer

@testable import S3

/// A fixture and a client of it, for the time of one test.
struct Store: Sendable {
    let server: FixtureServer
    let http: HTTPClient
    let client: S3Client
    let time: TestTime
    let telemetry: TestTelemetry
    /// A folder for staged files, removed at the end.
    let folder: FilePath

    static let keys = Credentials(
        accessKeyID: FixtureCredentials.example.accessKey, secretAccessKey: FixtureCredentials.example.secretKey)
    private static let reader = WorkerThread(name: "test-reader")

    static func with(
        _ options: FixtureOptions = FixtureOptions(), credentials: any CredentialProvider = StaticCredentials(keys),
        time: TestTime = TestTime(), endpoint: String? = nil, stall: StallLimit = .standard,
        change: (inout S3Options) -> Void = { _ in },
        _ body: (Store) async throws -> Void
    ) async throws {
        let server = try await FixtureServer.start(options: options)
        server.createBucket("b")
        var s3Options = S3Options()
        s3Options.endpoint = Sourced(endpoint ?? server.url, origin: "test")
        change(&s3Options)
        let configuration = try S3Configuration(options: s3Options, environment: [:], profile: nil)
        var transport = configuration.transport(version: "0")
        transport.threads = 1
        transport.stall = stall
        let http = try HTTPClient(transport)
        let telemetry = TestTelemetry()
        let client = S3Client(
            configuration: configuration, http: http, credentials: credentials, time: time, telemetry: telemetry)
        var template = Array("/tmp/aspired-s3-XXXXXX".utf8CString)
        let path = try #require(mkdtemp(&template).map { FilePath(platformString: $0) })
        let store = Store(server: server, http: http, client: client, time: time, telemetry: telemetry, folder: path)
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body(store)) } catch { outcome = .failure(error) }
        await http.shutdown()
        await server.shutdown()
        try FileSystem().removeTree(path)
        try outcome.get()
    }

    /// The staged file of an object; of the same name with what an earlier one left, if `extents` are given.
    func file(_ name: String, size: Int, extents: [Extent] = []) throws -> StagedFile {
        try StagedFile(
            path: folder.appending(name), size: Int64(size), extents: extents, fileSystem: FileSystem(), reader: Self.reader)
    }

    func content(of file: StagedFile) throws -> [UInt8] { try FileSystem().readFile(file.path, limit: 64 << 20) }

    /// Puts an object, and gives it as it would be listed.
    func put(_ key: String, _ data: [UInt8]) -> S3Object {
        server.put(bucket: "b", key: key, data: data)
        return listed(key, size: data.count)
    }

    func listed(_ key: String, size: Int) -> S3Object {
        S3Object(bucket: "b", key: key, size: Int64(size), etag: "\"\(server.etag(bucket: "b", key: key) ?? "")\"")
    }

    func list(prefix: String = "", delimiter: String? = nil, startAfter: String? = nil) async throws -> [String] {
        var names: [String] = []
        try await client.list(bucket: "b", prefix: prefix, delimiter: delimiter, startAfter: startAfter) { item in
            switch item {
            case .object(let object): names.append(object.key)
            case .prefix(let prefix): names.append("[\(prefix)]")
            }
        }
        return names
    }
}

struct StaticCredentials: CredentialProvider {
    private let keys: Credentials
    init(_ keys: Credentials) { self.keys = keys }
    func credentials() async throws(Failure) -> Credentials? { keys }
    func refresh(insteadOf credentials: Credentials) async -> Bool { false }
}

/// Bytes that differ from place to place.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 33)
    }
}

/// The error that `body` ends with.
func s3Error(_ body: () async throws -> Void) async throws -> S3Error {
    do {
        try await body()
    } catch let error as S3Error {
        return error
    }
    Issue.record("no error")
    throw CancellationError()
}

extension Store {
    /// Serves an object with one wrong bit, always: it is found, fetched anew once, named with both values, and nothing of it stays.
    func expectWrongBit(isFoundBy method: VerificationMethod, size: Int, _ scheduler: FetchScheduler) async throws {
        let object = put("m/1/k", noise(size))
        server.script(Fault(.flipBit(at: size / 2 + 5), on: .get, times: nil))
        let file = try file("f", size: size)
        let mismatches = Box(0)
        let error = try await s3Error {
            _ = try await scheduler.fetch(object, from: client, into: file) { event in
                if case .checksumMismatch = event { mismatches.change { $0 += 1 } }
            }
        }
        #expect(error.kind == .badData && !error.isTransient)
        guard case .checksumMismatch(method, let expected, let got) = error.cause else {
            Issue.record("\(error)")
            return
        }
        #expect(expected != got && expected.utf8.count == got.utf8.count)
        for text in ["s3://b/m/1/k", expected, got, method.rawValue] { #expect(error.description.contains(text)) }
        #expect(mismatches.value == 2)
        #expect(file.missing == [0..<Int64(size)])
    }
}

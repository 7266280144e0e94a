import FileIO
import S3
import S3Fixture
import Servables
import SystemPackage
import Testing
import Transfer

@testable import ModelSources

/// A store and a model in it, `s3://models/m`, for the time of one test.
struct Bucket: Sendable {
    let server: FixtureServer
    let client: S3Client
    let telemetry = Events()
    let time = StandingClock(Timestamp(secondsSinceEpoch: 1))

    static func with(_ options: FixtureOptions = FixtureOptions(), _ body: (Bucket) async throws -> Void) async throws {
        let server = try await FixtureServer.start(options: options)
        server.createBucket("models")
        var s3Options = S3Options()
        s3Options.endpoint = Sourced(server.url, origin: "test")
        let configuration = try S3Configuration(options: s3Options, environment: [:], profile: nil)
        let http = try HTTPClient(configuration.transport(version: "0"))
        let client = S3Client(
            configuration: configuration, http: http, credentials: ExampleCredentials(), time: SystemTimeSource(),
            telemetry: NoTelemetry())
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body(Bucket(server: server, client: client))) } catch { outcome = .failure(error) }
        await http.shutdown()
        await server.shutdown()
        try outcome.get()
    }

    func source(
        _ ready: ReadinessRule = .auto, settle: Duration = .seconds(10), prefix: String = "m", files: NamePatterns = .none
    ) -> S3Source {
        S3Source(
            bucket: "models", prefix: prefix, client: client, scheduler: FetchScheduler(), ready: ready, settle: settle,
            files: files, model: "m", telemetry: telemetry, time: time)
    }

    /// Puts an object of version 7, an hour old.
    func put(_ path: String, _ bytes: [UInt8] = [0x78], age: Duration = .seconds(3600)) {
        let now = SystemTimeSource().now().since(Timestamp(secondsSinceEpoch: 0))
        server.put(bucket: "models", key: "m/7/\(path)", data: bytes, lastModified: now - age)
    }

    func put(_ path: String, _ text: String, age: Duration = .seconds(3600)) { put(path, Array(text.utf8), age: age) }

    /// The GETs of objects since the last time, as `path` or `path first-last`.
    func reads() -> [String] {
        defer { server.forgetRequests() }
        return server.requests.filter { $0.operation == .get }.map { request in
            let path = String(request.key.dropFirst("m/7/".count))
            return request.range.map { "\(path) \($0.dropFirst("bytes=".count))" } ?? path
        }
    }
}

private struct ExampleCredentials: CredentialProvider {
    func credentials() async throws(Failure) -> Credentials? {
        Credentials(
            accessKeyID: FixtureCredentials.example.accessKey, secretAccessKey: FixtureCredentials.example.secretKey)
    }
    func refresh(insteadOf credentials: Credentials) async -> Bool { false }
}

/// Keeps warnings, and counts mismatches.
final class Events: Telemetry {
    private let state = Lock<(warnings: [String], mismatches: Int)>(([], 0))
    var warnings: [String] { state.withLock { $0.warnings } }
    var mismatches: Int { state.withLock { $0.mismatches } }

    func record(_ event: TelemetryEvent) {
        state.withLock { state in
            switch event {
            case .warning(let text): state.warnings.append(text)
            case .checksumMismatch: state.mismatches += 1
            default: break
            }
        }
    }
}

import Logging
import PlainJSON
import Servables
import Testing

@testable import Monitoring

@Suite("Event log")
struct EventLoggerTests {
    private let time = ManualTime()
    private let pipe = Pipe(capacity: 1 << 20)

    private func eventLogger(_ level: Logger.Level = .trace, _ format: LogFormat = .json) -> EventLogger {
        EventLogger(logger: makeLogger(pipe, format, level, time), time: time)
    }

    private static let version = Version(number: 8)
    private static let failure = Failure(.unavailable, "GET s3://b/m/8/x: 503 SlowDown", isTransient: true)

    static let every: [(event: TelemetryEvent, level: String, message: String)] = [
        (
            .fetchStarted(model: "m", version: version, files: 12, bytes: 3 << 30, missing: 3 << 30), "info",
            "fetching m version 8: 12 files, 3.0 GiB"
        ),
        (
            .fetchStarted(model: "m", version: version, files: 1, bytes: 3 << 30, missing: 1 << 20), "info",
            "fetching m version 8: 1 file, 3.0 GiB, 1.0 MiB of it not here yet"
        ),
        (.fetched(model: "m", bytes: 65536), "trace", "fetched 64.0 KiB of m"),
        (
            .published(
                model: "m", version: version, files: 2, bytes: 4 << 20, fetched: 2 << 20, took: .milliseconds(2000),
                lag: .seconds(75),
                verified: [.md5: 1, .crc64nvme: 1]), "info",
            "published m version 8: 2 files, 4.0 MiB in 2s, 1.0 MiB/s, 1m15s after its newest object"
        ),
        (
            .adopted(model: "m", version: version, files: 2, bytes: 100), "info",
            "adopted m version 8, which was in place and equals its source: 2 files, 100 B"
        ),
        (.pruned(model: "m", version: version), "info", "pruned m version 8"),
        (.confirmed(model: "m", version: version, took: .seconds(2)), "info", "the server has loaded m version 8, after 2s"),
        (
            .refused(model: "m", version: version, reason: "DATA_LOSS: no"), "error",
            "the server could not load m version 8, which is taken out; what was served before stays; "
                + "upload it anew, or publish another version: DATA_LOSS: no"
        ),
        (
            .held(model: "m", version: version, reason: "no marker DONE"), "info",
            "m version 8 is not complete in its source: no marker DONE"
        ),
        (.foreign(model: "m", name: "9", reason: "it is a file"), "warning", "left 9 of m alone: it is a file"),
        (
            .versionFailed(model: "m", version: version, failure: failure, retryIn: .seconds(30)), "warning",
            "m version 8 failed, next try in 30s: GET s3://b/m/8/x: 503 SlowDown"
        ),
        (
            .versionFailed(model: "m", version: version, failure: Failure(.badData, "unsafe key ../x"), retryIn: nil), "error",
            "m version 8 failed: unsafe key ../x"
        ),
        (.checksumMismatch(model: "m"), "warning", "bytes of m came that do not match the checksum of their object"),
        (.syncSucceeded(model: "m", at: Timestamp(secondsSinceEpoch: 1)), "debug", "looked at the source of m"),
        (
            .syncFailed(model: "m", failure: failure, retryIn: .seconds(1.5)), "warning",
            "m failed, next try in 1.5s: GET s3://b/m/8/x: 503 SlowDown"
        ),
        (.s3Request(operation: "GetObject", status: 206, took: .milliseconds(12)), "debug", "GetObject: 206 after 12ms"),
        (.s3Request(operation: "ListObjectsV2", status: 0, took: .seconds(3)), "debug", "ListObjectsV2: no answer after 3s"),
        (
            .s3Retry(reason: "timeout", message: "GET s3://b/x: no byte in 30s"), "warning",
            "a request to S3 is tried again: GET s3://b/x: no byte in 30s"
        ),
        (.started(program: "aspired 0.1.0", root: "/models", models: 1), "info", "started with 1 model on /models"),
        (.standby(holder: "pid 7 on node-1"), "notice", "standing by: the volume is held by pid 7 on node-1"),
        (.tookOver, "notice", "took over the volume"),
        (.stopping(reason: "SIGTERM"), "info", "stopping: SIGTERM"),
        (.reloaded(models: 3), "info", "read the configuration again: 3 models"),
        (.swept(entries: 2), "info", "removed 2 leftovers of an earlier run"),
        (.swept(entries: 0), "debug", "removed 0 leftovers of an earlier run"),
        (.listening(address: "[::]:9464"), "info", "listening on [::]:9464"),
        (.warning("odd"), "warning", "odd"),
        (.notice("even"), "notice", "even"),
    ]

    @Test("every event is one line that a person understands", arguments: every.indices)
    func everyEvent(index: Int) throws {
        let (event, level, message) = Self.every[index]
        eventLogger().record(event)
        let lines = pipe.lines()
        #expect(lines.count == 1)
        let line = try JSON(parsing: try #require(lines.first))
        #expect(line["level"]?.string == level)
        #expect(line["message"]?.string == message)
    }

    @Test("what was published is told in numbers, too")
    func publishedFields() {
        eventLogger(.info).record(
            .published(
                model: "m", version: Self.version, files: 2, bytes: 4 << 20, fetched: 2 << 20, took: .milliseconds(1600),
                lag: .seconds(75.25), verified: [.md5: 1, .crc64nvme: 3]))
        #expect(
            pipe.text().hasSuffix(
                #""model":"m","version":8,"files":2,"bytes":4194304,"fetched":2097152,"seconds":1.6,"rate":1310720,"lag_seconds":75.25,"#
                    + #""verified":"crc64nvme:3,md5:1"}"# + "\n"))
    }

    @Test("a failure has kind, reason and the seconds to the next try")
    func failureFields() {
        eventLogger(.info).record(
            .versionFailed(model: "m", version: Self.version, failure: Self.failure, retryIn: .milliseconds(1500)))
        #expect(
            pipe.text().hasSuffix(
                #""model":"m","version":8,"kind":"unavailable","reason":"GET s3://b/m/8/x: 503 SlowDown","retry_in":1.5}"# + "\n")
        )
    }

    @Test("a reused version that came without a byte has no rate")
    func noRate() throws {
        eventLogger().record(
            .published(
                model: "m", version: Self.version, files: 1, bytes: 5, fetched: 0, took: .zero, lag: nil, verified: [:]))
        let line = try JSON(parsing: pipe.text().dropLast().utf8)
        #expect(line["rate"] == nil)
        #expect(line["lag_seconds"] == nil)
        #expect(line["message"] == "published m version 8: 1 file, 5 B in 0ms")
    }

    @Test("the same failure is said again every five minutes only, with the number in between")
    func repeats() throws {
        let log = eventLogger(.info)
        let event = TelemetryEvent.syncFailed(model: "m", failure: Self.failure, retryIn: .seconds(1))
        for _ in 0..<100 {
            log.record(event)
            time.advance(by: .seconds(2.99))
        }
        #expect(pipe.lines().count == 1)
        time.advance(by: .seconds(1))
        log.record(event)
        log.record(event)
        let again = pipe.lines()
        #expect(again.count == 1)
        #expect(try JSON(parsing: try #require(again.first))["repeated"] == 99)
    }

    @Test("another text, another version, another model is another failure")
    func distinct() {
        let log = eventLogger(.info)
        for model in ["a", "b"] {
            for number in [1, 2] as [Int64] {
                for text in ["x", "y"] {
                    log.record(
                        .versionFailed(
                            model: model, version: Version(number: number), failure: Failure(.denied, text), retryIn: .seconds(1))
                    )
                }
            }
        }
        #expect(pipe.lines().count == 8)
    }

    @Test("the first success after a failure is said, and the next failure again")
    func recovery() throws {
        let log = eventLogger(.info)
        let failed = TelemetryEvent.syncFailed(model: "m", failure: Self.failure, retryIn: nil)
        let succeeded = TelemetryEvent.syncSucceeded(model: "m", at: time.now())
        for event in [succeeded, failed, failed, succeeded, succeeded, failed] { log.record(event) }
        let messages = try pipe.lines().map { try JSON(parsing: $0)["message"]?.string }
        let failure = "m failed: GET s3://b/m/8/x: 503 SlowDown"
        #expect(messages == [failure, "m is in order again: its source answers", failure])
    }

    @Test("retries are said once for each kind, whatever the request")
    func retries() {
        let log = eventLogger(.info)
        for number in 0..<1000 {
            log.record(.s3Retry(reason: number % 2 == 0 ? "timeout" : "throttled", message: "request \(number)"))
        }
        #expect(pipe.lines().count == 2)
    }

    @Test("what is remembered of repeats is bounded")
    func bounded() {
        var limiter = RepeatLimiter()
        for number in 0..<(RepeatLimiter.capacity * 3) {
            #expect(limiter.admit(subject: "\(number)", text: "t", at: .zero) == 0)
        }
        #expect(limiter.admit(subject: "\(RepeatLimiter.capacity * 3 - 1)", text: "t", at: .seconds(1)) == nil)
        #expect(limiter.count <= RepeatLimiter.capacity)
    }
}

import FileIO
import Servables

/// A value that closures of a test share.
final class Box<Value: Sendable>: Sendable {
    private let lock: Lock<Value>
    init(_ value: Value) { lock = Lock(value) }
    var value: Value {
        get { lock.withLock { $0 } }
        set { lock.withLock { $0 = newValue } }
    }
    @discardableResult
    func change<Result: Sendable>(_ body: (inout Value) -> Result) -> Result { lock.withLock { body(&$0) } }
}

/// Sleeps are noted and over at once; the dice always show the same.
final class TestTime: TimeSource {
    private let state = Box<(sleeps: [Duration], offset: Duration)>(([], .zero))
    let dice: Double

    /// A clock that is `offset` from the machine's.
    init(dice: Double = 0.5, offset: Duration = .zero) {
        self.dice = dice
        state.change { $0.offset = offset }
    }

    var sleeps: [Duration] { state.value.sleeps }

    func now() -> Timestamp { SystemTimeSource().now().advanced(by: state.value.offset) }
    func uptime() -> Duration { SystemTimeSource().uptime() }
    func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        state.change { $0.sleeps.append(duration) }
    }
    func random() -> Double { dice }
}

/// Keeps every event.
final class TestTelemetry: Telemetry {
    private let box = Box<[TelemetryEvent]>([])

    func record(_ event: TelemetryEvent) { box.change { $0.append(event) } }

    /// The reasons of the retries, in order.
    var retries: [String] {
        box.value.compactMap { if case .s3Retry(let reason, _) = $0 { reason } else { nil } }
    }

    /// Operations and statuses of the requests, in order: `GetObject 206`.
    var requests: [String] {
        box.value.compactMap { if case .s3Request(let operation, let status, _) = $0 { "\(operation) \(status)" } else { nil } }
    }

    var events: [TelemetryEvent] { box.value }

    var warnings: [String] { box.value.compactMap { if case .warning(let text) = $0 { text } else { nil } } }

    var notices: [String] { box.value.compactMap { if case .notice(let text) = $0 { text } else { nil } } }

    var messages: [String] {
        box.value.compactMap { if case .s3Retry(_, let message) = $0 { message } else { nil } }
    }
}

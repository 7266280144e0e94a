import FileIO
import Servables

/// A clock that stands until a test moves it; who sleeps is woken when his time has come.
final class VirtualTime: TimeSource {
    private struct Sleeper {
        let duration: Duration
        let due: Duration
        let continuation: CheckedContinuation<Void, any Error>
    }
    private struct State {
        var uptime: Duration = .zero
        var next = 0
        var sleepers: [Int: Sleeper] = [:]
        var cancelled: Set<Int> = []
        var dice: [Double] = []
    }
    private let state = Lock(State())
    static let start = Timestamp(secondsSinceEpoch: 1_800_000_000)

    func now() -> Timestamp { Self.start.advanced(by: uptime()) }
    func uptime() -> Duration { state.withLock { $0.uptime } }

    /// The numbers of `throwDice` first, then one half.
    func random() -> Double { state.withLock { $0.dice.isEmpty ? 0.5 : $0.dice.removeFirst() } }
    func throwDice(_ numbers: [Double]) { state.withLock { $0.dice = numbers } }

    func sleep(for duration: Duration) async throws {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isOver: Result<Void, any Error>? = state.withLock { state in
                    if state.cancelled.remove(id) != nil || Task.isCancelled { return .failure(CancellationError()) }
                    if duration <= .zero { return .success(()) }
                    state.sleepers[id] = Sleeper(duration: duration, due: state.uptime + duration, continuation: continuation)
                    return nil
                }
                if let isOver { continuation.resume(with: isOver) }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: id)
                if sleeper == nil { state.cancelled.insert(id) }
                return sleeper
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Who sleeps, but for those whose duration is one of `others`.
    func sleepers(but others: Set<Duration> = []) -> Set<Int> {
        state.withLock { state in Set(state.sleepers.filter { !others.contains($0.value.duration) }.keys) }
    }

    func isAnyone(sleeping duration: Duration) -> Bool {
        state.withLock { $0.sleepers.values.contains { $0.duration == duration } }
    }

    /// How long those who sleep asked to, shortest first.
    var durations: [Duration] { state.withLock { $0.sleepers.values.map(\.duration).sorted() } }

    /// Moves to the next sleeper's time, if that is not past `end`, else to `end`.
    /// - Returns: whether anybody was woken.
    @discardableResult
    func moveToNext(end: Duration = .seconds(1_000_000_000)) -> Bool {
        let woken = state.withLock { state in
            guard let due = state.sleepers.values.map(\.due).min(), due <= end else {
                if end < .seconds(1_000_000_000) { state.uptime = max(state.uptime, end) }
                return [Sleeper]()
            }
            state.uptime = max(state.uptime, due)
            let ids = state.sleepers.filter { $0.value.due <= due }.keys
            return ids.compactMap { state.sleepers.removeValue(forKey: $0) }
        }
        for sleeper in woken { sleeper.continuation.resume() }
        return !woken.isEmpty
    }
}

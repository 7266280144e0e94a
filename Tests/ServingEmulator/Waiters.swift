/// Those who wait for something to become true.
final class Waiters: Sendable {
    struct Waiter: Sendable {
        let deadline: ContinuousClock.Instant
        let condition: @Sendable () -> Bool
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var waiting: [Int: Waiter] = [:]
        var count = 0
    }

    private let state = Lock(State())

    func add(_ waiter: Waiter) {
        state.withLock { state in
            state.count += 1
            state.waiting[state.count] = waiter
        }
    }

    /// Lets go those whose condition holds, and those whose time is up.
    func check(isLast: Bool = false) {
        for (number, waiter) in state.withLock({ $0.waiting }) {
            let holds = waiter.condition()
            guard holds || isLast || ContinuousClock.now >= waiter.deadline else { continue }
            // Two threads may check at a time; the one that takes it out resumes it.
            state.withLock { $0.waiting.removeValue(forKey: number) }?.continuation.resume(returning: holds)
        }
    }
}

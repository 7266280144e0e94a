import FileIO

/// How many requests may be in flight at once, over everything that is fetched: whoever comes when they are all taken waits,
/// the highest priority first, then the longest waiting. Nothing polls.
final class RequestWindow: Sendable {
    private struct Waiter {
        let number: UInt64
        let priority: Int
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var free: Int
        var nextNumber: UInt64 = 0
        /// Ascending by what comes next: the last one is the next one.
        var waiting: [Waiter] = []
        /// Cancelled before they began to wait.
        var cancelled: Set<UInt64> = []
    }

    private let state: Lock<State>

    init(_ size: Int) {
        precondition(size > 0, "a window of no requests would wait for ever")
        state = Lock(State(free: size))
    }

    /// Who waits for a place.
    var waiting: Int { state.withLock { $0.waiting.count } }

    /// Runs `body` while it holds one of the places.
    /// - Returns: `nil`, without having run it, where the task was cancelled while it waited.
    nonisolated(nonsending) func withPlace<Value, Failure: Error>(
        priority: Int, _ body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value? {
        guard await take(priority: priority) else { return nil }
        defer { giveBack() }
        return try await body()
    }

    private func take(priority: Int) async -> Bool {
        let number = state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        // Once the handler is gone nobody else can have left the number behind.
        defer { state.withLock { _ = $0.cancelled.remove(number) } }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if state.cancelled.remove(number) != nil { return false }
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    let index = state.waiting.firstIndex { $0.priority >= priority } ?? state.waiting.endIndex
                    state.waiting.insert(Waiter(number: number, priority: priority, continuation: continuation), at: index)
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let waiter: Waiter? = state.withLock { state in
                guard let index = state.waiting.firstIndex(where: { $0.number == number }) else {
                    state.cancelled.insert(number)
                    return nil
                }
                return state.waiting.remove(at: index)
            }
            waiter?.continuation.resume(returning: false)
        }
    }

    private func giveBack() {
        let next: Waiter? = state.withLock { state in
            guard let next = state.waiting.popLast() else {
                state.free += 1
                return nil
            }
            return next
        }
        next?.continuation.resume(returning: true)
    }
}

import FileIO

/// One answer that several tasks wait for. A task that is cancelled stops waiting; the work goes on for the others.
final class SharedAnswer<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var waiters: [Int: Handover<Value?>] = [:]
        var cancelled: Set<Int> = []
        var tickets = 0
    }

    private let state = Lock(State())

    /// Gives the answer, once.
    func give(_ value: Value) {
        let waiters = state.withLock { state in
            state.value = value
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.give(value) }
    }

    /// - Returns: the answer; `nil` where the task is cancelled before it is there.
    func value() async -> Value? {
        let ticket = state.withLock { state in
            state.tickets += 1
            return state.tickets
        }
        return await withTaskCancellationHandler {
            await withHandover { handover in
                let isOver = state.withLock { state in
                    if state.value != nil || state.cancelled.remove(ticket) != nil { return true }
                    state.waiters[ticket] = handover
                    return false
                }
                if isOver { handover.give(state.withLock { $0.value }) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                // The handler may run before the task has begun to wait.
                if let waiter = state.waiters.removeValue(forKey: ticket) { return waiter as Handover<Value?>? }
                state.cancelled.insert(ticket)
                return nil
            }
            waiter?.give(nil)
        }
    }
}

import FileIO
import Servables

/// Wakes one waiting task; rings while nobody waits are not lost, and several count as one.
final class Doorbell: Sendable {
    private struct State {
        var isRung = false
        var sleeper: Task<Void, Never>?
    }

    private let state = Lock(State())

    func ring() {
        let sleeper = state.withLock { state in
            state.isRung = true
            return state.sleeper
        }
        sleeper?.cancel()
    }

    /// Suspends until somebody rings, `longest` has passed, or the task is cancelled.
    func wait(atMost longest: Duration, time: any TimeSource) async {
        let sleeper = state.withLock { state -> Task<Void, Never>? in
            if !state.isRung { state.sleeper = Task { try? await time.sleep(for: longest) } }
            return state.sleeper
        }
        if let sleeper {
            await withTaskCancellationHandler {
                await sleeper.value
            } onCancel: {
                sleeper.cancel()
            }
        }
        // A ring until now is answered by the return.
        state.withLock { $0 = State() }
    }
}

import FileIO
import Servables

/// A model server that says what a test has it say.
final class ScriptedServer: ServerLink {
    private struct State {
        var states: [String: [Version: ServedState]] = [:]
        var isAway = false
        var isSilent = false
        var questions: [String] = []
    }
    private let state = Lock(State())

    let description = "the server"

    func view(of model: String) async throws(ServerFault) -> ServerView {
        let answer: Result<ServerView, ServerFault> = state.withLock { state in
            state.questions.append(model)
            if state.isAway { return .failure(ServerFault(Failure(.unavailable, "ask the server: nobody there"), isAway: true)) }
            if state.isSilent { return .failure(ServerFault(Failure(.unavailable, "ask the server: no answer"), isAway: false)) }
            return .success(ServerView(state.states[model] ?? [:]))
        }
        return try answer.get()
    }

    /// What it says from now on; a version that is not named keeps its state.
    func say(_ states: [String: ServedState], of model: String = "m") {
        state.withLock { state in
            for (name, new) in states { if let version = Version(name) { state.states[model, default: [:]][version] = new } }
        }
    }

    /// What it says no longer.
    func forget(_ name: String, of model: String = "m") {
        state.withLock { state in if let version = Version(name) { state.states[model]?[version] = nil } }
    }

    /// It is stopped, or has died: it comes back with nothing.
    func die() {
        state.withLock { state in
            state.isAway = true
            state.states = [:]
        }
    }

    func start() { state.withLock { $0.isAway = false } }

    /// It is there and does not answer.
    func silence(_ isSilent: Bool) { state.withLock { $0.isSilent = isSilent } }

    /// The models that it was asked for, in order.
    var questions: [String] { state.withLock { $0.questions } }
}

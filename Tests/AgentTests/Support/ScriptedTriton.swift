import FileIO
import Servables
import SystemPackage

/// A model server that loads what it is told to, from the volume as it is then, and keeps the version that its policy takes: the highest.
final class ScriptedTriton: ServerLink {
    private struct Model {
        var states: [Version: ServedState] = [:]
        /// What it has of an available version: the directory's inode.
        var contents: [Version: UInt64] = [:]
    }
    private struct State {
        var models: [String: Model] = [:]
        var bad: Set<String> = []
        var isAway = false
        var polls = false
        var excuse: String?
        var holds = false
        var held: [CheckedContinuation<Void, Never>] = []
        var log: [String] = []
        var questions = 0
        var disturbances: [String] = []
    }
    private let root: FilePath
    private let files = FileSystem()
    private let state = Lock(State())

    init(root: FilePath) { self.root = root }

    let description = "the server"
    let loadsWhenTold = true

    // MARK: What a test sets and asks

    /// Versions that it cannot load.
    func spoil(_ names: String...) { state.withLock { $0.bad = Set(names) } }
    /// It loads nothing, for this reason.
    func excuse(_ words: String?) { state.withLock { $0.excuse = words } }
    /// It takes no orders.
    func pollOnly() { state.withLock { $0.polls = true } }
    /// Loads begin and do not end.
    func hold() { state.withLock { $0.holds = true } }
    var isHolding: Bool { state.withLock { !$0.held.isEmpty } }
    func release() {
        let held = state.withLock { state in
            state.holds = false
            defer { state.held = [] }
            return state.held
        }
        for one in held { one.resume() }
    }
    /// It is stopped, or has died: it comes back with nothing.
    func die() {
        state.withLock { state in
            state.isAway = true
            state.models = [:]
        }
        release()
    }
    func start() { state.withLock { $0.isAway = false } }
    /// It is started anew between two questions.
    func restart() { state.withLock { $0.models = [:] } }
    /// It is at work on a version, by nobody's order.
    func say(_ name: String, _ new: ServedState, of model: String = "m") {
        guard let version = Version(name) else { return }
        state.withLock { $0.models[model, default: Model()].states[version] = new }
    }

    /// The orders that it was given: `load m 7 8`, with what was in the base path, or `unload m`.
    var orders: [String] { state.withLock { $0.log } }
    var questions: Int { state.withLock { $0.questions } }
    /// What was moved while it loaded.
    var disturbances: [String] { state.withLock { $0.disturbances } }
    func available(_ model: String = "m") -> [String] {
        state.withLock { state in
            (state.models[model]?.states ?? [:]).filter { $0.value == .available }.keys.sorted().map(\.name)
        }
    }
    /// What it serves of a version.
    func content(_ name: String, of model: String = "m") -> UInt64? {
        state.withLock { state in Version(name).flatMap { state.models[model]?.contents[$0] } }
    }

    // MARK: ServerLink

    func view(of model: String) async throws(ServerFault) -> ServerView {
        let view: ServerView? = state.withLock { state in
            state.questions += 1
            return state.isAway ? nil : ServerView(state.models[model]?.states ?? [:])
        }
        guard let view else { throw away }
        return view
    }

    func load(_ model: String) async throws(ServerFault) -> LoadAnswer {
        let before = names(model)
        enum Answer { case away, polls, goesOn(String?) }
        let answer: Answer = state.withLock { state in
            if state.isAway { return .away }
            if state.polls { return .polls }
            state.log.append((["load", model] + before).joined(separator: " "))
            return .goesOn(state.excuse)
        }
        switch answer {
        case .away: throw away
        case .polls: return .looksByItself("polling is enabled")
        case .goesOn(let excuse?): return .failed(excuse)
        case .goesOn(nil): break
        }
        if state.withLock({ $0.holds }) {
            await withCheckedContinuation { continuation in state.withLock { $0.held.append(continuation) } }
        }
        if state.withLock({ $0.isAway }) { throw away }
        let after = names(model)
        if before != after { state.withLock { $0.disturbances.append("\(before) \(after)") } }
        return look(model)
    }

    func unload(_ model: String) async throws(ServerFault) -> LoadAnswer {
        let isAway = state.withLock { state in
            if state.isAway { return true }
            state.log.append("unload \(model)")
            guard !state.polls else { return false }
            let states = (state.models[model]?.states ?? [:]).mapValues { $0 == .available ? .ended : $0 }
            state.models[model]?.states = states
            return false
        }
        if isAway { throw away }
        return state.withLock { $0.polls } ? .looksByItself("polling is enabled") : .done
    }

    /// Loads what is there, as an order or a poll has it do.
    @discardableResult
    func look(_ model: String = "m") -> LoadAnswer {
        guard let chosen = names(model).compactMap({ Version($0) }).max() else { return .failed("no version") }
        let inode = (try? files.status(root.appending(model).appending(chosen.name)))??.inode
        return state.withLock { state in
            var now = state.models[model] ?? Model()
            defer { state.models[model] = now }
            if state.bad.contains(chosen.name) {
                now.states[chosen] = .failed("it is bad")
                return .failed("failed to load '\(model)'")
            }
            for (version, old) in now.states where old == .available && version != chosen { now.states[version] = .ended }
            now.states[chosen] = .available
            now.contents[chosen] = inode
            return .done
        }
    }

    private var away: ServerFault {
        ServerFault(Failure(.unavailable, "ask the server: nobody there"), isAway: true)
    }

    private func names(_ model: String) -> [String] {
        ((try? files.list(root.appending(model))) ?? []).sorted()
    }
}

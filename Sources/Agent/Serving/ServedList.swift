public import FileIO
import ModelsConfig
public import Servables
public import SystemPackage

/// The list of models that the server reads (`--render-models-config`): the one that is aspired, with base paths on the volume, and
/// never ahead of what is there. It is the model's own turns that bring it forward.
///
/// What it says now is in the file alone: that of an earlier process is gone on from.
public final class ServedList: Sendable {
    private let path: FilePath
    /// Of the volume, as the server sees it.
    private let root: FilePath
    private let isAsked: Bool
    private let fileSystem: FileSystem
    /// Makes the calls on the file.
    private let worker: WorkerThread
    private let telemetry: any Telemetry
    private let time: any TimeSource
    private let state = Lock(State())

    private struct Model {
        let policy: VersionPolicy
        let labels: [String: Int64]
    }

    private struct State {
        /// What is aspired; `nil` while that is not known.
        var config: ModelServerConfig?
        /// Of the models that are synced, in their order.
        var names: [String] = []
        var models: [String: Model] = [:]
        var standings: [String: ListStanding] = [:]
        /// What is in the file; `nil`: there is none that can be read.
        var written: ModelServerConfig?
        /// Of its models, those with their base path on the volume.
        var entries: [String: ListEntry] = [:]
        /// What the file said of a model not long ago.
        var formers: [String: [ListFreedom.Former]] = [:]
        /// When a model left the file.
        var leftAt: [String: Duration] = [:]
        /// When the file changed last for a model that it has, until the server was seen to do what it says, or it is told that it does not.
        var unread: [String: Duration] = [:]
        /// When the file was written, as far as its time of change tells.
        var writtenAt: Duration?
        var failures = FailureStreak()
        /// Of which it was said that they are left out.
        var saidLabels: [String: [String: Int64]] = [:]
    }

    /// - Parameters:
    ///   - path: the file; what it holds is read at first use.
    ///   - root: of the volume.
    ///   - isAsked: whether a server is asked what it has available.
    ///   - fileSystem: makes the calls on the file.
    ///   - worker: on this thread.
    ///   - telemetry: hears of each change, and of what is wrong.
    ///   - time: for what lasts.
    public init(
        path: FilePath, root: FilePath, isAsked: Bool, fileSystem: FileSystem = FileSystem(), worker: WorkerThread,
        telemetry: any Telemetry, time: any TimeSource
    ) {
        self.path = path
        self.root = root
        self.isAsked = isAsked
        self.fileSystem = fileSystem
        self.worker = worker
        self.telemetry = telemetry
        self.time = time
    }

    /// Why the file could not be written the last time; `nil` where it could.
    func failure() async -> Failure? { await worker.run { [state] in state.withLock { $0.failures.last } } }

    /// Goes by another list from now on: what it no longer has leaves the file.
    func take(_ set: ModelSet) async {
        // Where nobody knows what is aspired the file stays as it is.
        guard set.gap == nil, let config = (set.list.map { try? ModelServerConfig(parsing: $0) } ?? .empty) else { return }
        await worker.run { [self] in
            state.withLock { state in
                if state.config == nil { readFile(&state) }
                let labels = Dictionary(uniqueKeysWithValues: config.models.map { ($0.name, $0.labels) })
                state.config = config
                state.names = set.models.map(\.name)
                state.models = Dictionary(
                    uniqueKeysWithValues: set.models.map { ($0.name, Model(policy: $0.policy, labels: labels[$0.name] ?? [:])) })
                state.standings = state.standings.filter { state.models[$0.key] != nil }
                sayLabels(&state)
                for name in state.names { state.leftAt[name] = nil }
                write(&state)
            }
        }
    }

    /// Brings the list forward by how a model stands now.
    /// - Parameters:
    ///   - name: the model.
    ///   - standing: how it stands.
    ///   - seen: what the server says of it, and which that is; `nil` where it cannot be asked now.
    /// - Returns: what may be taken out of its base path; `nil` while nobody knows what is aspired.
    func follow(_ name: String, _ standing: ListStanding, seen: (by: String, view: ServerView)?) async -> ListFreedom? {
        await worker.run { [self] in
            state.withLock { state in
                guard let model = state.models[name] else { return nil }
                // All models are rendered for it: not in each turn of each.
                let isSame = state.standings.updateValue(standing, forKey: name) == standing
                if !isSame || state.failures.count > 0 || !isThere { write(&state) }
                if let seen { sayUnread(name, standing, seen, &state) }
                return ListFreedom(
                    standing: standing, entry: state.entries[name], next: next(name, model, state),
                    hasDesiredLabels: !model.labels.isEmpty, formers: state.formers[name] ?? [])
            }
        }
    }

    /// How a model that is taken out stands in the file.
    enum Leave {
        /// Nobody has seen a file.
        case noFile
        /// It is still in there: the file cannot be written.
        case pending
        /// It is in there with a base path elsewhere: the server alone has it from now on.
        case elsewhere(since: Duration)
        case out(since: Duration)
    }

    /// Says how a model that is taken out stands in the file.
    func leave(of name: String) async -> Leave {
        await worker.run { [self] in
            state.withLock { state in
                // What could not be written is tried again by whoever waits for it.
                write(&state)
                guard let since = state.leftAt[name] ?? state.writtenAt, let written = state.written else { return .noFile }
                if state.entries[name] != nil { return .pending }
                return written.models.contains { $0.name == name } ? .elsewhere(since: since) : .out(since: since)
            }
        }
    }

    // MARK: - The file

    private func readFile(_ state: inout State) {
        guard let status = try? fileSystem.status(path), status.kind == .file,
            let text = try? fileSystem.readFile(path, limit: Self.limit)
        else { return }
        state.writtenAt = time.uptime() - max(.zero, time.now().since(status.modified))
        guard let config = try? ModelServerConfig(parsing: text) else { return }
        state.written = config
        state.entries = entries(of: config)
        for name in state.entries.keys {
            state.formers[name] = state.writtenAt.map { [ListFreedom.Former(entry: nil, replacedAt: $0)] }
        }
    }

    private var isThere: Bool { (try? fileSystem.status(path)?.kind) == .file }

    private func basePath(_ name: String) -> String { root.appending(name).string }

    /// How models of the volume stand in a list.
    private func entries(of config: ModelServerConfig) -> [String: ListEntry] {
        var entries: [String: ListEntry] = [:]
        for model in config.models where model.basePath == basePath(model.name) {
            entries[model.name] = ListEntry(policy: model.policy ?? .latest(1), labels: model.labels)
        }
        return entries
    }

    private static let limit = 4 << 20

    private func next(_ name: String, _ model: Model, _ state: State) -> ListEntry? {
        ListEntry.next(model.policy, labels: model.labels, state.standings[name], current: state.entries[name])
    }

    /// Writes the file if it is to be another one. A failure is told, and tried again with the turns of the models.
    private func write(_ state: inout State) {
        guard let config = state.config else { return }
        var entries: [String: ListEntry] = [:]
        for (name, model) in state.models { entries[name] = next(name, model, state) }
        func rendered(_ name: String, policy: VersionPolicy?) -> ServedEntry? {
            guard let entry = entries[name] else {
                // Until it is on the volume the server has it from where it had it before.
                return state.written?.models.first { $0.name == name && $0.basePath != basePath(name) }.map {
                    ServedEntry(basePath: $0.basePath, policy: $0.policy, labels: $0.labels)
                }
            }
            return ServedEntry(
                basePath: basePath(name), policy: entry.policy == policy ?? .latest(1) ? policy : entry.policy,
                labels: entry.labels)
        }
        let listed = Set(config.models.map(\.name))
        let added = state.names.filter { !listed.contains($0) }.compactMap { name in
            rendered(name, policy: nil).map { (name: name, entry: $0) }
        }
        let text = config.rendered(adding: added) { model in
            guard state.models[model.name] != nil else {
                return ServedEntry(basePath: nil, policy: model.policy, labels: model.labels)
            }
            return rendered(model.name, policy: model.policy)
        }
        guard let next = try? ModelServerConfig(parsing: text) else {
            return fail("what it would be is no list: a bug of ours, please report it", &state)
        }
        // A server that finds an empty list is up and serves nothing.
        if next.models.isEmpty, state.written == nil { return }
        if text == state.written?.text, isThere { return }
        let now = time.uptime()
        guard state.failures.retryAt <= now else { return }
        do throws(FileError) {
            try fileSystem.replaceFile(path, with: text, mode: 0o644)
        } catch {
            return fail("\(error.errno); is its directory there and writable?", &state)
        }
        state.failures = FailureStreak()
        for name in Set(state.entries.keys).union(entries.keys) where state.entries[name] != entries[name] {
            // A model that is new to the server has nothing of an earlier list.
            var formers = (state.formers[name] ?? []).filter { !$0.isOver(now) }
            if let entry = state.entries[name] { formers.append(.init(entry: entry, replacedAt: now)) }
            state.formers[name] = formers
            state.unread[name] = entries[name].map { _ in now }
        }
        let names = Set(next.models.map(\.name))
        for model in state.written?.models ?? [] where !names.contains(model.name) || state.models[model.name] == nil {
            state.leftAt[model.name] = state.leftAt[model.name] ?? now
        }
        state.written = next
        state.writtenAt = now
        state.entries = self.entries(of: next)
        telemetry.record(.notice("the server's list of models \(path) is another one: \(Self.described(names.count))"))
    }

    private func fail(_ cause: String, _ state: inout State) {
        let failure = Failure(.volume, "write the server's list of models \(path): \(cause)", isTransient: true)
        let isNew = state.failures.last?.message != failure.message
        state.failures.add(failure, now: time.uptime()) { _ in Self.retryInterval }
        guard isNew else { return }
        telemetry.record(.warning("\(failure.message) It is tried again; until then no version goes that the server may want"))
    }

    private static let retryInterval: Duration = .seconds(5)

    /// Says that the server does not seem to read the file, once for each change of it.
    private func sayUnread(
        _ name: String, _ standing: ListStanding, _ seen: (by: String, view: ServerView), _ state: inout State
    ) {
        guard let since = state.unread[name], let entry = state.entries[name] else { return }
        let chosen = entry.chosen(from: standing.present)
        let isBehind =
            chosen.contains { seen.view.states[$0] == nil }
            || standing.present.contains { !chosen.contains($0) && seen.view.states[$0] == .available }
        let isOver = time.uptime() - since >= ListFreedom.patience
        guard !isBehind || isOver else { return }
        state.unread[name] = nil
        guard isBehind else { return }
        telemetry.record(.warning(unread(by: seen.by, of: name)))
    }

    /// That nobody is asked whether it is read.
    var unasked: String {
        "\(path) is written without --server: what it drops is taken away \(ListFreedom.patience.text) later; the server must read it "
            + "more often than that (--model_config_file_poll_wait_seconds)"
    }

    /// That a server does not seem to read the file.
    func unread(by server: String, of name: String) -> String {
        "\(server) has not taken up what \(path) says of \(name) within \(ListFreedom.patience.text): is it started with "
            + "--model_config_file=\(path) and a --model_config_file_poll_wait_seconds of 1 or more? It reads the file only once otherwise"
    }

    private static func described(_ count: Int) -> String { count == 1 ? "1 model" : "\(count) models" }

    private func sayLabels(_ state: inout State) {
        guard !isAsked else { return }
        for (name, model) in state.models where !model.labels.isEmpty && state.saidLabels[name] != model.labels {
            state.saidLabels[name] = model.labels
            telemetry.record(
                .warning(
                    "the labels of \(name) are left out of \(path): a server rejects a list with a label of a version that it does not "
                        + "have; give --server, which tells when it has it"))
        }
    }
}

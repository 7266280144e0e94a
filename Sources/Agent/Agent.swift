import FileIO
import ModelSources
public import Servables
import SystemPackage
public import Volume

/// The agent: holds the volume's lock and runs one reconciler a model.
public final class Agent: Sendable {
    /// How often a stand-by asks for the lock.
    static let lockInterval: Duration = .seconds(1)
    /// How long `once` waits for another agent if no time-out is given (CONTRACT P6).
    static let lockPatience: Duration = .seconds(10)

    private struct State {
        var set: ModelSet
        /// The set that the reconcilers are of. It is behind `set` for as long as a change takes: who asks for both gets them of one time.
        var setInForce: ModelSet?
        var reconcilers: [ModelReconciler] = []
        var role = AgentRole.standby(holder: "")
        /// Latched: once ready, always ready.
        var isReady = false
    }

    private let program: String
    let settings: AgentSettings
    let volume: Volume
    private let workers: AgentWorkers
    let telemetry: any Telemetry
    let time: any TimeSource
    let server: (any ServerLink)?
    /// The list of models that the server reads; `nil`: none of ours.
    let list: ServedList?
    private let state: Lock<State>
    /// Has `run` look at the set again.
    private let (setChanges, setChanged) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// `program` is its version, for status and logs; `set` is what it begins with; `server` confirms what `run` publishes, and
    /// goes by `list`.
    public init(
        program: String, set: ModelSet, settings: AgentSettings, volume: Volume, workers: AgentWorkers,
        telemetry: any Telemetry, time: any TimeSource, server: (any ServerLink)? = nil,
        list: ServedList? = nil
    ) {
        self.program = program
        self.settings = settings
        self.volume = volume
        self.workers = workers
        self.telemetry = telemetry
        self.time = time
        self.server = server
        self.list = list
        state = Lock(State(set: set))
    }

    /// Has other models take the place of those before: at once where it runs, else when it begins to.
    public func replaceModels(_ set: ModelSet) {
        state.withLock { $0.set = set }
        setChanged.yield()
    }

    // MARK: - Once

    /// Reconciles until every aspired version of every model is published, or cannot be.
    /// - Parameter timeout: gives up after this; `nil` waits as long as a version is held.
    /// - Returns: the failures of the models that have one, in the configuration's order; those of models that are not required
    ///   are reported but not returned.
    public func once(timeout: Duration?) async -> [Failure] {
        let deadline = timeout.map { time.uptime() + $0 }
        do throws(Failure) {
            try await onVolume { [volume] () throws(VolumeError) in try volume.prepare() }
            try await waitForLock(until: deadline ?? (time.uptime() + Self.lockPatience))
        } catch {
            return [error]
        }
        defer { volume.unlock() }
        let set = state.withLock { $0.set }
        do throws(Failure) { try await begin(set, sweepingModels: false) } catch { return [error] }
        await list?.take(set)
        let reconcilers = set.models.map { makeReconciler($0, set, .once) }
        present(reconcilers, of: set)
        let work = Task {
            await withDiscardingTaskGroup { group in
                for reconciler in reconcilers { group.addTask { await reconciler.reconcile() } }
            }
        }
        let timer = Task { [time] in
            guard let deadline else { return }
            try await time.sleep(for: max(.zero, deadline - time.uptime()))
            work.cancel()
        }
        await withTaskCancellationHandler {
            await work.value
        } onCancel: {
            work.cancel()
        }
        timer.cancel()
        return await collect(reconcilers) + [await list?.failure()].compactMap(\.self)
    }

    private func collect(_ reconcilers: [ModelReconciler]) async -> [Failure] {
        var failures: [Failure] = []
        for reconciler in reconcilers {
            let failure: Failure
            switch await reconciler.outcome {
            case .done: continue
            case .failed(let cause): failure = cause
            case nil: failure = await reconciler.unfinished()
            }
            let model = await reconciler.model
            if model.isRequired {
                failures.append(failure)
            } else {
                telemetry.record(.warning("\(model.name) is not required and was left as it is: \(failure.message)"))
            }
        }
        return failures
    }

    private func waitForLock(until deadline: Duration) async throws(Failure) {
        var isFirst = true
        while let holder = try await tryLock() {
            if isFirst { telemetry.record(.standby(holder: holder)) }
            isFirst = false
            let left = deadline - time.uptime()
            guard left > .zero, !Task.isCancelled else {
                throw Failure(
                    .busy, "lock \(volume.layout.root): \(holder) holds the volume; stop it, or let it do the work",
                    isTransient: true)
            }
            do { try await time.sleep(for: min(left, Self.lockInterval)) } catch { continue }
        }
    }

    // MARK: - Run

    /// Reconciles until the task is cancelled. While another agent holds the volume it stands by and writes nothing.
    /// - Throws: only what is found at the start: a volume that cannot be used.
    public func run() async throws(Failure) {
        try await onVolume { [volume] () throws(VolumeError) in try volume.prepare() }
        guard try await standBy() else { return }
        defer { volume.unlock() }
        let set = state.withLock { $0.set }
        try await begin(set, sweepingModels: set.gap == nil)
        if let list, server == nil { telemetry.record(.notice(list.unasked)) }
        let keepers = ModelKeepers(of: self)
        await keepers.apply(set, isFirst: true)
        for await _ in setChanges { await keepers.apply(state.withLock { $0.set }) }
        await keepers.end()
    }

    /// Waits for the lock.
    /// - Returns: `false` when it was cancelled before.
    private func standBy() async throws(Failure) -> Bool {
        var said: String?
        while let holder = try await tryLock() {
            state.withLock { $0.role = .standby(holder: holder) }
            if said != holder { telemetry.record(.standby(holder: holder)) }
            said = holder
            do { try await time.sleep(for: Self.lockInterval) } catch { return false }
        }
        if said != nil { telemetry.record(.tookOver) }
        return true
    }

    private func tryLock() async throws(Failure) -> String? {
        try await onVolume { [volume] () throws(VolumeError) in try volume.tryLock() }
    }

    /// Clears up after an earlier process and makes the base paths.
    private func begin(_ set: ModelSet, sweepingModels: Bool) async throws(Failure) {
        let names = set.models.map(\.name)
        if let notice = await workers.bulk.run({ [volume] in volume.memoryNotice() }) { telemetry.record(.notice(notice)) }
        let swept = try await onVolume { [volume, telemetry] () throws(VolumeError) in
            try volume.recover(models: sweepingModels ? Set(names) : nil)
            for name in names { try volume.ensureBasePath(name) }
            return volume.sweep(reportingTo: telemetry)
        }
        if swept > 0 { telemetry.record(.swept(entries: swept)) }
    }

    func makeReconciler(_ model: DesiredModel, _ set: ModelSet, _ mode: ModelReconciler.Mode = .run) -> ModelReconciler {
        ModelReconciler(
            model: model, source: set.makeSource(model), volume: volume, workers: workers, settings: settings,
            telemetry: telemetry, time: time, mode: mode, server: mode == .run ? server : nil, list: list)
    }

    /// Has these, which are of that set, answer questions from now on.
    func present(_ reconcilers: [ModelReconciler], of set: ModelSet) {
        state.withLock { state in
            state.setInForce = set
            state.reconcilers = reconcilers
            state.role = .active
        }
    }

    func onVolume<Result: Sendable>(
        _ body: @escaping @Sendable () throws(VolumeError) -> Result
    ) async throws(Failure) -> Result {
        do throws(VolumeError) { return try await workers.bulk.run(body) } catch { throw error.failure }
    }

    // MARK: - Questions

    /// One a model, in the configuration's order; none while it stands by.
    var reconcilers: [ModelReconciler] { state.withLock { $0.reconcilers } }

    /// Lists every source now (SIGHUP).
    public func syncNow() async {
        for reconciler in reconcilers { await reconciler.syncNow() }
    }

    /// Why the agent is not well; empty if it is. An outage of a source is not ill health.
    public func illnesses() async -> [String] {
        let now = time.uptime()
        var reasons: [String] = []
        for reconciler in reconcilers where await !reconciler.isHealthy(now) {
            reasons.append("\(await reconciler.model.name): its loop has made no turn for too long; is the volume hanging?")
        }
        return reasons
    }

    /// Why the models are not ready; empty if they are, and from then on for ever.
    public func unreadiness() async -> [String] {
        if state.withLock({ $0.isReady }) { return [] }
        let reasons = await look().unreadiness
        if reasons.isEmpty { state.withLock { $0.isReady = true } }
        return reasons
    }

    /// What the volume holds and what is being done about it.
    public func status() async -> AgentStatus {
        let look = await look()
        return AgentStatus(
            program: program, root: volume.layout.root.string, role: look.role, holder: await holder(),
            freeBytes: await freeBytes(),
            isReady: state.withLock { $0.isReady } || look.unreadiness.isEmpty, models: look.models)
    }

    /// All that is known of one set.
    private struct Look {
        let role: AgentRole
        let gap: String?
        let models: [ModelStatus]

        var unreadiness: [String] {
            let waiting = models.filter { $0.isRequired && $0.isReady != true }
            return [gap].compactMap(\.self) + waiting.map { "\($0.name): \($0.notReadyReason ?? "not ready")" }
        }
    }

    private func look() async -> Look {
        let (reconcilers, role, set) = state.withLock { ($0.reconcilers, $0.role, $0.setInForce ?? $0.set) }
        var models: [ModelStatus] = []
        if role != .active {
            // What the volume holds decides.
            for model in set.models { models.append(await volumeStatus(model)) }
        } else {
            for reconciler in reconcilers { models.append(await reconciler.status()) }
        }
        return Look(role: role, gap: set.gap, models: models)
    }

    private func volumeStatus(_ model: DesiredModel) async -> ModelStatus {
        let name = model.name
        let inventory = try? await workers.inventory.run { [volume] () throws(VolumeError) in try volume.inventory(name) }
        let published = inventory?.published ?? []
        let isReady = !published.isEmpty && !published.contains { $0.manifest.map(volume.isDoubtful) ?? false }
        return ModelStatus(
            name: name, source: model.source.description, policy: model.policy, isRequired: model.isRequired,
            versions: inventory.map(VersionStatus.all(of:)) ?? [], isReady: isReady,
            notReadyReason: isReady ? nil : "another agent holds the volume and has published no version yet")
    }

    private func holder() async -> String? {
        await workers.inventory.run { [volume] in volume.holder() }
    }

    private func freeBytes() async -> Int64? {
        try? await workers.inventory.run { [volume] () throws(VolumeError) in try volume.space().available }
    }
}

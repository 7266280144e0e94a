/// TensorFlow Serving as far as directories of versions go: what it makes of them, in which order it loads and unloads, and what
/// it says of that over REST. Written from the server's behaviour, and without a line of the product.
///
/// Either a test makes its steps (`poll`, `tick`), with a clock of its own; or threads do, between `start` and `stop`.
public final class TensorFlowServingEmulator: Sendable {
    public let options: EmulatorOptions
    let state: Lock<ServerProcess>
    /// Held while the manager makes a step.
    private let manager = Lock(())
    /// Held while base paths are looked at.
    private let source = Lock(SourceCounters())
    let waiters = Waiters()
    let driver = Lock<Driver?>(nil)

    private struct SourceCounters: Sendable {
        var polls = 0
        var lastError: ServingStatus?
    }

    /// Starts a server process, which does nothing until steps are made.
    /// - Parameters:
    ///   - models: its `models.config`. If it's refused, the process has exited when this returns (`phase`).
    ///   - options: how it is set up.
    public init(models: [EmulatedModel], options: EmulatorOptions = EmulatorOptions()) {
        self.options = options
        state = Lock(TensorFlowServingEmulator.process(1, models, options, Journal()))
    }

    private static func process(
        _ number: Int, _ models: [EmulatedModel], _ options: EmulatorOptions, _ journal: Journal
    ) -> ServerProcess {
        var process = ServerProcess(number: number, models: models, settings: options, journal: journal)
        // At its start it has nothing available that a label could stand for.
        if let refusal = ServerProcess.refusal(of: models, options) ?? process.refusal(ofLabels: models) {
            process.end(.exited("Failed to start server. Error: \(refusal)"))
        }
        return process
    }

    // MARK: Steps

    /// Looks at the base paths once, and hands what is wanted to the manager, which takes it up in its next step.
    /// - Returns: what was handed over, in the order of the models' names; nothing if the process isn't alive.
    /// - Throws: the first error, with which nothing of any model is handed over.
    @discardableResult
    public func poll() throws(ServingStatus) -> [AspiredVersions] {
        defer { changed() }
        return try source.withLock { counters throws(ServingStatus) in
            guard let (number, models) = state.withLock({ $0.isAlive ? ($0.number, $0.models) : nil }) else { return [] }
            counters.polls += 1
            do throws(ServingStatus) {
                var lists = try PollingSource.poll(models)
                counters.lastError = nil
                if options.servableVersionsAlwaysPresent { lists.removeAll(where: \.versions.isEmpty) }
                state.withLock { process in
                    guard process.number == number else { return }
                    for list in lists { process.enqueue(list) }
                }
                return lists
            } catch {
                counters.lastError = error
                throw error
            }
        }
    }

    /// Makes the manager's step: it forgets what is through, takes up the lists that wait, and does one thing for one model. A
    /// load is made within the step; one that fails is tried again in the first step after its interval.
    /// - Parameter now: the time since anything fixed; it must not go back.
    public func tick(now: Duration) {
        manager.withLock { _ in
            let (isBlocked, due) = state.withLock { ($0.isBlocked, $0.dueAttempts(now)) }
            for attempt in due { run(attempt, now) }
            if isBlocked {
                state.withLock { $0.unloadIfReleased() }
            } else if let attempt = state.withLock({ $0.step(now) }) {
                run(attempt, now)
            }
            state.withLock { $0.settle() }
        }
        changed()
    }

    /// The files are read while nothing is locked that others wait for: a server answers while it loads.
    private func run(_ attempt: LoadAttempt, _ now: Duration) {
        var attempt = attempt
        guard let stage = state.withLock({ $0.stage(of: attempt) }) else { return }
        if stage == .reserving {
            let status = TensorFlowServingEmulator.reserve(attempt.path)
            guard let next = state.withLock({ $0.reserved(attempt, status, now) }) else { return }
            attempt = next
        }
        var content: [String: ContentDigest] = [:]
        let outcome: LoadRecord.Outcome
        switch options.load?(attempt) ?? .readFolder {
        case .pending: return
        case .crash: return state.withLock { if $0.number == attempt.process { $0.end(.crashed) } }
        case .loaded: outcome = .loaded
        case .failed(let status): outcome = .failed(status)
        case .readFolder:
            // Where a test has a say, memory is not looked for beforehand.
            let status = stage == .reserving ? ServingStatus.ok : TensorFlowServingEmulator.reserve(attempt.path)
            if status.isOK {
                (outcome, content) = SavedModelLoader.load(attempt.path, hasVariables: options.everyModelHasVariables)
            } else {
                outcome = .failed(status)
            }
        }
        state.withLock { $0.finished(attempt, outcome, content, now) }
    }

    /// How large a version is decides whether there is memory for it; there always is, if only its folder can be walked.
    private static func reserve(_ path: String) -> ServingStatus {
        do throws(ServingStatus) {
            _ = try Folder.files(below: path)
            return .ok
        } catch {
            return error
        }
    }

    // MARK: Configuration and life

    /// Replaces the list of models, as a reload of `models.config` does. A process that isn't alive finds it at its restart.
    /// - Returns: the empty lists that are handed to the manager at once, for models that are gone.
    /// - Throws: why the list is refused; then nothing changes.
    @discardableResult
    public func updateConfig(models: [EmulatedModel]) throws(ServingStatus) -> [AspiredVersions] {
        defer { changed() }
        return try source.withLock { _ throws(ServingStatus) in
            if let refusal = ServerProcess.refusal(of: models, options) { throw refusal }
            return try state.withLock { process throws(ServingStatus) in
                if process.isAlive, let refusal = process.refusal(ofLabels: models) { throw refusal }
                return process.configure(models)
            }
        }
    }

    /// Ends the process as a signal does: nothing is unloaded first, and connections are refused from now on.
    public func crash() async {
        state.withLock { if $0.isAlive { $0.end(.crashed) } }
        await closeSockets()
        changed()
    }

    /// Starts a new process with the same list of models, ending the old one if it is alive. What it knew is lost; what is
    /// remembered for tests is not.
    public func restart() async {
        state.withLock { if $0.isAlive { $0.end(.crashed) } }
        await closeSockets()
        // Nobody may replace the list meanwhile; checking it may need the disk, so that the state itself is not locked.
        source.withLock { _ in
            let (number, models) = state.withLock { ($0.number, $0.models) }
            let next = TensorFlowServingEmulator.process(number + 1, models, options, Journal())
            state.withLock { process in
                let journal = process.journal
                process = next
                process.journal = journal
            }
        }
        changed()
    }

    /// Holds on to a version, as a request under way does: its unloading waits in `UNLOADING`, and the manager with it.
    public func pin(_ model: String, _ version: Int64) {
        state.withLock { _ = $0.pinned[model, default: []].insert(version) }
    }

    public func unpin(_ model: String, _ version: Int64) {
        state.withLock { _ = $0.pinned[model]?.remove(version) }
    }

    // MARK: Looking on

    public var phase: ServerPhase { state.withLock { $0.phase } }

    /// How many server processes there have been.
    public var processes: Int { state.withLock { $0.number } }

    public var models: [EmulatedModel] { state.withLock { $0.models } }

    /// How often the base paths have been looked at, errors included. When it has grown by two, one look has begun and ended.
    public var polls: Int { source.withLock { $0.polls } }

    /// The error of the last look, if it had one.
    public var lastPollError: ServingStatus? { source.withLock { $0.lastError } }

    /// The states of all versions that this process has ever wanted.
    public func states(of model: String) -> [Int64: VersionState] {
        state.withLock { $0.monitor.versions(of: model).mapValues(\.state) }
    }

    public func statuses(of model: String) -> [Int64: ServingStatus] {
        state.withLock { $0.monitor.versions(of: model).mapValues(\.status) }
    }

    /// The versions that serve, ascending.
    public func available(of model: String) -> [Int64] {
        states(of: model).filter { $0.value == .available }.map(\.key).sorted()
    }

    /// How many versions were available after each change of that number, over all processes; the first is 0.
    public func history(of model: String) -> [Int] { state.withLock { $0.journal.history[model] ?? [0] } }

    /// Every change of a state, over all processes.
    public var events: [StateEvent] { state.withLock { $0.journal.events } }

    /// What came of every attempt to load, over all processes, in the order of their ends.
    public var loads: [LoadRecord] { state.withLock { $0.journal.loads } }

    /// What REST answers.
    /// - Parameters:
    ///   - method: an HTTP method.
    ///   - target: path and query.
    /// - Returns: `nil` while nobody can connect.
    public func answer(_ method: String, _ target: String) -> RESTAnswer? {
        let monitor = state.withLock { $0.phase == .serving ? $0.monitor : nil }
        return monitor.map { RESTAnswer(method, target, $0) }
    }
}

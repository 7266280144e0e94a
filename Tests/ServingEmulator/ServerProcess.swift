/// Where a server is in its life.
public enum ServerPhase: Hashable, Sendable {
    /// It waits for its first models; nobody can connect yet.
    case starting
    case serving
    /// It has given up at start, with what it prints; it does nothing until it is restarted.
    case exited(String)
    /// It was killed; likewise.
    case crashed
}

/// One process of the server: all that is lost when it ends. Reads no file; loads are made by whoever drives it.
struct ServerProcess: Sendable {
    /// A load under way.
    struct Job: Sendable {
        enum Stage: Sendable {
            /// Memory is being set aside, for which the folder is walked; it still shows as `START`.
            case reserving
            case loading
        }

        let model: String
        let version: Int64
        let path: String
        var stage: Stage
        /// In this stage.
        var failures = 0
        /// Counted from 1, in this stage.
        var attempts = 0
        /// When the next attempt is due.
        var due: Duration
        var isAnswered = true
    }

    let number: Int
    let settings: EmulatorOptions
    private(set) var models: [EmulatedModel]
    private(set) var phase = ServerPhase.starting
    private(set) var manager = VersionManager()
    private(set) var monitor = StateMonitor()
    private(set) var jobs: [Job] = []
    var journal: Journal
    /// Versions on which clients hold a handle: an unload waits for them.
    var pinned: [String: Set<Int64>] = [:]
    private var waitingUnload: (model: String, version: Int64)?
    /// The first models have been awaited; what comes of it waits for the loads under way.
    private var verdict: ServerPhase?

    init(number: Int, models: [EmulatedModel], settings: EmulatorOptions, journal: Journal) {
        self.number = number
        self.models = models
        self.settings = settings
        self.journal = journal
    }

    var isAlive: Bool { phase == .starting || phase == .serving }

    // MARK: Configuration

    /// The reason why a list of models is refused, if it is.
    static func refusal(of models: [EmulatedModel], _ settings: EmulatorOptions) -> ServingStatus? {
        for (index, model) in models.enumerated() {
            if models[..<index].contains(where: { $0.name == model.name }) {
                return ServingStatus(.invalidArgument, "Illegal to list model \(model.name) multiple times in config list")
            }
            if !model.basePath.hasPrefix("/") {
                return ServingStatus(
                    .invalidArgument,
                    "Expected model \(model.name) to have an absolute path or URI; got base_path()=\(model.basePath)")
            }
        }
        guard settings.failsIfNoVersionsAtStart || settings.servableVersionsAlwaysPresent else { return nil }
        do throws(ServingStatus) {
            for list in try PollingSource.poll(models) where list.versions.isEmpty {
                return ServingStatus(
                    .notFound,
                    "Unable to find a numerical version path for servable \(list.model) at: "
                        + (models.first { $0.name == list.model }?.basePath ?? ""))
            }
            return nil
        } catch {
            return error
        }
    }

    /// The reason why the labels of a list are refused, if they are: nothing of the list is applied then.
    func refusal(ofLabels models: [EmulatedModel]) -> ServingStatus? {
        for model in models {
            for (_, version) in model.labels.sorted(by: { $0.key < $1.key })
            where monitor.versions(of: model.name)[version]?.state != .available {
                return ServingStatus(
                    .failedPrecondition,
                    "Request to assign label to version \(version) of model \(model.name), which is not currently available for inference"
                )
            }
        }
        return nil
    }

    /// Replaces the list of models.
    /// - Returns: the empty lists of those that are gone, which the manager has got too.
    mutating func configure(_ models: [EmulatedModel]) -> [AspiredVersions] {
        let gone = Set(self.models.map(\.name)).subtracting(models.map(\.name)).sorted()
        self.models = models
        let lists = gone.map { AspiredVersions(model: $0, versions: []) }
        lists.forEach { manager.enqueue($0) }
        return lists
    }

    mutating func enqueue(_ list: AspiredVersions) { manager.enqueue(list) }

    /// Ends the process.
    mutating func end(_ phase: ServerPhase) {
        self.phase = phase
        for model in monitor.models.keys { journal.note(available: 0, of: model) }
        manager = VersionManager()
        monitor = StateMonitor()
        jobs = []
        waitingUnload = nil
    }

    // MARK: The manager's step

    /// How many loads go on at a time; with none for the purpose the manager itself does one, and nothing else meanwhile.
    private var loadThreads: Int { phase == .starting ? .max : settings.loadThreads }

    /// Whether the manager can do nothing until a load or an unload is through.
    var isBlocked: Bool { waitingUnload != nil || (loadThreads == 0 && !jobs.isEmpty) }

    /// The attempts that are due, each of which has to be answered with `reserved` or `finished`.
    mutating func dueAttempts(_ now: Duration) -> [LoadAttempt] {
        jobs.indices.prefix(max(loadThreads, 1)).filter { jobs[$0].due <= now }.map { index in
            if jobs[index].isAnswered { jobs[index].attempts += 1 }
            jobs[index].isAnswered = false
            return attempt(jobs[index])
        }
    }

    /// Flushes, takes up the lists that wait, and does one thing.
    /// - Returns: the first attempt of the load that begins, if one does and a thread is free for it.
    mutating func step(_ now: Duration) -> LoadAttempt? {
        guard isAlive else { return nil }
        manager.flush()
        for start in manager.applyPending(reloadsErrors: settings.reloadsServablesWithError) {
            publish(start.model, start.version, .start)
        }
        guard let next = manager.nextAction() else { return nil }
        switch next.action {
        case .unload(let version):
            manager[next.model, version]?.state = .unloading
            publish(next.model, version, .unloading)
            waitingUnload = (next.model, version)
            unloadIfReleased()
            return nil
        case .load(let version):
            // Between the first models' arrival and the end of what else is loading, nothing begins.
            guard verdict == nil, let harness = manager[next.model, version] else { return nil }
            manager[next.model, version]?.state = .loading
            let stage = settings.load == nil ? Job.Stage.reserving : .loading
            jobs.append(Job(model: next.model, version: version, path: harness.path, stage: stage, due: now))
            if stage == .loading { publish(next.model, version, .loading) }
            guard jobs.count <= max(loadThreads, 1) else { return nil }
            jobs[jobs.count - 1].attempts = 1
            jobs[jobs.count - 1].isAnswered = false
            return attempt(jobs[jobs.count - 1])
        }
    }

    /// Ends the unload that waits for clients, once they have let go.
    mutating func unloadIfReleased() {
        guard isAlive, let (model, version) = waitingUnload, pinned[model]?.contains(version) != true else { return }
        waitingUnload = nil
        manager[model, version]?.state = .disabled
        publish(model, version, .end)
    }

    /// Decides whether the first models have arrived, and what comes of it.
    mutating func settle() {
        guard phase == .starting else { return }
        awaitModels()
        guard let verdict, jobs.isEmpty else { return }
        self.verdict = nil
        if case .exited = verdict { end(verdict) } else { phase = verdict }
    }

    private mutating func awaitModels() {
        guard phase == .starting, verdict == nil else { return }
        let reached = models.map { ($0.name, monitor.reached($0.name)) }
        guard reached.allSatisfy({ $0.1 != nil }) else { return }
        let failed = reached.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }.compactMap { name, version in
            version.flatMap { $0.entry.state == .end ? (name, $0.version, $0.entry.status) : nil }
        }
        if failed.isEmpty {
            verdict = .serving
        } else {
            let each = failed.map { name, version, status in
                "{\(ServerProcess.id(name, version))\(status.isOK ? "" : " due to error: \(status)")}, "
            }
            verdict = .exited(
                "Failed to start server. Error: UNKNOWN: \(failed.count) servable(s) did not become available: "
                    + "{\(each.joined())}")
        }
    }

    // MARK: Loads

    private func attempt(_ job: Job) -> LoadAttempt {
        LoadAttempt(model: job.model, version: job.version, path: job.path, number: job.attempts, process: number)
    }

    /// The stage of the load that an attempt belongs to, if there still is such a load.
    func stage(of attempt: LoadAttempt) -> Job.Stage? { index(of: attempt).map { jobs[$0].stage } }

    private func index(of attempt: LoadAttempt) -> Int? {
        guard attempt.process == number else { return nil }
        return jobs.firstIndex { $0.model == attempt.model && $0.version == attempt.version }
    }

    /// Notes what came of looking for memory.
    /// - Returns: the attempt to load that follows at once, if it was found.
    mutating func reserved(_ attempt: LoadAttempt, _ status: ServingStatus, _ now: Duration) -> LoadAttempt? {
        guard let index = index(of: attempt) else { return nil }
        guard status.isOK else {
            let id = ServerProcess.id(attempt.model, attempt.version)
            failed(
                at: index, now,
                ServingStatus(
                    status.code,
                    "Error while attempting to reserve resources to load servable \(id): \(status.message)"))
            return nil
        }
        jobs[index].stage = .loading
        jobs[index].failures = 0
        jobs[index].attempts = 1
        publish(attempt.model, attempt.version, .loading)
        return self.attempt(jobs[index])
    }

    /// Notes what came of an attempt to load.
    mutating func finished(
        _ attempt: LoadAttempt, _ outcome: LoadRecord.Outcome, _ content: [String: ContentDigest], _ now: Duration
    ) {
        guard let index = index(of: attempt) else { return }
        journal.loads.append(LoadRecord(attempt: attempt, outcome: outcome, content: content))
        if case .failed(let status) = outcome { return failed(at: index, now, status) }
        jobs.remove(at: index)
        if manager[attempt.model, attempt.version]?.isCancelled == true {
            manager[attempt.model, attempt.version]?.state = .disabled
            publish(attempt.model, attempt.version, .end, ServingStatus(.cancelled, "Loading of servable cancelled"))
        } else {
            manager[attempt.model, attempt.version]?.state = .ready
            publish(attempt.model, attempt.version, .available)
        }
    }

    private mutating func failed(at index: Int, _ now: Duration, _ status: ServingStatus) {
        let job = jobs[index]
        jobs[index].isAnswered = true
        jobs[index].failures += 1
        // Whoever sleeps until the next attempt is not woken by a cancellation: that attempt is still made.
        if jobs[index].failures <= settings.maxLoadRetries, manager[job.model, job.version]?.isCancelled != true {
            jobs[index].due = now + settings.loadRetryInterval
            return
        }
        jobs.remove(at: index)
        manager[job.model, job.version]?.state = .error
        publish(job.model, job.version, .end, status)
    }

    // MARK: States

    private mutating func publish(
        _ model: String, _ version: Int64, _ state: VersionState, _ status: ServingStatus = .ok
    ) {
        monitor.record(model, version, state, status)
        journal.append(StateEvent(model: model, version: version, state: state, status: status, process: number))
        journal.note(available: monitor.versions(of: model).values.count { $0.state == .available }, of: model)
        awaitModels()
    }

    private static func id(_ model: String, _ version: Int64) -> String { "{name: \(model) version: \(version)}" }
}

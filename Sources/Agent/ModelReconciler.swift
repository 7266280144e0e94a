import FileIO
import ModelSources
import Servables
import SystemPackage
import Volume

/// Keeps one model of the volume at its aspired versions.
///
/// A loop of turns: each looks at what is aspired and what the volume holds, computes the plan, and starts or cancels work. A turn never
/// awaits work that can take long; what ends rings the bell for the next turn. There is no state but what the volume holds and
/// what can be found out again.
actor ModelReconciler {
    enum Mode: Hashable {
        /// Goes on for ever.
        case run
        /// Ends when every aspired version is in place, or it is clear that it cannot be.
        case once
    }

    private(set) var model: DesiredModel
    let source: any ModelSource
    let volume: Volume
    let workers: AgentWorkers
    let settings: AgentSettings
    let telemetry: any Telemetry
    let time: any TimeSource
    let mode: Mode
    /// Confirms what is published; `nil`: nobody does.
    let server: (any ServerLink)?
    /// The list of models that the server reads; `nil`: none of ours.
    let list: ServedList?
    let bell = Doorbell()

    // What is known of the source.
    var available = Availability()
    var sourceFailures = FailureStreak()
    var nextListing: Duration = .zero
    var listing: Task<Void, Never>?
    /// Whether the newest listing was none: all versions that are named by number were in place.
    var isListingAssumed = false
    /// Asked for while a listing was under way, which may have begun too early to see what it is asked for.
    var listsAgain = false
    var asking: [Version: Task<Void, Never>] = [:]
    var lookAgain: [Version: Duration] = [:]
    /// What a version that was found ready since the last turn holds: if its fetch begins now, it need not be listed again for that.
    var foundReady: (version: Version, table: FileTable)?
    var lastSuccess: Timestamp?

    // Published versions, compared with the source.
    var recheck: Task<Void, Never>?
    var rechecks = RecheckSchedule()

    // What the server says.
    var watch = ServerWatch()
    var viewing: Task<Void, Never>?
    /// When it was asked last.
    var viewedAt: Duration?
    /// What it was told to load, and the order that it is at.
    var loads = ServerLoads()
    var loading: Task<Void, Never>?
    /// Whether a fetch is at its last step: nothing is loaded until that has ended.
    var isPublishing = false
    /// Versions that come into the base path with a content that the server may have seen there.
    var returned: Set<Version> = []
    /// What may leave the base path as far as the server's list is concerned.
    var listFreedom: ListFreedom?
    var isHeldByList = false

    // Files beside the versions.
    var files = ModelFilesState()

    // Work on versions.
    var fetch: ActiveFetch?
    var versionFailures: [Version: FailureStreak] = [:]
    /// What is being pruned, discarded or noted, and what of it failed.
    var working: [Version: Task<Void, Never>] = [:]
    var workFailures: [Version: FailureStreak] = [:]
    /// The version that is being taken out of the base path; without a server the last of several.
    var leaving: Version?
    /// What came of syncing published versions whose manifests do not say it yet (`--sync after`).
    var lateSyncs: [Version: LateSync] = [:]
    /// Asked by what works on a thread and can stop in between.
    let isStopping = Lock(false)
    /// The last fetch that was given up for a newer list; the one after it is not (CONTRACT section 4).
    var gaveUpLast = false
    var volumeFailures = FailureStreak()
    /// Counts the works that ended: a look at the volume that one of them overtook is out of date.
    var endedWorks = 0

    // What the last turn saw, for status.
    var plan = ModelPlan()
    var inventory: Inventory?
    var progress = Lock<FetchProgress?>(nil)
    var lastTurn: Duration?
    var said = SaidReasons()
    var readiness = StartReadiness()
    var behindSince: Duration?
    var outcome: OnceOutcome?
    var failingWhenStopped: Failure?

    /// A fetch, or an examination, that is under way.
    struct ActiveFetch {
        let version: Version
        let task: Task<Void, Never>
        var isCancelled = false
    }

    init(
        model: DesiredModel, source: any ModelSource, volume: Volume, workers: AgentWorkers, settings: AgentSettings,
        telemetry: any Telemetry, time: any TimeSource, mode: Mode, server: (any ServerLink)?, list: ServedList?
    ) {
        self.model = model
        self.source = source
        self.volume = volume
        self.workers = workers
        self.settings = settings
        self.telemetry = telemetry
        self.time = time
        self.mode = mode
        self.server = server
        self.list = list
    }

    /// Makes turns until the task is cancelled or, in mode `once`, nothing is left to do; ends what is under way, and keeps what
    /// is staged.
    func reconcile() async {
        lastTurn = time.uptime()
        while !Task.isCancelled, outcome == nil {
            let pause = await turn()
            lastTurn = time.uptime()
            if outcome != nil { break }
            await bell.wait(atMost: pause, time: time)
        }
        let pending = [listing, fetch?.task, recheck, viewing, loading, files.work].compactMap(\.self) + asking.values
        for task in pending { task.cancel() }
        isStopping.withLock { $0 = true }
        for task in pending { await task.value }
        // The volume's lock is held for as long as anything here writes.
        for work in working.values { await work.value }
    }

    /// Keeps what was going wrong when it was told to stop; that it was told is no news.
    func noteStop(_ error: SourceError) {
        if error.failure.kind != .busy { failingWhenStopped = failingWhenStopped ?? error.failure }
    }

    /// Lists the source now.
    func syncNow() {
        nextListing = .zero
        listsAgain = listing != nil
        for version in versionFailures.keys { versionFailures[version]?.retryNow() }
        for version in workFailures.keys { workFailures[version]?.retryNow() }
        files.failures.retryNow()
        bell.ring()
    }

    /// Goes on with what the model is to be now; what is being fetched for it is not lost by that.
    /// - Returns: `false`, with nothing done, where its versions come from elsewhere, or are ready by another rule: that is for another
    ///   reconciler.
    func take(_ changed: DesiredModel) -> Bool {
        guard changed.source == model.source, changed.ready == model.ready, changed.settle == model.settle else { return false }
        guard changed != model else { return true }
        if changed.serverName != model.serverName { (watch, loads) = (ServerWatch(), ServerLoads()) }
        // What was taken for listed says nothing of other versions.
        if isListingAssumed { (available.listed, available.listedBefore) = (nil, nil) }
        model = changed
        syncNow()
        return true
    }

    // MARK: - A turn

    /// - Returns: when the next turn is due, if nothing rings before.
    private func turn() async -> Duration {
        let endedBefore = endedWorks
        guard let held = await lookAtVolume() else { return max(.seconds(1), volumeFailures.retryAt - time.uptime()) }
        // What ended meanwhile rang: the next turn comes at once, and sees it.
        guard endedWorks == endedBefore else { return .zero }
        let now = time.uptime()
        inventory = held
        startListing(now, held)
        expireReadiness(now)

        plan = Servables.plan(
            policy: model.policy, available: available, inventory: held, serving: followServer(held, now), rules: rules,
            now: time.now())
        if sourceFailures.count > 0 {
            // A source that cannot be listed prunes nothing (CONTRACT P3).
            for version in plan.prune { plan.keep[version] = .sourceUnclear }
            plan.prune = []
            plan.discard = []
        }
        if settings.onlyRepairs { plan = onlyRepairs(held) }
        // What is staged of it takes its place.
        plan.discard.removeAll { held.repairs.contains($0) }
        await followList(held, now)
        guard endedWorks == endedBefore else { return .zero }
        followPublished(held, now)
        followUnsynced(held)
        readiness.sawVolume(held, inDoubt: inDoubt)
        readiness.sawPlan(plan, policy: model.policy, isListed: available.listed != nil, inventory: held)
        noteBehind(held, now: now)
        say()
        // While the source fails, the next listing decides when to ask again.
        if sourceFailures.count == 0 { for version in plan.ask where isDue(version, now) { ask(version) } }
        superviseFetch()
        startFetch(now)
        foundReady = nil
        startRecheck(now)
        startSyncing(now)
        noteReleases(now)
        startPruning(now, held)
        startSettingAside(now)
        startFiles(now)
        startLoading(held, now)
        startViewing(now)
        if mode == .once { outcome = settle(now) }
        return nextTurn(now)
    }

    /// `once` does not confirm, and so puts nothing in again that was refused (CONTRACT section 3). Where the server goes by a list of ours,
    /// that says which version it loads.
    private var rules: PlanRules {
        var rules = settings.rules
        if server == nil { rules.republishRefused = 0 }
        rules.parksHigher = list == nil
        return rules
    }

    private func lookAtVolume() async -> Inventory? {
        let name = model.name
        do throws(VolumeError) {
            let inventory = try await workers.inventory.run { [volume] () throws(VolumeError) in try volume.inventory(name) }
            volumeFailures = FailureStreak()
            return inventory
        } catch {
            noteVolumeFailure(error.failure)
            return nil
        }
    }

    private func noteVolumeFailure(_ failure: Failure) {
        let random = time.random()
        volumeFailures.add(failure, now: time.uptime()) { settings.sourceBackoff.wait(after: $0, random: random) }
        telemetry.record(.syncFailed(model: model.name, failure: failure, retryIn: volumeFailures.retryAt - time.uptime()))
        if mode == .once { outcome = .failed(failure) }
    }

    // MARK: - The source

    func startListing(_ now: Duration, _ held: Inventory) {
        guard listing == nil, now >= nextListing else { return }
        // Named by number and in place: the look at the volume was the poll.
        if mode == .run, !settings.syncsModelFiles, held.needsNoListing(model.policy, settings.rules) {
            listed(Set(held.published.map(\.version)))
            isListingAssumed = true
            return
        }
        listing = Task {
            do throws(SourceError) {
                let listing = try await source.listing()
                take(files: listing.files)
                listed(listing.versions)
            } catch {
                notListed(error)
            }
        }
    }

    private func listed(_ versions: Set<Version>) {
        listing = nil
        isListingAssumed = false
        available.listedBefore = available.listed
        available.listed = versions
        // What is being fetched was ready and is compared again at its end; all else is asked anew.
        available.readiness = available.readiness.filter { $0.key == fetch?.version && versions.contains($0.key) }
        available.renewed.formIntersection(versions)
        lookAgain = [:]
        versionFailures = versionFailures.filter { versions.contains($0.key) }
        if sourceFailures.count > 0 {
            // The outage is over: what it made fail need not wait any longer.
            for (version, streak) in versionFailures where streak.last?.kind == .unavailable {
                versionFailures[version]?.retryNow()
            }
        }
        sourceFailures = FailureStreak()
        let jitter = 1 + AgentSettings.pollJitter * (2 * time.random() - 1)
        nextListing = listsAgain ? .zero : time.uptime() + settings.pollInterval * jitter
        listsAgain = false
        lastSuccess = time.now()
        telemetry.record(.syncSucceeded(model: model.name, at: time.now()))
        bell.ring()
    }

    private func notListed(_ error: SourceError) {
        listing = nil
        if Task.isCancelled { return noteStop(error) }
        let random = time.random()
        sourceFailures.add(error.failure, now: time.uptime()) { settings.sourceBackoff.wait(after: $0, random: random) }
        nextListing = listsAgain ? .zero : sourceFailures.retryAt
        listsAgain = false
        let isOver = mode == .once && !error.failure.isTransient
        telemetry.record(
            .syncFailed(
                model: model.name, failure: error.failure, retryIn: isOver ? nil : max(.zero, nextListing - time.uptime())))
        bell.ring()
    }

    /// Finds out whether a version is ready.
    private func ask(_ version: Version) {
        // Who has asked rings when it is answered.
        guard asking[version] == nil, asking.count < AgentSettings.asksAtOnce else { return }
        asking[version] = Task {
            do throws(SourceError) {
                answered(version, try await source.contents(of: version))
            } catch {
                notAnswered(version, error)
            }
        }
    }

    private func answered(_ version: Version, _ contents: VersionContents) {
        asking[version] = nil
        switch contents {
        case .ready(let table):
            available.readiness[version] = .ready
            foundReady = (version, table)
        case .held(let reason, var wait):
            available.readiness[version] = .held(reason)
            versionFailures[version] = nil
            if mode == .once { wait = min(wait ?? AgentSettings.heldInterval, AgentSettings.heldInterval) }
            // A store whose clock stands still must not be asked without end.
            if let wait { lookAgain[version] = time.uptime() + max(wait, .seconds(1)) }
        }
        bell.ring()
    }

    private func notAnswered(_ version: Version, _ error: SourceError) {
        asking[version] = nil
        if Task.isCancelled { return noteStop(error) }
        if error.failure.isTransient {
            failed(version, error.failure)
        } else {
            // A version that cannot be read is no reason to doubt the others: it is tried, fails, and is seen.
            available.readiness[version] = .ready
        }
        bell.ring()
    }

    private func expireReadiness(_ now: Duration) {
        for (version, due) in lookAgain where due <= now {
            lookAgain[version] = nil
            if case .held = available.readiness[version] { available.readiness[version] = nil }
        }
    }
}

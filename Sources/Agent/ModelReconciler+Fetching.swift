import FileIO
import ModelSources
import Servables
import Volume

// MARK: - Fetching, one version at a time

extension ModelReconciler {
    /// Gives up a fetch that a newer list supersedes, unless half of it is there, or the one before it was given up, too.
    func superviseFetch() {
        guard var active = fetch, !active.isCancelled else { return }
        guard !plan.aspired.contains(active.version), plan.ask.isEmpty, sourceFailures.count == 0, available.listed != nil else {
            return
        }
        if let progress = progress.withLock({ $0 }), progress.version == active.version,
            progress.stagedBytes * 2 >= progress.totalBytes
        {
            return
        }
        guard !gaveUpLast else { return }
        active.isCancelled = true
        active.task.cancel()
        fetch = active
        gaveUpLast = true
        telemetry.record(.notice("\(model.name) \(active.version) is no longer aspired: its fetch is given up"))
    }

    /// Starts on the first version that is due: those that stand in the way first, since they may only need to be read.
    func startFetch(_ now: Duration) {
        guard fetch == nil, !waitsForFiles, !Task.isCancelled else { return }
        available.makesRoom = available.makesRoom.filter { (plan.fetch + plan.ask).contains($0.key) && isMakingRoom($0.value) }
        let versions = plan.examine + plan.fetch
        guard
            let version = versions.first(where: { isDue($0, now) && working[$0] == nil && available.makesRoom[$0] == nil })
        else {
            if !startRepairing(now) { startRepublishing(now) }
            return
        }
        // The directory that is there may spell the number otherwise.
        guard let place = inventory?[version]?.version else {
            let table = foundReady?.version == version ? foundReady?.table : nil
            // Those that go as soon as they are replaced: no server is loading them, and no delay is set for them.
            let replaceable = plan.keep.filter { $0.value == .untilReplaced }.keys.sorted()
            start(version) { (fetcher) async throws(SourceError) in
                try await fetcher.fetch(version, table, replaceable: replaceable)
            }
            return
        }
        // What is found equal stays where it is, and the server may have loaded it.
        returned.insert(version)
        start(version) { (fetcher) async throws(SourceError) in
            try await fetcher.examine(version, at: place)
            return .done
        }
    }

    /// Starts what needs a fetcher, of which a model has one at a time.
    func start(
        _ version: Version, _ body: @escaping @Sendable (VersionFetcher) async throws(SourceError) -> VersionFetcher.Outcome
    ) {
        let (fetcher, bell) = (fetcher(), bell)
        let task = Task {
            do throws(SourceError) {
                ended(version, .success(try await body(fetcher)))
            } catch {
                ended(version, .failure(error))
            }
            bell.ring()
        }
        fetch = ActiveFetch(version: version, task: task)
    }

    private func isMakingRoom(_ versions: Set<Version>) -> Bool {
        versions.contains { version in
            if working[version] != nil { return true }
            guard !plan.aspired.contains(version), let inventory else { return false }
            return inventory[version]?.manifest != nil || inventory.parked.contains { $0.version == version }
        }
    }

    /// A fetcher whose progress is the model's.
    private func fetcher() -> VersionFetcher {
        let progress = progress
        progress.withLock { $0 = nil }
        var word: VersionFetcher.ServerWord?
        if server != nil {
            word = VersionFetcher.ServerWord(
                gone: { version, isReplaced in await self.awaitGone(version, isReplaced: isReplaced) },
                loaded: { version in await self.awaitLoaded(version) })
        }
        return VersionFetcher(
            model: model.name, source: source, volume: volume, workers: workers, settings: settings, telemetry: telemetry,
            time: time, isUrgent: !readiness.isReady, onProgress: { new in progress.withLock { $0 = new } },
            server: word)
    }

    /// What was done with a fetcher came to its end.
    private func ended(_ version: Version, _ result: Result<VersionFetcher.Outcome, SourceError>) {
        endedWorks += 1
        fetch = nil
        isPublishing = false
        progress.withLock { $0 = nil }
        if Task.isCancelled {
            if case .failure(let error) = result { noteStop(error) }
            return
        }
        gaveUpLast = false
        switch result {
        case .success(.needsRoom(let versions)): available.makesRoom[version] = Set(versions)
        case .success(let outcome):
            versionFailures[version] = nil
            available.renewed.remove(version)
            // Its base path may have come in with them.
            files.held = nil
            if rechecks.changes[version] != nil { republished(version, outcome) }
        case .failure(let error):
            // What failed is asked about anew: it may have changed.
            available.readiness[version] = nil
            failed(version, error.failure)
        }
    }

    /// Notes that a version could not be asked about, fetched or published, and when that is tried again.
    func failed(_ version: Version, _ failure: Failure) {
        var streak = versionFailures[version] ?? FailureStreak()
        let random = time.random()
        let backoff = failure.kind == .volume ? settings.sourceBackoff : settings.versionBackoff
        streak.add(failure, now: time.uptime()) { backoff.wait(after: $0, random: random) }
        versionFailures[version] = streak
        let retryIn = mode == .once && isFinal(streak, time.uptime()) ? nil : streak.retryAt - time.uptime()
        telemetry.record(.versionFailed(model: model.name, version: version, failure: failure, retryIn: retryIn))
    }

    /// Whether a version that failed may be tried again by now.
    func isDue(_ version: Version, _ now: Duration) -> Bool {
        guard let streak = versionFailures[version] else { return true }
        return streak.retryAt <= now && !(mode == .once && isFinal(streak, now))
    }

    /// Whether `once` does not try it again.
    func isFinal(_ streak: FailureStreak?, _ now: Duration) -> Bool {
        guard let streak, let failure = streak.last else { return false }
        if !failure.isTransient || failure.kind == .volume { return true }
        return now - streak.since >= AgentSettings.oncePatience
    }
}

// MARK: - Pruning

extension ModelReconciler {
    /// Versions of which something is to be pruned, discarded or noted.
    var undone: [Version] {
        (plan.prune + plan.discard + plan.release + plan.unrelease + plan.refuse.keys + plan.park + plan.unpark + plan.readmit
            + plan.forget + toSync).filter { $0 != fetch?.version }
    }

    func noteReleases(_ now: Duration) {
        let (name, volume, date) = (model.name, volume, time.now())
        let changes: [(Version, Timestamp?)] = plan.release.map { ($0, date) } + plan.unrelease.map { ($0, nil) }
        for (version, release) in changes {
            work(on: version, now) { () throws(VolumeError) in try volume.setReleased(name, version, at: release) }
        }
    }

    /// Starts what the plan says goes: published versions out of the base path, staged ones that nobody wants out of staging.
    func startPruning(_ now: Duration, _ held: Inventory) {
        let (name, volume, telemetry) = (model.name, volume, telemetry)
        if mustListAgain {
            nextListing = .zero
            startListing(now, held)
        } else if !awaitsSync, isServerKnown(now) {
            for version in plan.prune {
                takeOut(version, now) { () throws(VolumeError) in
                    try volume.prune(name, version)
                    telemetry.record(.pruned(model: name, version: version))
                    volume.sweep(reportingTo: telemetry)
                }
            }
        }
        for version in plan.discard {
            work(on: version, now) { () throws(VolumeError) in
                try volume.discard(name, version)
                volume.sweep(reportingTo: telemetry)
            }
        }
    }

    /// `once` lists again before it prunes, and before it takes a version's absence for granted (CONTRACT P3).
    var mustListAgain: Bool {
        guard mode == .once, sourceFailures.count == 0 else { return false }
        return !plan.missingOnce.isEmpty || (!plan.prune.isEmpty && available.listedBefore == nil)
    }

    /// Work on a version that may take long, beside the turns. Where it fails it is tried again with back-off, by `once` not.
    func work(on version: Version, _ now: Duration, _ body: @escaping @Sendable () throws(VolumeError) -> Void) {
        guard mayWork(on: version, now) else { return }
        working[version] = Task {
            do throws(VolumeError) {
                try await workers.bulk.run(body)
                workFailures[version] = nil
            } catch {
                workFailed(version, error.failure)
            }
            workEnded(version)
        }
    }

    /// Work that takes a version out of the base path. Beside a server one at a time, each by a plan of its own: together they might leave
    /// the base path without a version, though no plan would.
    func takeOut(_ version: Version, _ now: Duration, _ body: @escaping @Sendable () throws(VolumeError) -> Void) {
        guard server == nil || leaving == nil, isAtRest, mayWork(on: version, now) else { return }
        leaving = version
        work(on: version, now, body)
    }

    func mayWork(on version: Version, _ now: Duration) -> Bool {
        guard working[version] == nil, version != fetch?.version else { return false }
        guard let streak = workFailures[version] else { return true }
        return mode == .run && streak.retryAt <= now
    }

    func workEnded(_ version: Version) {
        working[version] = nil
        if leaving == version { leaving = nil }
        endedWorks += 1
        bell.ring()
    }

    func workFailed(_ version: Version, _ failure: Failure) {
        let random = time.random()
        var streak = workFailures[version] ?? FailureStreak()
        streak.add(failure, now: time.uptime()) { settings.sourceBackoff.wait(after: $0, random: random) }
        workFailures[version] = streak
        let retryIn = mode == .once ? nil : streak.retryAt - time.uptime()
        telemetry.record(.syncFailed(model: model.name, failure: failure, retryIn: retryIn))
    }
}

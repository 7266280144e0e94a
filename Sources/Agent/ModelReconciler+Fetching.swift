import FileIO
import ModelSources
import Servables
import Volume

// MARK: - Fetching, one version at a time

extension ModelReconciler {
    /// Gives up a fetch that a newer list supersedes, unless half of it is there, or the one before it was given up, too.
    func superviseFetch() {
        guard var active = fetch, !active.isCancelled else { return }
        let isWanted = plan.fetch.contains(active.version) || plan.examine.contains(active.version)
        guard !isWanted, plan.ask.isEmpty, sourceFailures.count == 0, available.listed != nil else { return }
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
        guard fetch == nil, !Task.isCancelled else { return }
        for version in plan.examine + plan.fetch {
            let streak = versionFailures[version]
            guard (streak?.retryAt ?? .zero) <= now else { continue }
            guard !(mode == .once && isFinal(streak, now)) else { continue }
            begin(version, examining: plan.examine.contains(version))
            return
        }
    }

    private func begin(_ version: Version, examining: Bool) {
        let progress = progress
        let bell = bell
        progress.withLock { $0 = nil }
        let fetcher = VersionFetcher(
            model: model.name, source: source, volume: volume, workers: workers, settings: settings, telemetry: telemetry,
            time: time, onProgress: { new in progress.withLock { $0 = new } })
        let task = Task {
            do throws(SourceError) {
                try await examining ? fetcher.examine(version) : fetcher.fetch(version)
                ended(version, nil)
            } catch {
                ended(version, error)
            }
            bell.ring()
        }
        fetch = ActiveFetch(version: version, task: task)
    }

    private func ended(_ version: Version, _ error: SourceError?) {
        let wasCancelled = fetch?.isCancelled == true || Task.isCancelled
        fetch = nil
        progress.withLock { $0 = nil }
        if wasCancelled { return }
        gaveUpLast = false
        guard let error else {
            versionFailures[version] = nil
            return
        }
        // What failed is asked about anew: it may have changed.
        available.readiness[version] = nil
        var streak = versionFailures[version] ?? FailureStreak()
        let random = time.random()
        let backoff = error.failure.kind == .volume ? settings.sourceBackoff : settings.versionBackoff
        streak.add(error.failure, now: time.uptime()) { backoff.wait(after: $0, random: random) }
        versionFailures[version] = streak
        let retryIn = mode == .once && isFinal(streak, time.uptime()) ? nil : streak.retryAt - time.uptime()
        telemetry.record(.versionFailed(model: model.name, version: version, failure: error.failure, retryIn: retryIn))
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
    func noteReleases() {
        let (name, volume, now) = (model.name, volume, time.now())
        let changes: [(Version, Timestamp?)] = plan.release.map { ($0, now) } + plan.unrelease.map { ($0, nil) }
        for (version, release) in changes where !pruning.contains(version) {
            work(on: version) { () throws(VolumeError) in try volume.setReleased(name, version, at: release) }
        }
    }

    /// Starts what the plan says goes: published versions out of the base path, staged ones that nobody wants out of staging.
    func startPruning() {
        let (name, volume, telemetry) = (model.name, volume, telemetry)
        // `once` lists again before it prunes (CONTRACT P3).
        let mayPrune = mode == .run || available.listedBefore != nil
        if !plan.prune.isEmpty, !mayPrune, !isListing { nextListing = .zero }
        for version in plan.prune where mayPrune && !pruning.contains(version) {
            work(on: version) { () throws(VolumeError) in
                try volume.prune(name, version)
                telemetry.record(.pruned(model: name, version: version))
                try volume.sweep()
            }
        }
        for version in plan.discard where version != fetch?.version && !pruning.contains(version) {
            work(on: version) { () throws(VolumeError) in
                try volume.discard(name, version)
                try volume.sweep()
            }
        }
    }

    /// Work on a version that may take long, beside the turns.
    private func work(on version: Version, _ body: @escaping @Sendable () throws(VolumeError) -> Void) {
        pruning.insert(version)
        Task {
            do throws(VolumeError) {
                try await workers.bulk.run(body)
            } catch {
                noteVolumeFailure(error.failure)
            }
            pruning.remove(version)
            bell.ring()
        }
    }
}

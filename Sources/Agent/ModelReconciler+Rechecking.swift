import FileIO
import ModelSources
import Servables
import Volume

// MARK: - Published versions against their source (`--on-changed`, `--recheck-interval`)

extension ModelReconciler {
    private var rechecksAtAll: Bool { mode == .run && sourceFailures.count == 0 && available.listed != nil }

    /// Takes up what is published and shall be; keeps what is staged to replace it.
    func followPublished(_ inventory: Inventory, _ now: Duration) {
        guard rechecksAtAll, let listed = available.listed else { return }
        let published = plan.aspired.filter { inventory[$0]?.manifest != nil && listed.contains($0) }
        // Another content is another try: these are looked at as often as the source.
        let refused = plan.refused.filter { version in
            listed.contains(version) && inventory.refused.contains { $0.version == version }
        }
        let republishes = settings.onChanged == .republish
        // It may have been ended between fetching a version anew and putting it in place.
        let urgent = republishes ? Set(inventory.staged) : []
        rechecks.follow(published + refused, urgent: urgent, now: now, interval: settings.recheckInterval) { time.random() }
        for version in refused { rechecks.expect(version, by: now + settings.pollInterval) }
        if republishes { plan.discard.removeAll { rechecks.mayNeedStaged($0) } }
    }

    /// Compares one version that is due, by one listing.
    func startRecheck(_ now: Duration) {
        guard rechecksAtAll, recheck == nil, !Task.isCancelled else { return }
        // What is being replaced is compared by that.
        guard let version = rechecks.next(now, but: fetch?.version), let place = place(of: version) else { return }
        let (name, volume) = (model.name, volume)
        recheck = Task {
            do throws(VolumeError) {
                let published = try await workers.bulk.run { () throws(VolumeError) in try volume.published(name, place) }
                if let published { await compare(version, published.table) } else { postpone(version) }
            } catch {
                // The next look at the volume says more of it.
                postpone(version)
            }
            recheck = nil
            bell.ring()
        }
    }

    /// A version as its directory spells it, in the base path or among the refused ones.
    private func place(of version: Version) -> Version? {
        inventory?[version]?.version ?? inventory?.refused.first { $0.version == version }?.version
    }

    private func compare(_ version: Version, _ published: FileTable) async {
        do throws(SourceError) {
            compared(version, try await source.difference(of: version, from: published))
        } catch {
            if Task.isCancelled { return }
            // A key that no file can be, or a manifest that cannot be followed: a change. All else is the way to the source (CONTRACT P8).
            if error.failure.kind == .badData { compared(version, error.failure.message) } else { postpone(version) }
        }
    }

    private func compared(_ version: Version, _ difference: String?) {
        let isNew = rechecks.compared(version, difference, next: time.uptime() + settings.recheckInterval)
        guard isNew, let difference else { return }
        versionFailures[version] = nil
        if inventory?[version] == nil {
            available.renewed.insert(version)
            telemetry.record(
                .notice(
                    "\(model.name) \(version), which the server had refused, is another one now: \(difference); it is fetched anew"
                ))
            return
        }
        telemetry.record(.changed(model: model.name, version: version, reason: difference, action: settings.onChanged))
    }

    private func postpone(_ version: Version) {
        rechecks.postpone(version, to: time.uptime() + min(settings.recheckInterval, settings.pollInterval))
    }

    // MARK: Republishing

    /// Starts on the first version that changed and may be put in place anew, when there is nothing else to fetch.
    func startRepublishing(_ now: Duration) {
        guard settings.onChanged == .republish, rechecksAtAll else { return }
        let changed = rechecks.changes.filter {
            isDue($0.key, now) && $0.value.lookAgain <= now && working[$0.key] == nil && inventory?[$0.key]?.manifest != nil
        }
        guard let version = changed.keys.max(), let place = inventory?[version]?.version else { return }
        start(version) { (fetcher) async throws(SourceError) in try await fetcher.republish(version, at: place) }
    }

    /// The fetch of a version that had changed ended without a failure.
    func republished(_ version: Version, _ outcome: VersionFetcher.Outcome) {
        if case .held(let reason, let wait) = outcome {
            heldBack(version, reason, wait)
        } else {
            _ = rechecks.compared(version, nil, next: time.uptime() + settings.recheckInterval)
        }
    }

    private func heldBack(_ version: Version, _ reason: String, _ wait: Duration?) {
        if rechecks.changes[version]?.heldReason != reason {
            telemetry.record(.held(model: model.name, version: version, reason: reason))
        }
        // A store whose clock stands still must not be asked without end.
        rechecks.hold(version, reason, lookAgain: time.uptime() + max(wait ?? settings.pollInterval, .seconds(1)))
    }

    // MARK: For turns and status

    /// When something here is due.
    func dueRechecks(_ now: Duration) -> [Duration] {
        guard rechecksAtAll else { return [] }
        var due: [Duration] = []
        if recheck == nil { due += rechecks.due.filter { $0.key != fetch?.version }.values }
        guard settings.onChanged == .republish, fetch == nil else { return due }
        due += rechecks.changes.flatMap { [$0.value.lookAgain, versionFailures[$0.key]?.retryAt ?? .zero] }.filter { $0 > now }
        return due
    }

    /// What a person should know of a published version that is not the source's any more.
    func changeReason(_ version: Version) -> String? {
        guard let change = rechecks.changes[version] else { return nil }
        let state: String
        if settings.onChanged == .keep {
            state = "it stays as it was published (--on-changed keep)"
        } else if let failure = versionFailures[version]?.last {
            state = failure.message
        } else if let held = change.heldReason {
            state = "not put in place yet: \(held)"
        } else {
            state = "it is fetched anew"
        }
        return "changed in its source: \(change.reason); \(state)"
    }
}

import FileIO
import Servables
import SystemPackage
import Volume

// MARK: - Versions that were published before they were synced (`--sync after`, CONTRACT P5)

extension ModelReconciler {
    /// Published versions that the disk may not have all of.
    private var unsynced: [Version] {
        (inventory?.published ?? []).filter { $0.manifest?.isSynced == false && lateSyncs[$0.version] != .synced }.map(\.version)
    }

    /// Versions that are to be read, synced or noted. What is in doubt cannot wait; anything else `once` leaves to the next start, unless
    /// something is to be pruned.
    var toSync: [Version] {
        (inventory?.published ?? []).filter { entry in
            guard let summary = entry.manifest, !summary.isSynced else { return false }
            if volume.isDoubtful(summary) || lateSyncs[entry.version] != nil { return true }
            return !plan.prune.contains(entry.version) && (mode == .run || !plan.prune.isEmpty)
        }.map(\.version)
    }

    /// Whether pruning waits: should the machine go down, what is not synced would be lost together with what it replaced.
    var awaitsSync: Bool { unsynced.contains { !plan.prune.contains($0) } }

    /// Forgets what came of versions that are gone or noted.
    func followUnsynced(_ inventory: Inventory) {
        lateSyncs = lateSyncs.filter { inventory[$0.key]?.manifest?.isSynced == false }
    }

    // MARK: What nobody knows to be whole

    /// Versions that were published in another boot and not synced, and why that matters.
    var doubts: [Version: String] {
        var doubts: [Version: String] = [:]
        for entry in inventory?.published ?? [] {
            guard let summary = entry.manifest, volume.isDoubtful(summary), lateSyncs[entry.version] != .synced else { continue }
            doubts[entry.version] =
                "version \(entry.version) was not synced before the machine went down: it is read and compared with its checksums"
        }
        return doubts
    }

    /// Why the model cannot be ready for what is in place.
    var inDoubt: String? {
        if let (_, reason) = doubts.max(by: { $0.key < $1.key }) { return reason }
        // Its manifest may be what the disk did not get, or lost: what a server would load is looked at first.
        guard volume.settings.sync == .after, let highest = inventory?.entries.first, highest.kind == .unknownDirectory else {
            return nil
        }
        let isOpen = available.listed == nil || !plan.ask.isEmpty || plan.examine.contains(highest.version)
        return isOpen ? "version \(highest.version) has no manifest: it is compared with its source before it counts" : nil
    }

    // MARK: Work

    /// Starts the next step of every version that is to be synced: sync it, then note that it is, or take out what was lost, which the
    /// plan then fetches anew.
    func startSyncing(_ now: Duration) {
        let (name, volume, telemetry) = (model.name, volume, telemetry)
        for version in toSync {
            switch lateSyncs[version] {
            case nil, .stopped: sync(version, now)
            case .synced: work(on: version, now) { () throws(VolumeError) in try volume.noteSynced(name, version) }
            case .lost:
                work(on: version, now) { () throws(VolumeError) in
                    try volume.prune(name, version)
                    volume.sweep(reportingTo: telemetry)
                }
            }
        }
    }

    private func sync(_ version: Version, _ now: Duration) {
        guard mayWork(on: version, now), !Task.isCancelled else { return }
        let (name, volume, isStopping) = (model.name, volume, isStopping)
        if let doubt = doubts[version] { telemetry.record(.notice("\(name): \(doubt)")) }
        working[version] = Task {
            do throws(VolumeError) {
                let outcome = try await workers.late.run { () throws(VolumeError) in
                    try volume.sync(name, version) { isStopping.withLock { $0 } }
                }
                workFailures[version] = nil
                synced(version, outcome)
            } catch {
                workFailed(version, error.failure)
            }
            workEnded(version)
        }
    }

    private func synced(_ version: Version, _ outcome: LateSync) {
        lateSyncs[version] = outcome
        guard case .lost(let reason) = outcome else { return }
        if doubts[version] != nil { readiness.lostVersion() }
        telemetry.record(
            .warning(
                "\(model.name) \(version) is not on the disk as it was published: \(reason); it is taken out and fetched anew"))
    }
}

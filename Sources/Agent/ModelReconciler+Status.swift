import FileIO
import ModelSources
public import Servables

extension ModelReconciler {
    /// What a person or a metric may know of this model.
    func status() -> ModelStatus {
        var versions: [Version: VersionStatus] = [:]
        let doubts = doubts
        let now = time.uptime()
        for status in inventory.map(VersionStatus.aside(of:)) ?? [] { versions[status.version] = status }
        for entry in inventory?.entries ?? [] {
            switch entry.kind {
            case .published(let summary):
                let isGoing = working[entry.version] != nil && plan.prune.contains(entry.version)
                let state: VersionState = watch.confirmed.contains(entry.version) ? .confirmed : .published
                versions[entry.version] = VersionStatus(published: summary, entry.version, state: isGoing ? .pruning : state)
                versions[entry.version]?.reason = doubts[entry.version] ?? changeReason(entry.version)
                if server != nil, versions[entry.version]?.reason == nil {
                    versions[entry.version]?.reason = watch.reason(entry.version).map { "not confirmed: \($0)" }
                }
            case .unknownDirectory, .obstacle:
                versions[entry.version] = VersionStatus(
                    version: entry.version, state: .foreign, reason: plan.foreign[entry.version])
            }
        }
        for (version, reason) in plan.keep {
            versions[version]?.reason = doubts[version] ?? text(reason)
            if case .delay = reason, versions[version]?.state != .parked { versions[version]?.state = .pruning }
        }
        for (version, reason) in plan.held { versions[version] = VersionStatus(version: version, state: .held, reason: reason) }
        for version in plan.absent {
            versions[version] = VersionStatus(version: version, state: .aspired, reason: "the source does not have it")
        }
        for version in plan.fetch + plan.examine + plan.ask { versions[version] = pending(version) }
        let last = sourceFailures.last ?? volumeFailures.last ?? files.failures.last
        return ModelStatus(
            name: model.name, source: source.location, policy: model.policy, isRequired: model.isRequired,
            versions: versions.values.sorted { $0.version > $1.version }, isReady: readiness.isReady,
            notReadyReason: readiness.isReady ? nil : notReadyReason(last), lastSuccess: lastSuccess, lastFailure: last,
            behind: behindSince.map { now - $0 },
            unconfirmed: server == nil ? nil : overdue(now).count)
    }

    private func pending(_ version: Version) -> VersionStatus {
        var status = VersionStatus(version: version, state: .aspired)
        if let failure = versionFailures[version]?.last {
            status.state = .failed
            status.reason = failure.message
        }
        if fetch?.version == version {
            status.state = .fetching
            if let progress = progress.withLock({ $0 }), progress.version == version {
                status.stagedBytes = progress.stagedBytes
                status.bytes = progress.totalBytes
            }
        }
        return status
    }

    private func notReadyReason(_ failure: Failure?) -> String {
        if let failure { return failure.message }
        for version in plan.ask + plan.fetch + plan.examine {
            if let failure = versionFailures[version]?.last { return failure.message }
        }
        for version in doubts.keys.sorted(by: >) { if let failure = workFailures[version]?.last { return failure.message } }
        return readiness.reason
    }

    private func text(_ reason: KeepReason) -> String {
        switch reason {
        case .untilReplaced: "kept until its successor is in place"
        case .sourceUnclear: "kept while the source cannot be listed, or lists no version"
        case .delay: "no longer aspired, stays for --prune-delay"
        case .missingOnce: "missing from one listing, kept until a second one agrees"
        case .last: "the model's only version"
        case .loading: "the server is loading it"
        case .listed: "no longer in the server's list of models, kept until the server has let go of it"
        }
    }

    /// Whether the loop makes progress.
    func isHealthy(_ now: Duration) -> Bool {
        guard let lastTurn else { return true }
        return now - lastTurn < settings.pollInterval + AgentSettings.turnPatience
    }
}

extension VersionStatus {
    /// What lies aside: parked versions, and those that the server could not load.
    static func aside(of inventory: Inventory) -> [VersionStatus] {
        inventory.parked.compactMap { entry in
            entry.manifest.map { VersionStatus(published: $0, entry.version, state: .parked) }
        } + inventory.refused.map { VersionStatus($0) }
    }

    /// The status of a version that the server could not load.
    private init(_ refused: RefusedVersion) {
        self.init(published: refused.manifest, refused.version, state: .refused)
        let words = refused.refusal.reason.isEmpty ? "for a reason that is not known any more" : refused.refusal.reason
        let times = refused.refusal.count == 1 ? "" : " (\(refused.refusal.count) times)"
        reason = "the server could not load it\(times): \(words)"
    }

    /// The status of a version that its manifest covers.
    public init(published summary: ManifestSummary, _ version: Version, state: VersionState = .published) {
        self.init(
            version: version, state: state, files: summary.files, bytes: summary.bytes, publishedAt: summary.publishedAt,
            verified: summary.verified, isSynced: summary.isSynced)
    }
}

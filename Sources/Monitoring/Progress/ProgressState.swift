import Servables

/// How far the work is, as its events tell.
struct ProgressState {
    private struct Model {
        /// Bytes that are still to come for the versions that are being fetched.
        var missing: Int64 = 0
        var fetching: Set<Version> = []
    }

    private var models: [String: Model] = [:]
    /// Files of each version ever begun.
    private var files: [String: [Version: Int]] = [:]
    private var versionsDone = 0
    /// Came over the wire, what was thrown away and fetched again included.
    private var fetched: Int64 = 0
    private var rate = TransferRate()

    /// Whether a version is on its way.
    var isFetching: Bool { models.values.contains { !$0.fetching.isEmpty } }

    mutating func record(_ event: TelemetryEvent, at uptime: Duration) {
        switch event {
        case .fetchStarted(let model, let version, let count, _, let missing):
            rate.note(bytes: fetched, at: uptime)
            files[model, default: [:]][version] = count
            var state = models[model] ?? Model()
            let isFirst = state.fetching.insert(version).inserted
            if state.fetching.count == 1 {
                state.missing = missing
            } else {
                // Bytes are counted by model: what the other versions still miss is known only in sum with this one's.
                state.missing = isFirst ? state.missing + missing : max(state.missing, missing)
            }
            models[model] = state
        case .fetched(let model, let bytes):
            fetched += bytes
            if let missing = models[model]?.missing { models[model]?.missing = max(0, missing - bytes) }
            rate.note(bytes: fetched, at: uptime)
        case .published(let model, let version, _, _, _, _, _, _):
            if files[model]?[version] != nil { versionsDone += 1 }
            end(model, version)
        case .versionFailed(let model, let version, _, nil):
            end(model, version)
        default: break
        }
    }

    /// The numbers at an instant.
    func numbers(at uptime: Duration) -> ProgressLine.Numbers {
        ProgressLine.Numbers(
            done: fetched, total: fetched + models.values.reduce(0) { $0 + $1.missing },
            rate: rate.bytesPerSecond(bytes: fetched, at: uptime),
            files: files.values.reduce(0) { $0 + $1.values.reduce(0, +) },
            versions: files.values.reduce(0) { $0 + $1.count }, versionsDone: versionsDone, models: files.count)
    }

    private mutating func end(_ model: String, _ version: Version) {
        models[model]?.fetching.remove(version)
        if models[model]?.fetching.isEmpty == true { models[model]?.missing = 0 }
    }
}

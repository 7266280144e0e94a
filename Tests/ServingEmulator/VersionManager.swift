/// The versions that the server has to do with, and which of them are wanted. It decides, and does nothing itself.
struct VersionManager: Sendable {
    struct Harness: Sendable {
        let path: String
        var state = HarnessState.new
        var isAspired = true
        /// Its load is not tried again.
        var isCancelled = false
    }

    struct Action: Hashable, Sendable {
        let model: String
        let action: PolicyAction
    }

    private(set) var managed: [String: [Int64: Harness]] = [:]
    private(set) var pending: [String: [ServableVersion]] = [:]

    subscript(model: String, version: Int64) -> Harness? {
        get { managed[model]?[version] }
        set { managed[model]?[version] = newValue }
    }

    /// Takes a list; it takes the place of one of the same model that still waits.
    mutating func enqueue(_ list: AspiredVersions) { pending[list.model] = list.versions }

    /// Forgets what is neither wanted nor in memory. Nobody is told: a version never begun stays at `START` for those who ask.
    mutating func flush() {
        for (model, versions) in managed {
            let kept = versions.filter { $0.value.isAspired || ![.new, .disabled, .error].contains($0.value.state) }
            managed[model] = kept.isEmpty ? nil : kept
        }
    }

    /// Processes the lists that wait, except one that wants back a version which is still being got rid of.
    /// - Parameter reloadsErrors: whether a version that has failed begins anew when it is wanted still.
    /// - Returns: the versions that are new.
    mutating func applyPending(reloadsErrors: Bool) -> [(model: String, version: Int64)] {
        var started: [(model: String, version: Int64)] = []
        for (model, versions) in pending.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            let current = managed[model] ?? [:]
            if versions.contains(where: { current[$0.version]?.isAspired == false }) { continue }
            pending[model] = nil
            started += apply(versions, to: model, reloadsErrors: reloadsErrors).map { (model, $0) }
        }
        return started
    }

    private mutating func apply(_ wanted: [ServableVersion], to model: String, reloadsErrors: Bool) -> [Int64] {
        var versions = managed[model] ?? [:]
        let numbers = Set(wanted.map(\.version))
        for number in versions.keys where !numbers.contains(number) {
            versions[number]?.isAspired = false
            versions[number]?.isCancelled = true
        }
        var started: [Int64] = []
        // Only numbers are compared: another path under a number that is known changes nothing, nor does a failed load.
        for version in wanted {
            if let known = versions[version.version] {
                guard reloadsErrors, known.state == .error else { continue }
            }
            versions[version.version] = Harness(path: version.path)
            started.append(version.version)
        }
        managed[model] = versions.isEmpty ? nil : versions
        return started
    }

    /// The one thing to do next over all models: the first unload in the order of their names, or else the first load.
    func nextAction() -> Action? {
        let actions = managed.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.compactMap { model, versions in
            AvailabilityPreservingPolicy.nextAction(
                versions.map { VersionSnapshot(version: $0.key, state: $0.value.state, isAspired: $0.value.isAspired) }
            ).map { Action(model: model, action: $0) }
        }
        return actions.first { if case .unload = $0.action { true } else { false } } ?? actions.first
    }
}

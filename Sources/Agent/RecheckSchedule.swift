import Servables

/// When published versions are compared with their source, and what was found.
struct RecheckSchedule {
    /// What the source has now in place of what was published.
    struct Change: Hashable {
        /// One clause.
        let reason: String
        /// Why it is not put in place yet, if it shall be.
        var heldReason: String?
        /// When it is looked at again, if it is held.
        var lookAgain: Duration = .zero
    }

    /// By the monotonic clock.
    private(set) var due: [Version: Duration] = [:]
    private(set) var changes: [Version: Change] = [:]
    /// Compared, or published, by this process.
    private var known: Set<Version> = []
    private var hasBegun = false

    /// Takes up the versions that are in place and aspired, and forgets all others. Those that were there at the start are spread over
    /// an interval, so that neither their listings nor those of many agents come together; what is published later was compared
    /// then.
    /// - Parameters:
    ///   - versions: those in place.
    ///   - urgent: those of them that are compared first.
    ///   - now: by the monotonic clock.
    ///   - interval: between two comparisons of one version.
    ///   - random: the dice.
    mutating func follow(
        _ versions: [Version], urgent: Set<Version>, now: Duration, interval: Duration, random: () -> Double
    ) {
        let current = Set(versions)
        due = due.filter { current.contains($0.key) }
        changes = changes.filter { current.contains($0.key) }
        known.formIntersection(current)
        for version in versions where due[version] == nil {
            if hasBegun {
                due[version] = now + interval
                known.insert(version)
            } else {
                due[version] = urgent.contains(version) ? now : now + interval * random()
            }
        }
        hasBegun = true
    }

    /// The version to compare now, the longest waiting first, but for one.
    func next(_ now: Duration, but busy: Version?) -> Version? {
        due.filter { $0.value <= now && $0.key != busy }.min { ($0.value, $0.key) < ($1.value, $1.key) }?.key
    }

    /// Notes how a version compares.
    /// - Returns: whether it differs, and in another way than it did.
    mutating func compared(_ version: Version, _ difference: String?, next: Duration) -> Bool {
        guard due[version] != nil else { return false }
        due[version] = next
        known.insert(version)
        guard let difference else {
            changes[version] = nil
            return false
        }
        guard changes[version]?.reason != difference else { return false }
        changes[version] = Change(reason: difference)
        return true
    }

    /// The version could not be compared.
    mutating func postpone(_ version: Version, to time: Duration) {
        if due[version] != nil { due[version] = time }
    }

    /// The version is compared by this time, or before.
    mutating func expect(_ version: Version, by time: Duration) {
        if let due = due[version], due > time { self.due[version] = time }
    }

    /// Notes why what changed is not put in place yet.
    mutating func hold(_ version: Version, _ reason: String, lookAgain: Duration) {
        changes[version]?.heldReason = reason
        changes[version]?.lookAgain = lookAgain
    }

    /// Whether something staged of a version may still be needed, though the version is in place.
    func mayNeedStaged(_ version: Version) -> Bool {
        due[version] != nil && (changes[version] != nil || !known.contains(version))
    }
}

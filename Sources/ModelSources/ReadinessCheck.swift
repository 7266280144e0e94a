import Servables

/// Applies a readiness rule to a complete listing of a version (CONTRACT section 5).
struct ReadinessCheck {
    let rule: ReadinessRule
    let settle: Duration
    /// The store's clock.
    let now: Timestamp

    /// What may be done with a version that holds these files, and the rule's marker or not.
    func contents(_ table: FileTable, hasMarker: Bool) -> VersionContents {
        if table.isEmpty { return .held(reason: "it holds no file yet", lookAgainIn: nil) }
        switch rule {
        case .none: return .ready(table)
        case .marker(let name):
            return hasMarker ? .ready(table) : .held(reason: "waiting for its marker \(name)", lookAgainIn: nil)
        case .auto, .settled:
            guard let newest = table.newest else { return .ready(table) }
            let age = max(.zero, now.since(newest))
            guard age < settle else { return .ready(table) }
            return .held(
                reason: "its newest object is not yet \(settle.text) old (--settle)", lookAgainIn: settle - age)
        case .manifest:
            return .held(reason: "the rule manifest is not built yet: use marker:NAME, settled or none", lookAgainIn: nil)
        }
    }

    /// The listing that a writer may leave in a version; never published.
    static let manifestName = ".aspired.json"
}

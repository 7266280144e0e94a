import ModelsConfig
import Servables

/// What the server's list of models must know of one model (`--render-models-config`).
struct ListStanding: Hashable {
    /// What is known of the versions that the server has available.
    enum Served: Hashable {
        /// Nobody can say now: what was known holds.
        case unknown
        /// Nobody is there, or nobody is asked.
        case none
        case available(Set<Version>)

        func has(_ version: Version) -> Bool {
            if case .available(let versions) = self { versions.contains(version) } else { false }
        }
    }

    /// The policy that this was planned by.
    var policy: VersionPolicy
    /// What the server sees in the base path, ours or not, without what it has refused.
    var present: Set<Version>
    /// What it is to serve of that; `nil` while nobody knows what is aspired.
    var wanted: Set<Version>?
    /// Versions that may be wanted once they are in place.
    var expected: Set<Version>
    /// Whether all that is aspired is in place.
    var isComplete: Bool
    /// Whether the server could not load a version that was there.
    var hasRefused: Bool
    var served: Served

    /// By what is planned for the model.
    init(_ plan: ModelPlan, policy: VersionPolicy, isListed: Bool, inventory: Inventory, served: Served) {
        self.policy = policy
        self.served = served
        present = Set(inventory.entries.map(\.version)).subtracting(plan.refuse.keys)
        hasRefused = !plan.refuse.isEmpty || !inventory.refused.isEmpty
        let inPlace = Set(plan.aspired.filter { inventory[$0]?.manifest != nil })
        expected = Set(plan.aspired + plan.ask).union(plan.held.keys)
        isComplete = plan.isSettled && inPlace.count == plan.aspired.count
        if case .specific = policy, !plan.absent.isEmpty || !plan.held.isEmpty || !plan.refused.isEmpty { isComplete = false }
        guard isListed else { return }
        // New before old: what is kept in the place of a version that is not there is served in its place.
        let kept = plan.keep.filter { version, reason in
            if case .delay = reason { return false }
            return reason != .loading && present.contains(version)
        }
        wanted = isComplete && !inPlace.isEmpty ? inPlace : inPlace.union(kept.keys)
    }
}

/// How a model stands in the list.
struct ListEntry: Hashable {
    var policy: VersionPolicy
    var labels: [String: Int64]

    /// What the server chooses by it of the versions that it sees.
    func chosen(from present: Set<Version>) -> Set<Version> { Set(policy.choose(from: present)) }

    /// How a model shall stand in the list, so that the server serves what it is to serve and no reload of the list is rejected.
    /// - Parameters:
    ///   - policy: what is desired.
    ///   - labels: the same.
    ///   - standing: how it stands on the volume and at the server; `nil` where that is not known yet.
    ///   - current: how it stands in the list now; `nil` where it does not.
    /// - Returns: `nil` where it is not in the list.
    static func next(
        _ policy: VersionPolicy, labels: [String: Int64], _ standing: ListStanding?, current: ListEntry?
    ) -> ListEntry? {
        guard let standing else { return current }
        guard let wanted = standing.wanted else {
            // Nobody knows what is aspired: what is there is served as before.
            if current != nil || standing.present.isEmpty { return current }
            let isEnough = standing.present.isSubset(of: policy.choose(from: standing.present))
            return ListEntry(policy: isEnough ? policy : .byNumber(standing.present), labels: [:])
        }
        if wanted.isEmpty {
            // A server that starts waits for ever for a model without versions. One that has lost them may serve them from memory.
            return standing.hasRefused ? nil : current
        }
        let (next, labelled) = next(labels: labels, wanted: wanted, standing, current: current?.labels ?? [:])
        let isComplete = standing.isComplete && standing.policy == policy
        let candidates = [isComplete ? nil : current?.policy, policy].compactMap(\.self)
        // What comes in must not take the place of what a label stands at.
        let all = standing.present.union(standing.expected)
        let fitting = candidates.first { candidate in
            wanted.union(labelled).isSubset(of: candidate.choose(from: standing.present))
                && labelled.isSubset(of: candidate.choose(from: all))
        }
        return ListEntry(policy: fitting ?? .byNumber(wanted.union(labelled)), labels: next)
    }

    /// The server rejects the whole list if a label stands at a version that it does not have available: each is put in, or moved, once
    /// its version is, and stands at the old one until then.
    /// - Returns: the labels, and the versions that are served for their sake.
    private static func next(
        labels: [String: Int64], wanted: Set<Version>, _ standing: ListStanding, current: [String: Int64]
    ) -> (labels: [String: Int64], labelled: Set<Version>) {
        var next: [String: Int64] = [:]
        var labelled: Set<Version> = []
        for (label, number) in labels where number >= 0 {
            let version = Version(number: number)
            let old = current[label]
            switch standing.served {
            case .none: continue
            case .unknown: next[label] = old
            case .available(let available):
                if wanted.contains(version), available.contains(version) {
                    next[label] = number
                } else if let old = old.map(Version.init(number:)), available.contains(old),
                    !wanted.union(standing.expected).isDisjoint(with: [version, old])
                {
                    next[label] = old.number
                }
            }
            if let number = next[label], standing.present.contains(Version(number: number)) {
                labelled.insert(Version(number: number))
            }
        }
        return (next, labelled)
    }
}

extension VersionPolicy {
    fileprivate static func byNumber(_ versions: Set<Version>) -> VersionPolicy {
        .specific(versions.sorted(by: >).map(\.number))
    }
}

/// What may be taken out of a model's base path, as far as the server's list is concerned.
struct ListFreedom {
    /// A server that reads its list again has done so by then.
    static let patience: Duration = .seconds(60)

    /// An entry that the server may still go by.
    struct Former: Hashable {
        /// `nil`: it is not known what it was.
        let entry: ListEntry?
        /// When it was replaced, by the monotonic clock.
        let replacedAt: Duration

        func isOver(_ now: Duration) -> Bool { now - replacedAt >= ListFreedom.patience }
    }

    let standing: ListStanding
    /// How the model stands in the list that is written; `nil`: it does not.
    let entry: ListEntry?
    /// How it should.
    let next: ListEntry?
    let hasDesiredLabels: Bool
    let formers: [Former]

    /// Whether the list has labels of the model, or is to have some.
    var hasLabels: Bool { hasDesiredLabels || entry?.labels.isEmpty == false }

    /// When time alone has made the server forget an earlier entry; `nil`: it has none.
    func nextDue(_ now: Duration) -> Duration? {
        formers.map { $0.replacedAt + Self.patience }.filter { $0 > now }.min()
    }

    /// Says whether a version may leave the base path.
    /// - Parameters:
    ///   - version: in there, or about to be no longer.
    ///   - state: what the server says of it, where it is asked.
    ///   - isAsked: whether there is a server that is asked.
    ///   - now: by the monotonic clock.
    /// - Returns: `false` where a server may still want it.
    func mayGo(_ version: Version, _ state: ServedState?, isAsked: Bool, _ now: Duration) -> Bool {
        guard entry == next else { return false }
        let before = standing.present.union([version])
        let isChosen = entry?.chosen(from: before).contains(version) ?? false
        if entry?.labels.values.contains(version.number) == true { return false }
        if isAsked, !isChosen {
            // By the list the server is to let go of it.
            switch state {
            case nil, .ended: return true
            // That says nothing of which list it goes by.
            case .failed: break
            case .waiting, .loading, .available, .unloading: return false
            }
        }
        // A server that goes by an earlier list still must not find nothing.
        let after = standing.present.subtracting([version])
        return formers.allSatisfy { former in
            if former.isOver(now) { return true }
            guard let entry = former.entry else { return false }
            return !entry.chosen(from: before).contains(version) || !entry.chosen(from: after).isEmpty
        }
    }
}

import ModelsConfig
import Servables

/// What the server's list of models must know of one model (`--render-models-config`).
struct ListStanding: Hashable {
    /// What is known of the versions that the server has available.
    enum Served: Hashable {
        /// It does not answer now: what was known holds.
        case unknown
        /// Nobody is there: who starts next has nothing.
        case away
        /// Nobody is asked.
        case unasked
        case available(Set<Version>)

        /// Those of the labels in the list that a server takes there.
        func taken(_ labels: [String: Int64]) -> [String: Int64] {
            switch self {
            case .unknown: labels
            case .away, .unasked: [:]
            case .available(let versions): labels.filter { label in versions.contains { $0.number == label.value } }
            }
        }
    }

    /// The policy that this was planned by.
    var policy: VersionPolicy
    /// What the server sees in the base path, ours or not, without what it has refused.
    var present: Set<Version>
    /// Whether anybody knows what is aspired.
    var isListed: Bool
    /// What is aspired and there.
    var inPlace: Set<Version>
    /// What is there and no longer aspired: those that are kept for what is not there yet, and all but those that the server is loading.
    var kept: Set<Version>
    var spare: Set<Version>
    /// What is ours and stays, whatever for.
    var ours: Set<Version>
    /// Versions that may be aspired once they are in place.
    var expected: Set<Version>
    /// Whether all that is aspired is in place.
    var isComplete: Bool
    /// Whether the server could not load a version that was there.
    var hasRefused: Bool
    var served: Served

    /// By what is planned for the model.
    init(_ plan: ModelPlan, policy: VersionPolicy, isListed: Bool, inventory: Inventory, served: Served) {
        self.policy = policy
        self.isListed = isListed
        self.served = served
        present = Set(inventory.entries.map(\.version)).subtracting(plan.refuse.keys)
        hasRefused = !plan.refuse.isEmpty || !inventory.refused.isEmpty
        inPlace = Set(plan.aspired.filter { inventory[$0]?.manifest != nil })
        expected = Set(plan.aspired + plan.ask).union(plan.held.keys)
        isComplete = plan.isSettled && inPlace.count == plan.aspired.count
        if case .specific = policy, !plan.absent.isEmpty || !plan.held.isEmpty || !plan.refused.isEmpty { isComplete = false }
        kept = Set(plan.keep.filter { $0.value == .untilReplaced || $0.value == .last }.keys).intersection(present)
        spare = Set(plan.keep.filter { $0.value != .loading }.keys).intersection(present)
        ours = Set(inventory.published.map(\.version)).intersection(present).subtracting(plan.prune)
    }

    /// What the server is to have by the list: what is aspired; and, until all of that is there, what it has by the list now; and if
    /// that is nothing, what is kept; at last what it was loading when it was heard, and may have by now, or has failed to load and stays.
    fileprivate func wanted(_ current: ListEntry?) -> Set<Version> {
        if isComplete, !inPlace.isEmpty { return inPlace }
        let wanted = inPlace.union(spare.intersection(current?.chosen(from: present) ?? []))
        return [wanted, kept, spare].first { !$0.isEmpty } ?? ours
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
        let stays = current.map { ListEntry(policy: $0.policy, labels: standing.served.taken($0.labels)) }
        if standing.present.isEmpty { return standing.isServedFromMemory ? stays : nil }
        guard standing.isListed else {
            // Nobody knows what is aspired: what is there is served as before.
            if let stays, !stays.chosen(from: standing.present).isEmpty { return stays }
            let isEnough = standing.present.isSubset(of: policy.choose(from: standing.present))
            return ListEntry(policy: isEnough ? policy : .byNumber(standing.present), labels: [:])
        }
        let wanted = standing.wanted(current)
        // What is there is not ours.
        guard !wanted.isEmpty else { return standing.isServedFromMemory ? stays : nil }
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
        let taken = standing.served.taken(current)
        var next: [String: Int64] = [:]
        for (label, number) in labels where number >= 0 {
            let version = Version(number: number)
            if standing.inPlace.contains(version), case .available(let available) = standing.served, available.contains(version) {
                next[label] = number
            } else if let old = taken[label].map(Version.init(number:)),
                !wanted.union(standing.expected).isDisjoint(with: [version, old])
            {
                next[label] = old.number
            }
        }
        return (next, Set(next.values.map(Version.init(number:))).intersection(standing.present))
    }
}

extension ListStanding {
    /// Whether a server may serve versions that are no longer there. One that starts waits for ever for a model without versions.
    fileprivate var isServedFromMemory: Bool {
        switch served {
        case .available(let versions): !versions.isEmpty
        case .away: false
        case .unknown, .unasked: !hasRefused
        }
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

/// Whether a version in the source may be fetched.
public enum Readiness: Hashable, Sendable {
    /// Complete, as its rule says.
    case ready
    /// Not complete yet, and why.
    case held(String)
}

/// What is known of a model's source.
public struct Availability: Hashable, Sendable {
    /// The versions of the newest complete listing; `nil` while there was none.
    public var listed: Set<Version>?
    /// The versions of the complete listing before that; `nil` while there was none.
    public var listedBefore: Set<Version>?
    /// What was found out of listed versions since the newest listing.
    public var readiness: [Version: Readiness]

    public init(listed: Set<Version>? = nil, listedBefore: Set<Version>? = nil, readiness: [Version: Readiness] = [:]) {
        self.listed = listed
        self.listedBefore = listedBefore
        self.readiness = readiness
    }
}

/// Rules of the plan that the configuration sets.
public struct PlanRules: Hashable, Sendable {
    /// How long a version stays that is no longer aspired.
    public var pruneDelay: Duration
    /// Prune versions that no manifest of ours covers, too.
    public var prunesForeign: Bool

    public init(pruneDelay: Duration = .zero, prunesForeign: Bool = false) {
        self.pruneDelay = pruneDelay
        self.prunesForeign = prunesForeign
    }
}

/// What shall be done for one model, as far as can be told now.
public struct ModelPlan: Hashable, Sendable {
    /// The versions that shall be there, highest first.
    public var aspired: [Version] = []
    /// Those of them that are not in place, in the order to fetch them.
    public var fetch: [Version] = []
    /// Those of them that are on the volume without a manifest: to be read and adopted, or replaced.
    public var examine: [Version] = []
    /// Published versions that are no longer aspired and may go now.
    public var prune: [Version] = []
    /// Published versions that are no longer aspired and stay for now, and why.
    public var keep: [Version: KeepReason] = [:]
    /// Versions whose readiness decides what is aspired.
    public var ask: [Version] = []
    /// Listed versions that are not ready, and why; only those that the policy would choose.
    public var held: [Version: String] = [:]
    /// Published versions that only the newest listing does not have; the next one decides (CONTRACT P3).
    public var missingOnce: [Version] = []
    /// Versions that the policy names and the source does not have.
    public var absent: [Version] = []
    /// Entries on the volume that are not ours to touch, and why.
    public var foreign: [Version: String] = [:]
    /// Staged versions that nobody wants any more.
    public var discard: [Version] = []
    /// Published versions whose release is to be noted in their manifest, and those whose note is to be taken back.
    public var release: [Version] = []
    public var unrelease: [Version] = []

    public init() {}

    /// Whether every aspired version is in place and nothing is open.
    public var isSettled: Bool { fetch.isEmpty && examine.isEmpty && ask.isEmpty }
}

/// Why a published version that is no longer aspired stays.
public enum KeepReason: Hashable, Sendable {
    /// A version that shall replace it is not in place yet (CONTRACT P3).
    case untilReplaced
    /// The source could not be listed, or lists no version.
    case sourceUnclear
    /// `--prune-delay`: released at this time, and so to go at this plus the delay.
    case delay(since: Timestamp)
    /// It is missing from one listing; two must agree.
    case missingOnce
    /// It is the model's only version.
    case last
}

/// Computes what shall be done for one model from what is aspired and what the volume holds. Pure: `aspired plan` prints
/// it, `once` and `run` carry it out (CONTRACT P3, P7).
public func plan(
    policy: VersionPolicy, available: Availability, inventory: Inventory, rules: PlanRules, now: Timestamp
) -> ModelPlan {
    var plan = ModelPlan()
    let published = inventory.published.map(\.version)

    guard let listed = available.listed, !listed.isEmpty else {
        // Nothing is known, or an emptied source, which is more likely a mistake than a wish.
        for version in published { plan.keep[version] = .sourceUnclear }
        noteForeign(&plan, inventory: inventory, aspired: nil)
        if case .specific(let numbers) = policy, available.listed != nil {
            plan.absent = numbers.map(Version.init(number:)).filter { !published.contains($0) }
        }
        return plan
    }

    // A published version that is missing from the newest listing counts as listed until a second listing agrees.
    let missingOnce = Set(published.filter { !listed.contains($0) && available.listedBefore?.contains($0) != false })
    plan.missingOnce = missingOnce.sorted(by: >)
    choose(policy, from: listed.union(missingOnce), published: Set(published), readiness: available.readiness, into: &plan)

    for version in plan.aspired {
        switch inventory[version]?.kind {
        case .published, .obstacle: break
        case .unknownDirectory: plan.examine.append(version)
        case nil: plan.fetch.append(version)
        }
    }
    noteForeign(&plan, inventory: inventory, aspired: Set(plan.aspired + plan.ask))
    choosePruned(&plan, policy: policy, inventory: inventory, missingOnce: missingOnce, rules: rules, now: now)
    if plan.ask.isEmpty { plan.discard = inventory.staged.filter { !isOfUse($0, plan, inventory) } }
    return plan
}

/// Whether what is staged of a version will be taken up: it is aspired or held, under this name, and not in place yet.
private func isOfUse(_ staged: Version, _ plan: ModelPlan, _ inventory: Inventory) -> Bool {
    guard inventory[staged]?.manifest == nil else { return false }
    return plan.aspired.contains { $0.name == staged.name } || plan.held.keys.contains { $0.name == staged.name }
}

/// Applies the policy to the versions that are ready. A version whose readiness is unknown is asked for, and decides over all
/// that come after it.
private func choose(
    _ policy: VersionPolicy, from candidates: Set<Version>, published: Set<Version>, readiness: [Version: Readiness],
    into plan: inout ModelPlan
) {
    let limit: Int
    let eligible: [Version]
    switch policy {
    case .latest(let count):
        limit = count
        eligible = candidates.sorted(by: >)
    case .all:
        limit = .max
        eligible = candidates.sorted(by: >)
    case .specific(let numbers):
        limit = .max
        eligible = policy.choose(from: candidates)
        plan.absent = numbers.map(Version.init(number:)).filter { !candidates.contains($0) }
    }
    var open = 0
    for version in eligible {
        if plan.aspired.count + open >= limit { break }
        if published.contains(version) {
            plan.aspired.append(version)
            continue
        }
        switch readiness[version] {
        case .ready: plan.aspired.append(version)
        case .held(let reason): plan.held[version] = reason
        case nil:
            plan.ask.append(version)
            open += 1
        }
    }
}

private func noteForeign(_ plan: inout ModelPlan, inventory: Inventory, aspired: Set<Version>?) {
    for entry in inventory.entries {
        switch entry.kind {
        case .published: break
        case .unknownDirectory:
            if aspired?.contains(entry.version) != true {
                plan.foreign[entry.version] = "a directory without a manifest of ours"
            }
        case .obstacle(let what): plan.foreign[entry.version] = what
        }
    }
}

/// New before old: for each aspired version that is not in place one that is no longer aspired is kept, the highest first; and
/// one always is while none that is aspired is in place (CONTRACT P3).
private func choosePruned(
    _ plan: inout ModelPlan, policy: VersionPolicy, inventory: Inventory, missingOnce: Set<Version>, rules: PlanRules,
    now: Timestamp
) {
    let aspired = Set(plan.aspired)
    plan.unrelease = inventory.published.filter { aspired.contains($0.version) && $0.manifest?.releasedAt != nil }.map(\.version)
    let inPlace = inventory.published.contains { aspired.contains($0.version) }
    // What is asked for may be aspired, and so keeps a place; so does a version that is named by number, ready or not.
    var expected = plan.fetch.count + plan.examine.count + plan.ask.count
    expected += plan.aspired.count { plan.foreign[$0] != nil }
    if case .specific = policy { expected += plan.absent.count + plan.held.count }
    var places = expected
    if !inPlace { places = max(places, 1) }

    for entry in inventory.published where !aspired.contains(entry.version) {
        let version = entry.version
        if missingOnce.contains(version) {
            plan.keep[version] = .missingOnce
        } else if places > 0 {
            places -= 1
            plan.keep[version] = expected == 0 ? .last : .untilReplaced
        } else if rules.pruneDelay > .zero {
            if let since = entry.manifest?.releasedAt {
                if now.since(since) >= rules.pruneDelay {
                    plan.prune.append(version)
                } else {
                    plan.keep[version] = .delay(since: since)
                }
            } else {
                plan.release.append(version)
                plan.keep[version] = .delay(since: now)
            }
        } else {
            plan.prune.append(version)
        }
    }
    guard rules.prunesForeign, inPlace, expected == 0 else { return }
    for entry in inventory.entries where entry.kind == .unknownDirectory && !aspired.contains(entry.version) {
        plan.prune.append(entry.version)
        plan.foreign[entry.version] = nil
    }
}

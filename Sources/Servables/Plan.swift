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
    /// Refused versions whose content is another one now.
    public var renewed: Set<Version> = []
    /// Versions that can be had and do not fit, and those on the volume that need not wait until they are replaced for them.
    public var makesRoom: [Version: Set<Version>] = [:]

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
    /// How often a version that the server refused is put in again.
    public var republishRefused: Int
    /// How long such a version is out before that: a server must have missed it once.
    public var republishPause: Duration
    /// Whether the server chooses the highest version that it sees, so that a lower one is loaded only where no higher one is; `false`
    /// where its list of models says which (`--render-models-config`).
    public var parksHigher: Bool

    public init(
        pruneDelay: Duration = .zero, prunesForeign: Bool = false, republishRefused: Int = 0,
        republishPause: Duration = .seconds(5), parksHigher: Bool = true
    ) {
        self.pruneDelay = pruneDelay
        self.prunesForeign = prunesForeign
        self.republishRefused = republishRefused
        self.republishPause = republishPause
        self.parksHigher = parksHigher
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
    /// Published versions that the server could not load, and what it said: they are taken out.
    public var refuse: [Version: String] = [:]
    /// Refused versions that the policy would choose, highest first.
    public var refused: [Version] = []
    /// Those of them that are put in again, and those whose time for that has yet to come, and in how long it does.
    public var readmit: [Version] = []
    public var readmitLater: [Version: Duration] = [:]
    /// Refused versions that the source no longer has.
    public var forget: [Version] = []
    /// Published versions that are taken out so that the server loads a lower one, and parked ones that come back.
    public var park: [Version] = []
    public var unpark: [Version] = []

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
    /// The server is loading it.
    case loading
    /// The server's list of models no longer has it, and the server has not let go of it yet.
    case listed
}

/// Computes what shall be done for one model from what is aspired, what the volume holds, and what the server says (`serving`; `nil`
/// where none is asked, and what is published is in place). Pure: `aspired plan` prints it, `once` and `run` carry it out (CONTRACT P3,
/// P7 and section 4).
public func plan(
    policy: VersionPolicy, available: Availability, inventory: Inventory, serving: ServingState? = nil, rules: PlanRules,
    now: Timestamp
) -> ModelPlan {
    var plan = ModelPlan()
    // What the server could not load is as good as out already.
    plan.refuse = serving?.failed.filter { inventory[$0.key]?.manifest != nil } ?? [:]
    let published = inventory.published.map(\.version).filter { plan.refuse[$0] == nil }

    guard let listed = available.listed, !listed.isEmpty else {
        // Nothing is known, or an emptied source, which is more likely a mistake than a wish.
        for version in published { plan.keep[version] = .sourceUnclear }
        noteForeign(&plan, inventory: inventory, aspired: nil)
        if case .specific(let numbers) = policy, available.listed != nil {
            plan.absent = numbers.map(Version.init(number:)).filter { !published.contains($0) }
        }
        // What a lower version was to take the place of, and did not.
        plan.unpark = inventory.parked.map(\.version).filter { parked in !published.contains { $0 < parked } }
        keepOneInSight(&plan, inventory: inventory, serving: serving)
        return plan
    }

    // A published version that is missing from the newest listing counts as listed until a second listing agrees.
    let missingOnce = Set(published.filter { !listed.contains($0) && available.listedBefore?.contains($0) != false })
    plan.missingOnce = missingOnce.sorted(by: >)
    let refused = Set(inventory.refused.map(\.version)).union(plan.refuse.keys)
        .subtracting(available.renewed.subtracting(plan.refuse.keys))
    let parked = inventory.parked.map(\.version)
    choose(
        policy, from: listed.union(missingOnce), but: refused, published: Set(published + parked),
        readiness: available.readiness, into: &plan)

    for version in plan.aspired {
        switch inventory[version]?.kind {
        case .published, .obstacle: break
        case .unknownDirectory: plan.examine.append(version)
        case nil: if parked.contains(version) { plan.unpark.append(version) } else { plan.fetch.append(version) }
        }
    }
    noteForeign(&plan, inventory: inventory, aspired: Set(plan.aspired + plan.ask))
    choosePruned(
        &plan, policy: policy, available: available, inventory: inventory, serving: serving, missingOnce: missingOnce,
        rules: rules, now: now)
    chooseReadmitted(&plan, available: available, inventory: inventory, rules: rules, now: now)
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
    _ policy: VersionPolicy, from candidates: Set<Version>, but refused: Set<Version>, published: Set<Version>,
    readiness: [Version: Readiness], into plan: inout ModelPlan
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
        if refused.contains(version) {
            plan.refused.append(version)
            continue
        }
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

/// New before old: for each aspired version that is not in place, and confirmed where a server is asked, one that is no longer
/// aspired is kept, confirmed ones first, then the highest; and one always is while none that is aspired is in place (CONTRACT P3), but
/// for those that make room for what is to be fetched.
private func choosePruned(
    _ plan: inout ModelPlan, policy: VersionPolicy, available: Availability, inventory: Inventory, serving: ServingState?,
    missingOnce: Set<Version>, rules: PlanRules, now: Timestamp
) {
    let aspired = Set(plan.aspired)
    plan.unrelease = (inventory.published + inventory.parked)
        .filter { aspired.contains($0.version) && $0.manifest?.releasedAt != nil }.map(\.version)
    let there = inventory.published.map(\.version).filter { aspired.contains($0) }
    let unconfirmed = there.filter { serving?.confirmed.contains($0) == false }
    let inPlace = there.count > unconfirmed.count
    // What is asked for may be aspired, and so keeps a place; so does a version that is named by number, ready or not.
    var expected = plan.fetch.count + plan.examine.count + plan.ask.count + plan.unpark.count + unconfirmed.count
    expected += plan.aspired.count { plan.foreign[$0] != nil }
    if case .specific = policy { expected += plan.absent.count + plan.held.count + plan.refused.count }
    var places = expected
    if !inPlace { places = max(places, 1) }

    let inTheWay = plan.fetch.reduce(into: Set<Version>()) { $0.formUnion(available.makesRoom[$1] ?? []) }
    let parked = Set(inventory.parked.map(\.version))
    let old = (inventory.published + inventory.parked).filter { !aspired.contains($0.version) && plan.refuse[$0.version] == nil }
    func isServed(_ version: Version) -> Bool {
        // The server may have let go of a parked one since: where it has another that is aspired, it does.
        if parked.contains(version) { return serving?.unseen?.contains(version) ?? true }
        return serving?.confirmed.contains(version) == true && serving?.dropped.contains(version) == false
    }
    for entry in old.sorted(by: { (isServed($0.version) ? 1 : 0, $0.version) > (isServed($1.version) ? 1 : 0, $1.version) }) {
        let version = entry.version
        if missingOnce.contains(version) {
            plan.keep[version] = .missingOnce
        } else if serving?.loading.contains(version) == true, !parked.contains(version) {
            plan.keep[version] = .loading
        } else if places > 0, !inTheWay.contains(version) {
            places -= 1
            plan.keep[version] = expected == 0 ? .last : .untilReplaced
        } else if rules.pruneDelay > .zero {
            // A time to come is that of a clock that was set back since: it is noted anew, or nobody knows how long this stays.
            if let since = entry.manifest?.releasedAt, now.since(since) >= .zero {
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
    chooseParked(
        &plan, parked: parked, there: there, unconfirmed: unconfirmed, isLost: serving?.isLost == true,
        parksHigher: rules.parksHigher)
    keepOneInSight(&plan, inventory: inventory, serving: serving)
    guard rules.prunesForeign, inPlace, expected == 0 else { return }
    for entry in inventory.entries where entry.kind == .unknownDirectory && !aspired.contains(entry.version) {
        if serving?.loading.contains(entry.version) == true { continue }
        plan.prune.append(entry.version)
        plan.foreign[entry.version] = nil
    }
}

/// A server loads the highest version that it sees: a higher one that is no longer aspired is out of its sight until a lower one is
/// confirmed, and comes back if there is no lower one any more (CONTRACT section 4), or if the server does not come up with that.
private func chooseParked(
    _ plan: inout ModelPlan, parked: Set<Version>, there: [Version], unconfirmed: [Version], isLost: Bool,
    parksHigher: Bool
) {
    for (version, reason) in plan.keep {
        if parked.contains(version) {
            if !there.contains(where: { $0 < version }) || isLost && !unconfirmed.isEmpty { plan.unpark.append(version) }
        } else if parksHigher, reason != .loading, reason != .missingOnce, unconfirmed.contains(where: { $0 < version }) {
            plan.park.append(version)
        }
    }
    plan.park.sort(by: >)
    plan.unpark.sort(by: >)
}

/// A server unloads everything from a base path without a version, what it serves from memory as well: what is parked comes back before
/// the last one goes, and one that is nowhere any more is served until another is there.
private func keepOneInSight(_ plan: inout ModelPlan, inventory: Inventory, serving: ServingState?) {
    let goes = Set(plan.prune + plan.park + plan.refuse.keys)
    guard !plan.unpark.isEmpty || serving?.unseen?.isEmpty == false, inventory.published.allSatisfy({ goes.contains($0.version) })
    else { return }
    for version in plan.prune where inventory[version] != nil { plan.keep[version] = .untilReplaced }
    plan.prune.removeAll { inventory[$0] != nil }
    plan.refuse = [:]
}

/// Which refused versions come back, and which are not worth remembering.
private func chooseReadmitted(
    _ plan: inout ModelPlan, available: Availability, inventory: Inventory, rules: PlanRules, now: Timestamp
) {
    for refused in inventory.refused {
        let version = refused.version
        let isListed = available.listed?.contains(version) != false || available.listedBefore?.contains(version) != false
        if !isListed {
            plan.forget.append(version)
        } else if plan.refused.contains(version), refused.isKept, refused.refusal.count <= rules.republishRefused {
            let wait = min(rules.republishPause, rules.republishPause - now.since(refused.refusal.at))
            if wait <= .zero { plan.readmit.append(version) } else { plan.readmitLater[version] = wait }
        }
    }
}

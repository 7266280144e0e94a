import Servables
import Testing

/// A small generator with a seed, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}

@Suite("The plan, whatever the situation")
struct PlanPropertyTests {
    private static func scene(_ random: inout SeededGenerator) -> PlanScene {
        let numbers = Array(0...Int.random(in: 1...7, using: &random))
        func some(_ chance: Int) -> [String] {
            numbers.filter { _ in Int.random(in: 0..<100, using: &random) < chance }.map(String.init)
        }
        let policies: [VersionPolicy] = [
            .latest(1), .latest(2), .latest(3), .all, .specific([Int64.random(in: 0...8, using: &random)]), .specific([1, 4, 9]),
        ]
        let policy = policies.randomElement(using: &random) ?? .all
        let listed: [String]? = Int.random(in: 0..<20, using: &random) == 0 ? nil : some(60)
        var before: [String]? = Int.random(in: 0..<4, using: &random) == 0 ? some(60) : listed
        if Int.random(in: 0..<10, using: &random) == 0 { before = nil }
        let volume = some(50).map { name in
            switch Int.random(in: 0..<8, using: &random) {
            case 0: name + "?"
            case 1: name + "!"
            case 2: name + "~\(Int.random(in: 0..<100, using: &random))"
            case 3: "0" + name
            default: name
            }
        }
        let (ready, held) = (some(40), some(30))
        let rules = PlanRules(
            pruneDelay: Bool.random(using: &random) ? .zero : .seconds(30),
            prunesForeign: Int.random(in: 0..<4, using: &random) == 0)
        return PlanScene(
            policy, listed: listed, before: .some(before), volume: volume, staged: some(20), ready: ready, held: held,
            rules: rules)
    }

    @Test("6,000 situations: what may be pruned, what must stay, and that each version is in one place")
    func invariants() {
        for seed in 1...6_000 {
            var random = SeededGenerator(seed: UInt64(seed))
            let scene = Self.scene(&random)
            let (plan, inventory) = (scene.planned(), scene.inventory)
            let published = Set(inventory.published.map(\.version))
            let (aspired, pruned, kept) = (Set(plan.aspired), Set(plan.prune), Set(plan.keep.keys))
            func hold(_ condition: Bool, _ what: String) {
                if !condition { Issue.record("\(what): seed \(seed), \(scene), \(plan.text)") }
            }
            hold(pruned.isDisjoint(with: aspired), "an aspired version is never pruned")
            hold(pruned.isDisjoint(with: kept), "what is kept is not pruned")
            hold(kept.isDisjoint(with: aspired), "what is kept is not aspired")
            if scene.listed?.isEmpty == false {
                hold(
                    published.isSubset(of: aspired.union(pruned).union(kept)), "each published version is aspired, kept or pruned"
                )
            }
            if scene.listed?.isEmpty ?? true {
                hold(pruned.isEmpty && plan.discard.isEmpty, "a source that says nothing prunes nothing")
            }
            let foreignPruned = pruned.subtracting(published)
            hold(scene.rules.prunesForeign || foreignPruned.isEmpty, "what is foreign is pruned by the flag alone")
            hold(foreignPruned.allSatisfy { inventory[$0]?.kind == .unknownDirectory }, "an obstacle is never pruned")
            hold(
                pruned.allSatisfy {
                    scene.available.listed?.contains($0) == true || scene.available.listedBefore?.contains($0) == false
                        || foreignPruned.contains($0)
                }, "what vanished is gone only when two listings agree")
            // New before old: of the old ones as many stay as aspired versions are missing, and the model's last always.
            let missing = aspired.filter { inventory[$0]?.manifest == nil }.count
            let old = published.subtracting(aspired)
            let inPlace = !published.isDisjoint(with: aspired)
            hold(kept.count >= min(old.count, inPlace ? missing : max(1, missing)), "an old version stays for each missing one")
            let left = published.subtracting(pruned)
            hold(published.isEmpty || !left.isEmpty, "the last version stays")
            if let lowest = kept.filter({ plan.keep[$0] == .untilReplaced }).min() {
                hold(pruned.allSatisfy { $0 < lowest || foreignPruned.contains($0) }, "the highest stay")
            }
            hold(plan.isSettled || foreignPruned.isEmpty, "nothing foreign goes before what is aspired is there")
            let sorted = [plan.aspired, plan.fetch, plan.ask].allSatisfy { $0 == $0.sorted(by: >) }
            hold(sorted && Set(plan.aspired).count == plan.aspired.count, "the highest comes first, and each once")
        }
    }

    @Test("1,500 situations: carried out step by step, every plan ends at exactly the aspired versions")
    func converges() {
        for seed in 1...1_500 {
            var random = SeededGenerator(seed: UInt64(seed))
            var scene = Self.scene(&random)
            guard scene.listed?.isEmpty == false else { continue }
            scene.before = scene.listed
            var available = scene.available
            var inventory = scene.inventory
            var now = Timestamp(secondsSinceEpoch: 100)
            var last: ModelPlan?
            for step in 0..<60 {
                let plan = plan(policy: scene.policy, available: available, inventory: inventory, rules: scene.rules, now: now)
                if plan == last { break }
                last = plan
                if step == 59 { Issue.record("seed \(seed) does not come to rest: \(plan.text)") }
                Self.carryOut(plan, on: &inventory, available: &available, now: now, random: &random)
                now = now.advanced(by: .seconds(31))
            }
            let published = Set(inventory.published.map(\.version))
            let reachable = Set(last?.aspired ?? []).filter { if case .obstacle = inventory[$0]?.kind { false } else { true } }
            #expect(reachable.isSubset(of: published), "seed \(seed)")
            let isComplete = last?.absent.isEmpty == true && reachable.count == last?.aspired.count && !reachable.isEmpty
            var isHeld = false
            if case .specific = scene.policy { isHeld = last?.held.isEmpty == false }
            if isComplete, !isHeld { #expect(published == reachable, "seed \(seed): \(scene) ends at \(published)") }
            #expect(last?.discard.isEmpty == true && last?.ask.isEmpty == true, "seed \(seed)")
        }
    }

    /// Does one of the things that a plan asks for, in any order.
    private static func carryOut(
        _ plan: ModelPlan, on inventory: inout Inventory, available: inout Availability, now: Timestamp,
        random: inout SeededGenerator
    ) {
        for version in plan.ask { available.readiness[version] = Bool.random(using: &random) ? .ready : .held("later") }
        func put(_ entry: VolumeEntry) {
            inventory.entries.removeAll { $0.version == entry.version }
            inventory.entries.append(entry)
            inventory.entries.sort { $0.version > $1.version }
        }
        if let version = (plan.fetch + plan.examine).randomElement(using: &random) { put(published(version)) }
        if let version = plan.prune.randomElement(using: &random) { inventory.entries.removeAll { $0.version == version } }
        if let version = plan.discard.first { inventory.staged.removeAll { $0.name == version.name } }
        for version in plan.release { put(published(version, releasedAt: now.secondsSinceEpoch)) }
        for version in plan.unrelease { put(published(version)) }
    }
}

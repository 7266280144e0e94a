import Servables
import Testing

@Suite("The plan where a server confirms")
struct ServedPlanTests {
    private static let again = PlanRules(republishRefused: 1)

    @Test(
        "New before old, by what the server has loaded",
        arguments: [
            PlanCase(
                "what is not confirmed lets nothing go", .init(listed: ["7", "8"], volume: ["7", "8"], serving: server("7")),
                "aspired 8 · keep 7 untilReplaced"),
            PlanCase(
                "what is confirmed does", .init(listed: ["7", "8"], volume: ["7", "8"], serving: server("7", "8")),
                "aspired 8 · prune 7"),
            PlanCase(
                "without a server what is published is in place", .init(listed: ["7", "8"], volume: ["7", "8"]),
                "aspired 8 · prune 7"),
            PlanCase(
                "a confirmed one is kept rather than a higher one that is not",
                .init(listed: ["6", "7", "8"], volume: ["6", "7", "8"], serving: server("6")),
                "aspired 8 · prune 7 · keep 6 untilReplaced"),
            PlanCase(
                "of confirmed ones the highest", .init(listed: ["8"], volume: ["6", "7", "8"], serving: server("6", "7")),
                "aspired 8 · prune 6 · keep 7 untilReplaced"),
            PlanCase(
                "but not one that the server has let go of since",
                .init(listed: ["8"], volume: ["6", "7", "8"], serving: server("6", "7", dropped: ["7"])),
                "aspired 8 · prune 7 · keep 6 untilReplaced"),
            PlanCase(
                "one for each that is not in place: one published and not confirmed, one not published",
                .init(
                    .latest(2), listed: ["5", "6", "7", "8", "9"], volume: ["5", "6", "7", "8"], ready: ["9"],
                    serving: server("5", "6", "7")),
                "aspired 9,8 · fetch 9 · prune 5 · keep 7 untilReplaced · keep 6 untilReplaced"),
            PlanCase(
                "what the server is loading is not moved, and takes nobody's place",
                .init(listed: ["8"], volume: ["6", "7", "8"], serving: server("6", loading: ["7", "8"])),
                "aspired 8 · keep 7 loading · keep 6 untilReplaced"),
            PlanCase(
                "though it is in the way of what does not fit beside it",
                .init(listed: ["8"], volume: ["7"], ready: ["8"], makesRoom: ["8": ["7"]], serving: server(loading: ["7"])),
                "aspired 8 · fetch 8 · keep 7 loading"),
            PlanCase(
                "whoever put it there",
                .init(
                    listed: ["8"], volume: ["8", "9?"], serving: server("8", loading: ["9"]),
                    rules: PlanRules(prunesForeign: true)),
                "aspired 8 · foreign 9"),
            PlanCase(
                "nor when all is in place", .init(listed: ["8"], volume: ["7", "8"], serving: server("8", loading: ["7"])),
                "aspired 8 · keep 7 loading"),
            PlanCase(
                "the last one stays, confirmed or not", .init(listed: ["8"], volume: ["7"], held: ["8"], serving: server()),
                "held 8 · keep 7 last"),
        ])
    func newBeforeOld(_ row: PlanCase) { #expect(row.scene.planned().text == row.plan) }

    @Test("What is put in again waits no longer than its pause, though the clock was set back since")
    func clockSetBack() {
        var scene = PlanScene(listed: ["8"], volume: ["7"], refused: ["8"], serving: server("7"), rules: Self.again)
        scene.now = -1_000_000
        #expect(scene.planned().readmitLater == [version("8"): .seconds(5)])
    }

    @Test(
        "What the server could not load",
        arguments: [
            PlanCase(
                "goes out, and the next is chosen",
                .init(listed: ["7", "8"], volume: ["7", "8"], serving: server("7", failed: ["8"])),
                "aspired 7 · refuse 8 · refused 8"),
            PlanCase(
                "even while its source is away", .init(listed: nil, volume: ["7", "8"], serving: server("7", failed: ["8"])),
                "keep 7 sourceUnclear · refuse 8"),
            PlanCase(
                "even if it is not aspired any more",
                .init(listed: ["9"], volume: ["7", "8"], ready: ["9"], serving: server("7", failed: ["8"])),
                "aspired 9 · fetch 9 · keep 7 untilReplaced · refuse 8"),
            PlanCase(
                "stays for as long as the server serves one that is nowhere any more, and would be left with nothing",
                .init(listed: ["8"], volume: ["8"], serving: server(failed: ["8"], unseen: ["7"])), "refused 8"),
            PlanCase(
                "goes when there is another",
                .init(listed: ["7", "8"], volume: ["7", "8"], serving: server(failed: ["8"], unseen: ["7"])),
                "aspired 7 · refuse 8 · refused 8"),
            PlanCase(
                "is out: the policy chooses among the others",
                .init(.latest(2), listed: ["6", "7", "8"], volume: ["7"], ready: ["6"], refused: ["8"], serving: server("7")),
                "aspired 7,6 · fetch 6 · refused 8"),
            PlanCase(
                "is not asked for among all",
                .init(.all, listed: ["7", "8"], volume: ["7"], refused: ["8"], serving: server("7")),
                "aspired 7 · refused 8"),
            PlanCase(
                "leaves the old one in place where it is named by number",
                .init(.specific([8]), listed: ["7", "8"], volume: ["7"], refused: ["8"], serving: server("7")),
                "keep 7 untilReplaced · refused 8"),
            PlanCase("below what is chosen says nothing", .init(listed: ["8", "9"], volume: ["9"], refused: ["8"]), "aspired 9"),
            PlanCase(
                "comes back with another content",
                .init(listed: ["7", "8"], volume: ["7"], ready: ["8"], refused: ["8"], renewed: ["8"], serving: server("7")),
                "aspired 8 · fetch 8 · keep 7 untilReplaced"),
            PlanCase(
                "fails again with that",
                .init(listed: ["7", "8"], volume: ["7", "8"], renewed: ["8"], serving: server("7", failed: ["8"])),
                "aspired 7 · refuse 8 · refused 8"),
            PlanCase(
                "is forgotten when the source has it no more",
                .init(listed: ["7"], volume: ["7"], refused: ["8"], serving: server("7")), "aspired 7 · forget 8"),
            PlanCase(
                "not before two listings agree", .init(listed: ["7"], before: ["7", "8"], volume: ["7"], refused: ["8"]),
                "aspired 7"),
            PlanCase("nor while the source is away", .init(listed: nil, volume: ["7"], refused: ["8"]), "keep 7 sourceUnclear"),
            PlanCase(
                "is put in again as often as it may be",
                .init(listed: ["7", "8"], volume: ["7"], refused: ["8"], serving: server("7"), rules: again),
                "aspired 7 · refused 8 · readmit 8"),
            PlanCase(
                "and no oftener", .init(listed: ["7", "8"], volume: ["7"], refused: ["8#2"], serving: server("7"), rules: again),
                "aspired 7 · refused 8"),
            PlanCase(
                "after its pause",
                .init(
                    listed: ["7", "8"], volume: ["7"], refused: ["8"], serving: server("7"),
                    rules: PlanRules(republishRefused: 1, republishPause: .seconds(30))), "aspired 7 · refused 8 · later 8"),
            PlanCase(
                "not where its files are gone",
                .init(listed: ["7", "8"], volume: ["7"], refused: ["8-"], serving: server("7"), rules: again),
                "aspired 7 · refused 8"),
            PlanCase(
                "not where it would not be chosen",
                .init(listed: ["7", "8"], volume: ["8"], refused: ["7"], serving: server("8"), rules: again), "aspired 8"),
        ])
    func refused(_ row: PlanCase) { #expect(row.scene.planned().text == row.plan) }

    @Test(
        "A rollback: the server loads the highest that it sees",
        arguments: [
            PlanCase(
                "the higher one stays until the lower is there",
                .init(.specific([7]), listed: ["7", "9"], volume: ["9"], ready: ["7"], serving: server("9")),
                "aspired 7 · fetch 7 · keep 9 untilReplaced"),
            PlanCase(
                "then it is parked", .init(.specific([7]), listed: ["7", "9"], volume: ["7", "9"], serving: server("9")),
                "aspired 7 · keep 9 untilReplaced · park 9"),
            PlanCase(
                "not while the server loads it",
                .init(.specific([7]), listed: ["7", "9"], volume: ["7", "9"], serving: server(loading: ["9"])),
                "aspired 7 · keep 9 loading"),
            PlanCase(
                "and stays so until the lower one is confirmed",
                .init(.specific([7]), listed: ["7", "9"], volume: ["7"], parked: ["9"], serving: server()),
                "aspired 7 · keep 9 untilReplaced"),
            PlanCase(
                "and then goes", .init(.specific([7]), listed: ["7", "9"], volume: ["7"], parked: ["9"], serving: server("7")),
                "aspired 7 · prune 9"),
            PlanCase(
                "after its delay, out of sight",
                .init(
                    .specific([7]), listed: ["7", "9"], volume: ["7"], parked: ["9"], serving: server("7"),
                    rules: PlanRules(pruneDelay: .seconds(30))),
                "aspired 7 · keep 9 delay(since: 1970-01-01T00:01:40.000Z) · release 9"),
            PlanCase(
                "it comes back if the lower is refused",
                .init(
                    .specific([7]), listed: ["7", "9"], volume: ["7"], parked: ["9"], serving: server(failed: ["7"])),
                "keep 9 untilReplaced · refused 7 · unpark 9"),
            PlanCase(
                "and only then the lower one goes: a server unloads everything from an empty base path",
                .init(.specific([7]), listed: ["7", "9"], volume: ["7", "9"], serving: server(failed: ["7"])),
                "keep 9 untilReplaced · refuse 7 · refused 7"),
            PlanCase(
                "the same where another one is to come",
                .init(.specific([6]), listed: ["6", "7", "9"], volume: ["7"], ready: ["6"], parked: ["9"], serving: server()),
                "aspired 6 · fetch 6 · keep 9 untilReplaced · keep 7 untilReplaced · unpark 9"),
            PlanCase(
                "it comes back if the server does not come up with the lower one alone",
                .init(.specific([7]), listed: ["7", "9"], volume: ["7"], parked: ["9"], serving: server(isLost: true)),
                "aspired 7 · keep 9 untilReplaced · unpark 9"),
            PlanCase(
                "once it is out, too",
                .init(.specific([7]), listed: ["7", "9"], parked: ["9"], refused: ["7"], serving: server()),
                "keep 9 untilReplaced · refused 7 · unpark 9"),
            PlanCase(
                "and if it is aspired again",
                .init(listed: ["7", "9"], volume: ["7"], parked: ["9"], serving: server()),
                "aspired 9 · keep 7 untilReplaced · unpark 9"),
            PlanCase(
                "and if there is nothing lower any more, whatever the source says",
                .init(listed: nil, parked: ["9"], serving: server()), "unpark 9"),
            PlanCase(
                "a lower one that is kept and not aspired parks nothing",
                .init(listed: ["7", "8", "9"], volume: ["7", "8", "9"], serving: server("7", "8")),
                "aspired 9 · prune 7 · keep 8 untilReplaced"),
            PlanCase(
                "of several the highest is kept",
                .init(.specific([7]), listed: ["7", "8", "9"], volume: ["7", "8", "9"], serving: server("8", "9")),
                "aspired 7 · prune 8 · keep 9 untilReplaced · park 9"),
            PlanCase(
                "a parked one counts as kept",
                .init(.specific([7]), listed: ["7", "8", "9"], volume: ["7", "8"], parked: ["9"], serving: server("8")),
                "aspired 7 · prune 8 · keep 9 untilReplaced"),
            PlanCase(
                "unless the server has let go of it",
                .init(
                    .specific([7]), listed: ["7", "8", "9"], volume: ["7", "8"], parked: ["9"], serving: server("8", unseen: [])),
                "aspired 7 · prune 9 · keep 8 untilReplaced · park 8"),
            PlanCase(
                "without a server nothing is parked", .init(.specific([7]), listed: ["7", "9"], volume: ["7", "9"]),
                "aspired 7 · prune 9"),
        ])
    func rollback(_ row: PlanCase) { #expect(row.scene.planned().text == row.plan) }

    @Test(
        "The nine tests of TensorFlow Serving's availability_preserving_policy_test.cc, for what is on the volume",
        arguments: [
            PlanCase("LoadsNewAspired", .init(listed: ["1"], ready: ["1"], serving: server()), "aspired 1 · fetch 1"),
            PlanCase(
                "UnloadsNonAspiredFirst",
                .init(.latest(2), listed: ["1", "2", "3"], volume: ["1", "3"], ready: ["2"], serving: server("1", "3")),
                "aspired 3,2 · fetch 2 · keep 1 untilReplaced"),
            PlanCase(
                "UnloadsFirstNonAspiredWhenNoAspired: a source without a version is no reason to take any away",
                .init(listed: [], volume: ["1", "2"], serving: server("1", "2")), "keep 2 sourceUnclear · keep 1 sourceUnclear"),
            PlanCase("ReturnsNoActionWhenNone", .init(listed: ["1"], volume: ["1"], serving: server("1")), "aspired 1"),
            PlanCase(
                "DoesNotUnloadWhenOtherNotReady",
                .init(listed: ["2"], volume: ["1", "2"], serving: server("1", loading: ["2"])), "aspired 2 · keep 1 untilReplaced"
            ),
            PlanCase(
                "DoesNotUnloadWhenOtherInError", .init(listed: ["2"], volume: ["1", "2"], serving: server("1", failed: ["2"])),
                "keep 1 last · refuse 2 · refused 2"),
            PlanCase(
                "UnloadIfOtherReadyEvenIfLoading: one stays for each that is not loaded yet",
                .init(.latest(2), listed: ["2", "3"], volume: ["1", "2", "3"], serving: server("1", "3", loading: ["2"])),
                "aspired 3,2 · keep 1 untilReplaced"),
            PlanCase(
                "UnloadIfOtherReadyEvenIfError",
                .init(.latest(2), listed: ["2", "3"], volume: ["1", "2", "3"], serving: server("1", "3", failed: ["2"])),
                "aspired 3 · prune 1 · refuse 2 · refused 2"),
            PlanCase(
                "UnloadIfNoAspiredVersionsReady: of several the highest stays",
                .init(listed: ["3"], volume: ["1", "2", "3"], serving: server("1", "2", loading: ["3"])),
                "aspired 3 · prune 1 · keep 2 untilReplaced"),
        ])
    func availabilityPreserving(_ row: PlanCase) { #expect(row.scene.planned().text == row.plan) }

    // MARK: - Whatever happens

    /// A server that loads the highest version it sees, one thing at a time, and some never.
    private struct Server {
        var loaded: Set<Version> = []
        var loading: Version?
        var failed: Set<Version> = []
        let bad: Set<Version>

        mutating func step(_ visible: Set<Version>, finishes: Bool) {
            failed.formIntersection(visible)
            // A base path that is empty unloads everything.
            if visible.isEmpty { loaded = [] }
            if let version = loading, finishes {
                loading = nil
                if bad.contains(version) { failed.insert(version) } else { loaded.insert(version) }
            }
            guard loading == nil, let wanted = visible.max() else { return }
            if loaded.contains(wanted) { loaded = [wanted] } else if !failed.contains(wanted) { loading = wanted }
        }

        func state(_ published: Set<Version>, _ confirmed: inout Set<Version>) -> ServingState {
            confirmed.formIntersection(published)
            confirmed.formUnion(loaded.intersection(published))
            return ServingState(
                confirmed: confirmed, loading: Set([loading].compactMap(\.self)),
                failed: Dictionary(uniqueKeysWithValues: failed.intersection(published).map { ($0, "no") }))
        }
    }

    @Test(
        "4,000 changes, each carried out a step at a time in any order: the server always has a version, and none it loads is moved"
    )
    func served() {
        for seed in 1...400 {
            var random = SeededGenerator(seed: UInt64(seed))
            let all = (1...6).map { version("\($0)") }
            let bad = Set(all.filter { _ in Int.random(in: 0..<5, using: &random) == 0 })
            let good = all.filter { !bad.contains($0) }
            guard let first = good.randomElement(using: &random) else { continue }
            var server = Server(loaded: [first], bad: bad)
            var inventory = Inventory(hasBasePath: true, entries: [published(first)], staged: [])
            var confirmed: Set<Version> = [first]
            var policy = VersionPolicy.specific([first.number])
            var listed = Set(all)
            for step in 0..<120 {
                if Int.random(in: 0..<12, using: &random) == 0 {
                    listed = Set(all.filter { _ in Int.random(in: 0..<4, using: &random) != 0 })
                    let policies: [VersionPolicy] = [
                        .latest(1), .latest(1), .specific([Int64.random(in: 1...6, using: &random)]),
                    ]
                    policy = policies.randomElement(using: &random) ?? .all
                }
                let there = Set(inventory.published.map(\.version))
                let available = Availability(
                    listed: listed, listedBefore: listed, readiness: Dictionary(uniqueKeysWithValues: all.map { ($0, .ready) }))
                let state = server.state(there, &confirmed)
                let plan = plan(
                    policy: policy, available: available, inventory: inventory, serving: state, rules: PlanRules(),
                    now: Timestamp(secondsSinceEpoch: 100))
                let moved = Set(plan.prune + plan.park + plan.refuse.keys)
                if let loading = server.loading, moved.contains(loading) {
                    Issue.record("seed \(seed), step \(step): \(loading) is being loaded: \(plan.text)")
                }
                Self.carryOut(plan, on: &inventory, random: &random)
                let left = Set(inventory.published.map(\.version))
                server.step(left, finishes: Int.random(in: 0..<5, using: &random) == 0)
                // What would be there if the server started anew: something that it can load.
                let known = left.union(inventory.parked.map(\.version))
                if known.isDisjoint(with: good) {
                    Issue.record("seed \(seed), step \(step): nothing to serve is left: \(plan.text)")
                }
                if server.loaded.isEmpty { Issue.record("seed \(seed), step \(step): nothing is served: \(plan.text)") }
            }
        }
    }

    private static func carryOut(_ plan: ModelPlan, on inventory: inout Inventory, random: inout SeededGenerator) {
        var steps: [(inout Inventory) -> Void] = []
        func put(_ version: Version, _ inventory: inout Inventory) {
            inventory.parked.removeAll { $0.version == version }
            inventory.refused.removeAll { $0.version == version }
            inventory.entries.append(published(version))
            inventory.entries.sort { $0.version > $1.version }
        }
        func take(_ version: Version, _ inventory: inout Inventory) {
            inventory.entries.removeAll { $0.version == version }
            inventory.parked.removeAll { $0.version == version }
        }
        for version in plan.fetch.prefix(1) + plan.unpark { steps.append { put(version, &$0) } }
        for version in plan.prune { steps.append { take(version, &$0) } }
        for version in plan.park {
            steps.append {
                take(version, &$0)
                $0.parked.append(published(version))
            }
        }
        for (version, reason) in plan.refuse {
            steps.append {
                take(version, &$0)
                let summary = ManifestSummary(
                    files: 1, bytes: 1, publishedAt: Timestamp(secondsSinceEpoch: 0), newest: nil, verified: [:])
                let refusal = LoadRefusal(reason: reason, at: Timestamp(secondsSinceEpoch: 90), count: 1)
                $0.refused.append(RefusedVersion(version: version, manifest: summary, refusal: refusal, isKept: true))
            }
        }
        for version in plan.forget { steps.append { $0.refused.removeAll { $0.version == version } } }
        // Some of it may take longer than to the next turn.
        for step in steps.shuffled(using: &random) where Int.random(in: 0..<4, using: &random) != 0 { step(&inventory) }
    }
}

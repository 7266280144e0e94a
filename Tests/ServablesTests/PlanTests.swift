import Servables
import Testing

/// One row: what is, and the plan as one line.
struct PlanCase: CustomTestStringConvertible, Sendable {
    let what: String
    let scene: PlanScene
    let plan: String
    init(_ what: String, _ scene: PlanScene, _ plan: String) {
        self.what = what
        self.scene = scene
        self.plan = plan
    }
    var testDescription: String { what }
}

@Suite("The plan")
struct PlanTests {
    @Test(
        "What is aspired",
        arguments: [
            PlanCase("the highest by number", .init(listed: ["9", "10"], ready: ["9", "10"]), "aspired 10 · fetch 10"),
            PlanCase(
                "in the order to fetch them, highest first",
                .init(.latest(2), listed: ["1", "2", "3"], ready: ["1", "2", "3"]), "aspired 3,2 · fetch 3,2"),
            PlanCase("every one", .init(.all, listed: ["1", "3"], ready: ["1", "3"]), "aspired 3,1 · fetch 3,1"),
            PlanCase(
                "those named", .init(.specific([1, 2]), listed: ["1", "2", "3"], ready: ["1", "2"]), "aspired 2,1 · fetch 2,1"),
            PlanCase("what is published is not asked", .init(listed: ["7"], volume: ["7"]), "aspired 7"),
            PlanCase("leading zeros in place are the same version", .init(listed: ["7"], volume: ["007"]), "aspired 7"),
            PlanCase("the source's leading zeros are, too", .init(listed: ["0007"], volume: ["7"]), "aspired 0007"),
            PlanCase(
                "their spelling is fetched", .init(listed: ["0008", "7"], volume: ["7"], ready: ["0008"]),
                "aspired 0008 · fetch 0008 · keep 7 untilReplaced"),
            PlanCase("version 0 is one", .init(listed: ["0"], ready: ["0"]), "aspired 0 · fetch 0"),
        ])
    func aspires(_ row: PlanCase) { #expect(row.scene.planned().text == row.plan) }

    @Test(
        "Readiness",
        arguments: [
            PlanCase("unknown: asks", .init(listed: ["8"]), "ask 8"),
            PlanCase("unknown: asks only what can be chosen", .init(listed: ["7", "8", "9"]), "ask 9"),
            PlanCase("unknown: asks as many as can be chosen", .init(.latest(2), listed: ["7", "8", "9"]), "ask 9,8"),
            PlanCase(
                "unknown: prunes nothing that the answer could keep", .init(listed: ["7", "8"], volume: ["7"]),
                "ask 8 · keep 7 untilReplaced"),
            PlanCase(
                "unknown: keeps one for each that may come",
                .init(.latest(2), listed: ["6", "7", "8", "9"], volume: ["6", "7"]),
                "ask 9,8 · keep 7 untilReplaced · keep 6 untilReplaced"),
            PlanCase("unknown: discards nothing", .init(listed: ["8", "9"], staged: ["8"], ready: ["8"]), "ask 9"),
            PlanCase(
                "held: the next lower one is chosen", .init(listed: ["7", "8"], ready: ["7"], held: ["8"]),
                "aspired 7 · fetch 7 · held 8"),
            PlanCase(
                "held: never delays what is there", .init(listed: ["7", "8"], volume: ["7"], held: ["8"]), "aspired 7 · held 8"),
            PlanCase("held: the next is asked", .init(listed: ["7", "8"], held: ["8"]), "ask 7 · held 8"),
            PlanCase(
                "held: what exceeds goes all the same",
                .init(listed: ["6", "7", "8"], volume: ["6", "7"], held: ["8"]), "aspired 7 · held 8 · prune 6"),
            PlanCase(
                "held: latest:2 takes two that are ready",
                .init(.latest(2), listed: ["6", "7", "8", "9"], volume: ["6"], ready: ["8"], held: ["9", "7"]),
                "aspired 8,6 · fetch 8 · held 9,7"),
            PlanCase(
                "held under all: the others come", .init(.all, listed: ["7", "8"], ready: ["7"], held: ["8"]),
                "aspired 7 · fetch 7 · held 8"),
            PlanCase(
                "held: what is staged of it stays", .init(listed: ["7", "8"], volume: ["7"], staged: ["8"], held: ["8"]),
                "aspired 7 · held 8"),
            PlanCase(
                "held, named by number: keeps an old one",
                .init(.specific([8]), listed: ["7", "8"], volume: ["7"], held: ["8"]), "held 8 · keep 7 untilReplaced"),
            PlanCase(
                "held, named by number, another in place: keeps an old one",
                .init(.specific([8, 7]), listed: ["6", "7", "8"], volume: ["6", "7"], held: ["8"]),
                "aspired 7 · held 8 · keep 6 untilReplaced"),
            PlanCase(
                "a published one is ready for as long as it is listed", .init(listed: ["8"], volume: ["8"], held: ["8"]),
                "aspired 8"),
        ])
    func readiness(_ row: PlanCase) { #expect(row.scene.planned().text == row.plan) }

    @Test(
        "New before old",
        arguments: [
            PlanCase(
                "the old stays until the new is there",
                .init(listed: ["7", "8"], volume: ["7"], ready: ["8"]), "aspired 8 · fetch 8 · keep 7 untilReplaced"),
            PlanCase("and then goes", .init(listed: ["7", "8"], volume: ["7", "8"]), "aspired 8 · prune 7"),
            PlanCase(
                "one for one: the highest stays, what exceeds goes",
                .init(listed: ["5", "6", "7", "8"], volume: ["5", "6", "7"], ready: ["8"]),
                "aspired 8 · fetch 8 · prune 6,5 · keep 7 untilReplaced"),
            PlanCase(
                "two for two",
                .init(.latest(2), listed: ["5", "6", "7", "8", "9"], volume: ["5", "6", "7"], ready: ["8", "9"]),
                "aspired 9,8 · fetch 9,8 · prune 5 · keep 7 untilReplaced · keep 6 untilReplaced"),
            PlanCase(
                "one of two is there: one old one stays",
                .init(.latest(2), listed: ["6", "7", "8", "9"], volume: ["9", "7", "6"], ready: ["8"]),
                "aspired 9,8 · fetch 8 · prune 6 · keep 7 untilReplaced"),
            PlanCase(
                "a rollback keeps the higher one until the lower is there",
                .init(.specific([6]), listed: ["6", "7"], volume: ["7"], ready: ["6"]),
                "aspired 6 · fetch 6 · keep 7 untilReplaced"),
            PlanCase(
                "one that must be examined is not in place",
                .init(listed: ["7", "8"], volume: ["8?", "7"], ready: ["8"]), "aspired 8 · examine 8 · keep 7 untilReplaced"),
            PlanCase(
                "one that something hides is not in place",
                .init(listed: ["7", "8"], volume: ["8!", "7"], ready: ["8"]), "aspired 8 · keep 7 untilReplaced · foreign 8"),
            PlanCase(
                "named and absent keeps an old one",
                .init(.specific([9]), listed: ["7", "8"], volume: ["7", "8"]), "absent 9 · prune 7 · keep 8 untilReplaced"),
            PlanCase(
                "named and absent beside one in place keeps an old one",
                .init(.specific([9, 8]), listed: ["7", "8"], volume: ["7", "8"]), "aspired 8 · absent 9 · keep 7 untilReplaced"),
            PlanCase(
                "fewer aspired than before", .init(listed: ["1", "2", "3"], volume: ["1", "2", "3"]), "aspired 3 · prune 2,1"),
            PlanCase(
                "the last one never goes, though nothing is aspired",
                .init(listed: ["9"], volume: ["7", "6"], held: ["9"]), "held 9 · prune 6 · keep 7 last"),
        ])
    func newBeforeOld(_ row: PlanCase) { #expect(row.scene.planned().text == row.plan) }

    @Test(
        "What is in the way of what does not fit beside it",
        arguments: [
            PlanCase(
                "goes first, the last one too", .init(listed: ["7", "8"], volume: ["7"], ready: ["8"], makesRoom: ["8": ["7"]]),
                "aspired 8 · fetch 8 · prune 7"),
            PlanCase(
                "goes alone",
                .init(
                    .latest(2), listed: ["6", "7", "8", "9"], volume: ["6", "7"], ready: ["8", "9"], makesRoom: ["9": ["6"]]),
                "aspired 9,8 · fetch 9,8 · prune 6 · keep 7 untilReplaced"),
            PlanCase(
                "stays where it is aspired", .init(listed: ["7"], volume: ["7"], makesRoom: ["8": ["7"]]), "aspired 7"),
            PlanCase(
                "stays where another is fetched by now",
                .init(listed: ["7", "8", "9"], volume: ["7"], ready: ["8", "9"], makesRoom: ["8": ["7"]]),
                "aspired 9 · fetch 9 · keep 7 untilReplaced"),
            PlanCase(
                "stays while it is asked again whether that is ready",
                .init(listed: ["7", "8"], volume: ["7"], makesRoom: ["8": ["7"]]), "ask 8 · keep 7 untilReplaced"),
            PlanCase(
                "stays where the source says nothing", .init(listed: [], volume: ["7"], makesRoom: ["8": ["7"]]),
                "keep 7 sourceUnclear"),
            PlanCase(
                "stays where one listing alone misses it",
                .init(listed: ["8"], before: ["7", "8"], volume: ["7"], ready: ["8"], makesRoom: ["8": ["7"]]),
                "aspired 8 · fetch 8 · keep 7 missingOnce"),
        ])
    func makesRoom(_ row: PlanCase) { #expect(row.scene.planned().text == row.plan) }

    @Test(
        "A source that says nothing",
        arguments: [
            PlanCase(
                "not listed yet: prunes nothing",
                .init(listed: nil, volume: ["7", "8"], staged: ["6"]), "keep 8 sourceUnclear · keep 7 sourceUnclear"),
            PlanCase(
                "empty: prunes nothing",
                .init(listed: [], volume: ["7", "8"], staged: ["6"]), "keep 8 sourceUnclear · keep 7 sourceUnclear"),
            PlanCase(
                "empty: foreign stays foreign, whatever the flag",
                .init(listed: [], volume: ["7", "8?"], rules: PlanRules(prunesForeign: true)), "keep 7 sourceUnclear · foreign 8"),
            PlanCase(
                "empty: what is named is absent", .init(.specific([7, 9]), listed: [], volume: ["7"]),
                "absent 9 · keep 7 sourceUnclear"),
            PlanCase("nothing anywhere", .init(listed: []), ""),
        ])
    func unclearSource(_ row: PlanCase) { #expect(row.scene.planned().text == row.plan) }

    @Test(
        "A version that vanished",
        arguments: [
            PlanCase(
                "from the only listing: counts as listed", .init(listed: ["7"], before: .some(nil), volume: ["8"]), "aspired 8"),
            PlanCase("from one of two: counts as listed", .init(listed: ["7"], before: ["7", "8"], volume: ["8"]), "aspired 8"),
            PlanCase(
                "from both: is gone", .init(listed: ["7"], before: ["7"], volume: ["8"], ready: ["7"]),
                "aspired 7 · fetch 7 · keep 8 untilReplaced"),
            PlanCase(
                "from both, its successor in place: goes", .init(listed: ["7"], before: ["7"], volume: ["7", "8"]),
                "aspired 7 · prune 8"),
            PlanCase(
                "from one, not chosen: is kept",
                .init(listed: ["8"], before: ["7", "8"], volume: ["7", "8"]), "aspired 8 · keep 7 missingOnce"),
            PlanCase(
                "once, and back: is there", .init(.all, listed: ["7", "8"], before: ["8"], volume: ["7", "8"]), "aspired 8,7"),
            PlanCase(
                "never published: is not fetched", .init(.all, listed: ["7"], before: ["7", "8"], ready: ["7"]),
                "aspired 7 · fetch 7"),
            PlanCase("spelled otherwise: is there", .init(.all, listed: ["08"], before: ["08"], volume: ["8"]), "aspired 08"),
        ])
    func vanished(_ row: PlanCase) { #expect(row.scene.planned().text == row.plan) }

    @Test("A vanished version is told, so that once can list again")
    func tellsMissing() {
        #expect(
            PlanScene(listed: ["7"], before: .some(nil), volume: ["8", "9"]).planned().missingOnce.map(\.name) == ["9", "8"])
        #expect(PlanScene(listed: ["7"], before: ["7"], volume: ["8"]).planned().missingOnce.isEmpty)
    }

    @Test(
        "What is not ours",
        arguments: [
            PlanCase("stays", .init(listed: ["8"], volume: ["8", "7?"]), "aspired 8 · foreign 7"),
            PlanCase(
                "goes with the flag, once what is aspired is in place",
                .init(listed: ["8"], volume: ["8", "7?"], rules: PlanRules(prunesForeign: true)), "aspired 8 · prune 7"),
            PlanCase(
                "stays with the flag while something is missing",
                .init(listed: ["8"], volume: ["7?"], ready: ["8"], rules: PlanRules(prunesForeign: true)),
                "aspired 8 · fetch 8 · foreign 7"),
            PlanCase(
                "an obstacle stays whatever the flag",
                .init(listed: ["8"], volume: ["8", "7!"], rules: PlanRules(prunesForeign: true)), "aspired 8 · foreign 7"),
            PlanCase(
                "an obstacle is not fetched over", .init(listed: ["8"], volume: ["8!"], ready: ["8"]), "aspired 8 · foreign 8"),
            PlanCase(
                "aspired, it is examined under the source's spelling",
                .init(listed: ["008"], volume: ["8?"], ready: ["008"]), "aspired 008 · examine 008"),
            PlanCase("aspired, unknown: it is asked first", .init(listed: ["8"], volume: ["8?"]), "ask 8"),
        ])
    func foreign(_ row: PlanCase) { #expect(row.scene.planned().text == row.plan) }

    private static let delay = PlanRules(pruneDelay: .seconds(30))

    @Test(
        "The delay of pruning",
        arguments: [
            PlanCase(
                "counts from its release", .init(listed: ["8"], volume: ["8", "7"], rules: delay),
                "aspired 8 · keep 7 delay(since: 1970-01-01T00:01:40.000Z) · release 7"),
            PlanCase(
                "is not over", .init(listed: ["8"], volume: ["8", "7~71"], rules: delay),
                "aspired 8 · keep 7 delay(since: 1970-01-01T00:01:11.000Z)"),
            PlanCase("is over", .init(listed: ["8"], volume: ["8", "7~70"], rules: delay), "aspired 8 · prune 7"),
            PlanCase(
                "counts anew where the clock was set back since",
                .init(listed: ["8"], volume: ["8", "7~4000000000"], rules: delay),
                "aspired 8 · keep 7 delay(since: 1970-01-01T00:01:40.000Z) · release 7"),
            PlanCase("is taken back", .init(listed: ["7"], volume: ["7~70"], rules: delay), "aspired 7 · unrelease 7"),
            PlanCase("is taken back without a delay, too", .init(listed: ["7"], volume: ["7~70"]), "aspired 7 · unrelease 7"),
            PlanCase(
                "does not begin while it is kept for another reason",
                .init(listed: ["8"], volume: ["7"], ready: ["8"], rules: delay), "aspired 8 · fetch 8 · keep 7 untilReplaced"),
            PlanCase(
                "does not end what is kept for another reason",
                .init(listed: ["8"], volume: ["7~1"], ready: ["8"], rules: delay), "aspired 8 · fetch 8 · keep 7 untilReplaced"),
        ])
    func pruneDelay(_ row: PlanCase) { #expect(row.scene.planned().text == row.plan) }

    @Test(
        "What is staged",
        arguments: [
            PlanCase(
                "goes when it is no longer aspired", .init(listed: ["8"], volume: ["8"], staged: ["7", "9"]),
                "aspired 8 · discard 7,9"),
            PlanCase("stays while it is aspired", .init(listed: ["8"], staged: ["8"], ready: ["8"]), "aspired 8 · fetch 8"),
            PlanCase("goes when it is in place", .init(listed: ["8"], volume: ["8"], staged: ["8"]), "aspired 8 · discard 8"),
            PlanCase(
                "stays while a directory is examined", .init(listed: ["8"], volume: ["8?"], staged: ["8"], ready: ["8"]),
                "aspired 8 · examine 8"),
            PlanCase(
                "goes when the source spells it otherwise",
                .init(listed: ["08"], staged: ["8", "08"], ready: ["08"]), "aspired 08 · fetch 08 · discard 8"),
        ])
    func staged(_ row: PlanCase) { #expect(row.scene.planned().text == row.plan) }

    @Test("A plan is settled when nothing is to be fetched, examined or asked")
    func settled() {
        #expect(PlanScene(listed: ["8"], volume: ["8", "7"]).planned().isSettled)
        #expect(!PlanScene(listed: ["8"]).planned().isSettled)
        #expect(!PlanScene(listed: ["8"], ready: ["8"]).planned().isSettled)
        #expect(!PlanScene(listed: ["8"], volume: ["8?"], ready: ["8"]).planned().isSettled)
    }
}

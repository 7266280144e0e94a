import Servables
import Testing

@testable import Agent

@Suite("how a model stands in the server's list")
struct ListEntryTests {
    private static func versions(_ numbers: [Int64]) -> Set<Version> { Set(numbers.map(Version.init(number:))) }

    /// A row: what is planned on what is there, and what the list has before and after.
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var policy = VersionPolicy.latest(1)
        var labels: [String: Int64] = [:]
        let present: [Int64]
        var isListed = true
        var inPlace: [Int64] = []
        var kept: [Int64] = []
        /// What is there beside, and not aspired.
        var others: [Int64] = []
        var isComplete = true
        var expected: [Int64] = []
        var hasRefused = false
        var served = ListStanding.Served.unasked
        var current: ListEntry?
        let next: ListEntry?
    }

    private static func entry(_ policy: VersionPolicy, _ labels: [String: Int64] = [:]) -> ListEntry {
        ListEntry(policy: policy, labels: labels)
    }

    private static func available(_ numbers: Int64...) -> ListStanding.Served { .available(versions(numbers)) }

    static let rows: [Row] = [
        Row(testDescription: "a new model without a version is not in it", present: [], isComplete: false, next: nil),
        Row(testDescription: "a new model is in it with its first version", present: [7], inPlace: [7], next: entry(.latest(1))),
        Row(
            testDescription: "in an outage what is there is served", policy: .specific([9]), present: [7], isListed: false,
            next: entry(.specific([7]))),
        Row(
            testDescription: "in an outage what is in it stays", policy: .specific([9]), present: [7], isListed: false,
            current: entry(.all), next: entry(.all)),
        Row(
            testDescription: "in an outage what is named by number turns out to be bad: the old one is served",
            policy: .specific([2]), present: [1], isListed: false, hasRefused: true, served: available(1),
            current: entry(.specific([2])), next: entry(.specific([1]))),
        Row(
            testDescription: "in an outage a server that starts must find no label either", present: [7], isListed: false,
            served: .away, current: entry(.latest(1), ["stable": 7]), next: entry(.latest(1))),
        Row(
            testDescription: "a policy of numbers waits for them", policy: .specific([2]), present: [1], kept: [1],
            isComplete: false, current: entry(.specific([1])), next: entry(.specific([1]))),
        Row(
            testDescription: "a policy changes when its versions are in place", policy: .specific([2]), present: [1, 2],
            inPlace: [2], others: [1], current: entry(.specific([1])), next: entry(.specific([2]))),
        Row(
            testDescription: "one of several is missing: the policy before stays, if it serves what is there",
            policy: .specific([3, 2]), present: [1, 2], inPlace: [2], kept: [1], isComplete: false, current: entry(.latest(2)),
            next: entry(.latest(2))),
        Row(
            testDescription: "one of several is missing, and the policy before does not serve what is there: by number",
            policy: .specific([3, 2]), present: [1, 2], inPlace: [2], kept: [1], isComplete: false,
            current: entry(.specific([1])), next: entry(.specific([2, 1]))),
        Row(
            testDescription: "what is named by number and cannot be loaded: the old one goes on", policy: .specific([2]),
            present: [1], kept: [1], isComplete: false, hasRefused: true, current: entry(.specific([2])),
            next: entry(.specific([1]))),
        Row(
            testDescription: "a rollback is by number for as long as the higher one is there", present: [5, 3], inPlace: [3],
            others: [5], current: entry(.latest(1)), next: entry(.specific([3]))),
        Row(
            testDescription: "after a rollback the policy is its own again", present: [3], inPlace: [3],
            current: entry(.specific([3])), next: entry(.latest(1))),
        Row(
            testDescription: "while the next one is fetched, what was rolled back from is not served again", present: [5, 3],
            kept: [5], others: [3], isComplete: false, expected: [6], current: entry(.specific([3])), next: entry(.specific([3]))),
        Row(
            testDescription: "what stays for another reason than to be served is not served for that", present: [2, 1], kept: [2],
            others: [1], isComplete: false, current: entry(.latest(1)), next: entry(.latest(1))),
        Row(
            testDescription: "one that is not ours and higher hides nothing", present: [9, 2], inPlace: [2],
            current: entry(.latest(1)), next: entry(.specific([2]))),
        Row(
            testDescription: "more than is wanted is no matter under all", policy: .all, present: [1, 2], inPlace: [2],
            others: [1], current: entry(.all), next: entry(.all)),
        Row(
            testDescription: "lost versions may be served from memory", present: [], isComplete: false, served: available(1),
            current: entry(.latest(1)), next: entry(.latest(1))),
        Row(
            testDescription: "lost versions may be served from memory, whatever was refused long ago", present: [],
            isComplete: false, hasRefused: true, served: available(1), current: entry(.latest(1)), next: entry(.latest(1))),
        Row(
            testDescription: "lost versions may be served from memory by a server that nobody asks", present: [],
            isComplete: false, current: entry(.latest(1)), next: entry(.latest(1))),
        Row(
            testDescription: "nobody serves lost versions from memory: a server that starts would wait for them", present: [],
            isComplete: false, served: .away, current: entry(.latest(1)), next: nil),
        Row(
            testDescription: "a version that is out for a while is not available under its label", present: [],
            isComplete: false, served: .available(versions([4])), current: entry(.latest(1), ["stable": 3, "other": 4]),
            next: entry(.latest(1), ["other": 4])),
        Row(
            testDescription: "nothing is left but what was refused", present: [], isComplete: false, hasRefused: true,
            served: available(), current: entry(.latest(1)), next: nil),
        Row(
            testDescription: "a label waits for its version", labels: ["stable": 2], present: [2], inPlace: [2],
            served: available(), current: entry(.latest(1)), next: entry(.latest(1))),
        Row(
            testDescription: "a label is in it once its version is available", labels: ["stable": 2], present: [2], inPlace: [2],
            served: available(2), current: entry(.latest(1)), next: entry(.latest(1), ["stable": 2])),
        Row(
            testDescription: "until it moves the label stands at the old one, which is served for that", labels: ["stable": 2],
            present: [1, 2], inPlace: [2], others: [1], served: available(1), current: entry(.latest(1), ["stable": 1]),
            next: entry(.specific([2, 1]), ["stable": 1])),
        Row(
            testDescription: "a label of a version that nobody has seen yet stays at the old one", labels: ["stable": 2],
            present: [1], inPlace: [1], served: available(1), current: entry(.latest(1), ["stable": 1]),
            next: entry(.latest(1), ["stable": 1])),
        Row(
            testDescription: "before a higher one comes in the list says that a label's is served", labels: ["stable": 2],
            present: [1], kept: [1], isComplete: false, expected: [2], served: available(1),
            current: entry(.latest(1), ["stable": 1]), next: entry(.specific([1]), ["stable": 1])),
        Row(
            testDescription: "a label moves", labels: ["stable": 2], present: [1, 2], inPlace: [2], others: [1],
            served: available(2, 1), current: entry(.specific([2, 1]), ["stable": 1]), next: entry(.latest(1), ["stable": 2])),
        Row(
            testDescription: "a label that the list no longer has goes", labels: [:], present: [1], inPlace: [1],
            served: available(1), current: entry(.latest(1), ["stable": 1]), next: entry(.latest(1))),
        Row(
            testDescription: "a label of a version that is not aspired goes before the version", labels: ["stable": 1],
            present: [1, 2], inPlace: [2], others: [1], served: available(1), current: entry(.latest(1), ["stable": 1]),
            next: entry(.latest(1))),
        Row(
            testDescription: "a server that starts anew would not take a list with labels", labels: ["stable": 2], present: [2],
            inPlace: [2], served: .away, current: entry(.latest(1), ["stable": 2]), next: entry(.latest(1))),
        Row(
            testDescription: "the old version of a label that is expected elsewhere is not available either",
            labels: ["stable": 2], present: [1], kept: [1], isComplete: false, expected: [2], served: available(),
            current: entry(.latest(1), ["stable": 1]), next: entry(.latest(1))),
    ]

    @Test("it never names what is not there, nor lets go of what is needed", arguments: rows)
    func stands(_ row: Row) {
        let standing = ListStanding(
            policy: row.policy, present: Self.versions(row.present), isListed: row.isListed, inPlace: Self.versions(row.inPlace),
            kept: Self.versions(row.kept), spare: Self.versions(row.kept + row.others), expected: Self.versions(row.expected),
            isComplete: row.isComplete, hasRefused: row.hasRefused, served: row.served)
        #expect(ListEntry.next(row.policy, labels: row.labels, standing, current: row.current) == row.next)
    }

    @Test("before a model's first turn, and where the server does not answer, what is in the list stays")
    func unknown() {
        let current = Self.entry(.specific([4]), ["stable": 4])
        #expect(ListEntry.next(.latest(1), labels: ["stable": 5], nil, current: current) == current)
        let standing = ListStanding(
            policy: .latest(1), present: Self.versions([4, 5]), isListed: true, inPlace: Self.versions([5]), kept: [],
            spare: Self.versions([4]), expected: [], isComplete: true, hasRefused: false, served: .unknown)
        #expect(
            ListEntry.next(.latest(1), labels: ["stable": 5], standing, current: current)
                == Self.entry(.specific([5, 4]), ["stable": 4]))
    }

    @Test(
        "whatever happens: what is aspired and there is served, something always is, and labels stand only at what is available")
    func always() {
        var random = SeededGenerator(seed: 41)
        let policies: [VersionPolicy] = [.latest(1), .latest(2), .all, .specific([1]), .specific([4, 2]), .specific([5])]
        func some(_ numbers: some Sequence<Int64>) -> [Int64] { numbers.filter { _ in Bool.random(using: &random) } }
        for _ in 0..<20_000 {
            let present = some(0...5)
            let inPlace = some(present)
            let others = present.filter { !inPlace.contains($0) }
            let available = some(0...5)
            let served: ListStanding.Served =
                [.unknown, .away, .unasked, .available(Self.versions(available))].randomElement(using: &random) ?? .unknown
            let policy = policies.randomElement(using: &random) ?? .all
            let isComplete = Bool.random(using: &random)
            let standing = ListStanding(
                policy: Bool.random(using: &random) ? policy : .all, present: Self.versions(present),
                isListed: Int.random(in: 0..<5, using: &random) > 0, inPlace: Self.versions(inPlace),
                kept: Self.versions(some(others)), spare: Self.versions(others), expected: Self.versions(some(0...5)),
                isComplete: isComplete, hasRefused: Bool.random(using: &random), served: served)
            let labels = ["a": Int64.random(in: -1...5, using: &random), "b": .random(in: 0...5, using: &random)]
            let current: ListEntry? =
                Bool.random(using: &random)
                ? ListEntry(
                    policy: policies.randomElement(using: &random) ?? .all, labels: ["a": .random(in: 0...5, using: &random)])
                : nil
            let next = ListEntry.next(policy, labels: labels, standing, current: current)
            let what = Comment(rawValue: "\(standing), \(String(describing: current)): \(String(describing: next))")
            guard let next else {
                #expect(present.isEmpty, what)
                continue
            }
            for (label, number) in next.labels {
                switch served {
                case .unknown: #expect(current?.labels[label] == number, what)
                case .away, .unasked: Issue.record(what)
                case .available(let versions): #expect(versions.contains(Version(number: number)), what)
                }
            }
            // It comes to rest: as long as nothing else changes it is not written again.
            #expect(ListEntry.next(policy, labels: labels, standing, current: next) == next, what)
            guard !present.isEmpty else {
                #expect(next.policy == current?.policy, what)
                continue
            }
            let chosen = next.chosen(from: standing.present)
            #expect(!chosen.isEmpty, what)
            guard standing.isListed else { continue }
            #expect(standing.inPlace.isSubset(of: chosen), what)
            for number in next.labels.values where present.contains(number) {
                #expect(chosen.contains(Version(number: number)), what)
            }
        }
    }
}

@Suite("how a model stands in the server's list, by its plan")
struct ListPlanTests {
    /// A published version, as far as a plan looks at it.
    private static func published(_ version: Version) -> VolumeEntry {
        VolumeEntry(
            version: version,
            kind: .published(
                ManifestSummary(
                    files: 1, bytes: 1, publishedAt: Timestamp(secondsSinceEpoch: 0), newest: nil, verified: [:])))
    }

    @Test(
        "with a version in its base path that the server has not refused, a model never leaves the list: it chooses one of them")
    func never() {
        var random = SeededGenerator(seed: 43)
        let policies: [VersionPolicy] = [.latest(1), .latest(2), .all, .specific([1]), .specific([3, 2]), .specific([4])]
        func some() -> Set<Version> {
            Set((1...4).filter { _ in Bool.random(using: &random) }.map { Version(number: $0) })
        }
        func perhaps<Value>(_ value: Value) -> Value? { Bool.random(using: &random) ? value : nil }
        var reasons: Set<KeepReason> = []
        for _ in 0..<20_000 {
            let policy = policies.randomElement(using: &random) ?? .all
            let there = some()
            let parked = some().subtracting(there)
            let inventory = Inventory(
                hasBasePath: true, entries: there.sorted(by: >).map(Self.published), staged: [],
                parked: parked.sorted(by: >).map(Self.published))
            var available = Availability(listed: perhaps(some()), listedBefore: perhaps(some()))
            for version in some() { available.readiness[version] = .ready }
            for version in some() { available.readiness[version] = .held("still written") }
            let serving = perhaps(
                ServingState(
                    confirmed: some(), dropped: some(), loading: some(),
                    failed: perhaps(Dictionary(uniqueKeysWithValues: some().map { ($0, "no") })) ?? [:], unseen: perhaps(some()),
                    isLost: Bool.random(using: &random)))
            let planned = plan(
                policy: policy, available: available, inventory: inventory, serving: serving,
                rules: PlanRules(pruneDelay: perhaps(.seconds(60)) ?? .zero, parksHigher: false),
                now: Timestamp(secondsSinceEpoch: 100))
            reasons.formUnion(planned.keep.values)
            let served: ListStanding.Served =
                [.unknown, .away, .unasked, .available(some())].randomElement(using: &random) ?? .unknown
            let standing = ListStanding(
                planned, policy: policy, isListed: available.listed?.isEmpty == false, inventory: inventory, served: served)
            let current = perhaps(ListEntry(policy: policies.randomElement(using: &random) ?? .all, labels: [:]))
            let next = ListEntry.next(policy, labels: [:], standing, current: current)
            let good = there.subtracting(planned.refuse.keys)
            guard !good.isEmpty else { continue }
            #expect(
                next?.chosen(from: good).isEmpty == false,
                "\(policy), \(inventory), \(String(describing: serving)), \(planned): \(String(describing: next))")
        }
        // Each reason for which a version stays was among them.
        let now = Timestamp(secondsSinceEpoch: 100)
        #expect(reasons == [.untilReplaced, .sourceUnclear, .delay(since: now), .missingOnce, .last, .loading])
    }
}

extension ListStanding {
    fileprivate init(
        policy: VersionPolicy, present: Set<Version>, isListed: Bool, inPlace: Set<Version>, kept: Set<Version>,
        spare: Set<Version>, expected: Set<Version>, isComplete: Bool, hasRefused: Bool, served: Served
    ) {
        self.init(
            ModelPlan(), policy: policy, isListed: isListed, inventory: Inventory(hasBasePath: true, entries: [], staged: []),
            served: served)
        self.present = present
        self.inPlace = inPlace
        self.kept = kept
        self.spare = spare
        ours = spare.union(inPlace)
        self.expected = expected
        self.isComplete = isComplete
        self.hasRefused = hasRefused
    }
}

@Suite("what may leave a base path for all that the server's list says")
struct ListFreedomTests {
    /// A row: version 2 is to go, of those that are there.
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var present: Set<Int64> = [1, 2]
        var entry: ListEntry? = ListEntry(policy: .latest(1), labels: [:])
        var next: ListEntry? = ListEntry(policy: .latest(1), labels: [:])
        /// Replaced this long ago; `nil` is what nobody knows.
        var formers: [(VersionPolicy?, Duration)] = []
        var isAsked = false
        var state: ServedState?
        let mayGo: Bool
    }

    private static func by(_ policy: VersionPolicy, _ labels: [String: Int64] = [:]) -> ListEntry {
        ListEntry(policy: policy, labels: labels)
    }

    static let rows: [Row] = [
        Row(testDescription: "by a policy that takes what is there it goes", mayGo: true),
        Row(testDescription: "while the list is not written it stays", entry: by(.specific([2])), mayGo: false),
        Row(testDescription: "a label holds it", entry: by(.all, ["a": 2]), next: by(.all, ["a": 2]), mayGo: false),
        Row(
            testDescription: "the list before had this one alone", entry: by(.specific([1])), next: by(.specific([1])),
            formers: [(.specific([2]), .seconds(59))], mayGo: false),
        Row(
            testDescription: "the list before is forgotten", entry: by(.specific([1])), next: by(.specific([1])),
            formers: [(.specific([2]), .seconds(60))], mayGo: true),
        Row(
            testDescription: "the list before had another one, too", entry: by(.specific([1])), next: by(.specific([1])),
            formers: [(.specific([2, 1]), .seconds(1)), (.all, .seconds(1))], mayGo: true),
        Row(testDescription: "nobody knows the list before", formers: [(nil, .seconds(59))], mayGo: false),
        Row(testDescription: "the model is not in the list", entry: nil, next: nil, mayGo: true),
        Row(
            testDescription: "the server still has it", entry: by(.specific([1])), next: by(.specific([1])), isAsked: true,
            state: .available, mayGo: false),
        Row(
            testDescription: "the server has let go of it: so it has read the list", entry: by(.specific([1])),
            next: by(.specific([1])), formers: [(.specific([2]), .zero), (nil, .zero)], isAsked: true, state: .ended, mayGo: true),
        Row(
            testDescription: "the server never had it", entry: by(.specific([1])), next: by(.specific([1])),
            formers: [(nil, .zero)], isAsked: true, mayGo: true),
        Row(
            testDescription: "it could not be loaded, by whichever list", entry: by(.specific([1])), next: by(.specific([1])),
            formers: [(.specific([2]), .seconds(1))], isAsked: true, state: .failed("no"), mayGo: false),
        Row(
            testDescription: "it could not be loaded, and the server finds another one", formers: [(.all, .zero)], isAsked: true,
            state: .failed("no"), mayGo: true),
        Row(
            testDescription: "by the list the server would have it until it is gone", entry: by(.all), next: by(.all),
            isAsked: true,
            state: .available, mayGo: true),
    ]

    @Test("only what no list needs that the server may go by", arguments: rows)
    func goes(_ row: Row) {
        let now: Duration = .seconds(1_000)
        let standing = ListStanding(
            policy: .latest(1), present: Set(row.present.map(Version.init(number:))), isListed: true, inPlace: [], kept: [],
            spare: [],
            expected: [], isComplete: true, hasRefused: false, served: .unknown)
        let freedom = ListFreedom(
            standing: standing, entry: row.entry, next: row.next, hasDesiredLabels: false,
            formers: row.formers.map { policy, ago in
                .init(entry: policy.map { ListEntry(policy: $0, labels: [:]) }, replacedAt: now - ago)
            })
        #expect(freedom.mayGo(Version(number: 2), row.state, isAsked: row.isAsked, now) == row.mayGo)
    }
}

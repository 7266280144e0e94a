import Servables

/// A situation to plan for, in short words.
struct PlanScene {
    var policy = VersionPolicy.latest(1)
    /// What the newest listing names; `nil` where there was none.
    var listed: [String]?
    /// What the one before named; by default the same, so that two agree.
    var before: [String]?
    /// `7` is published, `7?` a directory without a manifest, `7!` an obstacle, `7~20` published and released at second 20.
    var volume: [String] = []
    var staged: [String] = []
    var ready: [String] = []
    var held: [String] = []
    var parked: [String] = []
    /// `9` was refused once, at second 90; `9#3` three times; `9-` left no files.
    var refused: [String] = []
    var renewed: [String] = []
    /// By what does not fit, those that go first.
    var makesRoom: [String: [String]] = [:]
    var serving: ServingState?
    var rules = PlanRules()
    var now: Int64 = 100

    init(
        _ policy: VersionPolicy = .latest(1), listed: [String]?, before: [String]?? = .none, volume: [String] = [],
        staged: [String] = [], ready: [String] = [], held: [String] = [], parked: [String] = [], refused: [String] = [],
        renewed: [String] = [], makesRoom: [String: [String]] = [:], serving: ServingState? = nil, rules: PlanRules = PlanRules()
    ) {
        self.policy = policy
        self.listed = listed
        self.before = before ?? listed
        self.volume = volume
        self.staged = staged
        self.ready = ready
        self.held = held
        self.parked = parked
        self.refused = refused
        self.renewed = renewed
        self.makesRoom = makesRoom
        self.serving = serving
        self.rules = rules
    }

    var available: Availability {
        var readiness: [Version: Readiness] = [:]
        for name in ready { readiness[version(name)] = .ready }
        for name in held { readiness[version(name)] = .held("still written") }
        var available = Availability(
            listed: listed.map { Set($0.map(version)) }, listedBefore: before.map { Set($0.map(version)) }, readiness: readiness)
        available.renewed = Set(renewed.map(version))
        for (name, others) in makesRoom { available.makesRoom[version(name)] = Set(others.map(version)) }
        return available
    }

    var inventory: Inventory {
        let entries = volume.map { word in
            if word.hasSuffix("?") { return VolumeEntry(version: version(word.dropLast()), kind: .unknownDirectory) }
            if word.hasSuffix("!") { return VolumeEntry(version: version(word.dropLast()), kind: .obstacle("in the way")) }
            let parts = word.split(separator: "~")
            let released = parts.count == 2 ? Int64(parts[1]) : nil
            return published(version(parts[0]), releasedAt: released)
        }
        return Inventory(
            hasBasePath: true, entries: entries.sorted { $0.version > $1.version }, staged: staged.map(version),
            parked: parked.map { published(version($0)) }.sorted { $0.version > $1.version },
            refused: refused.map(Self.refused).sorted { $0.version > $1.version })
    }

    private static func refused(_ word: String) -> RefusedVersion {
        let parts = word.split { $0 == "#" || $0 == "-" }
        let summary = ManifestSummary(
            files: 1, bytes: 1, publishedAt: Timestamp(secondsSinceEpoch: 0), newest: nil, verified: [:])
        return RefusedVersion(
            version: version(parts[0]), manifest: summary,
            refusal: LoadRefusal(
                reason: "cannot parse", at: Timestamp(secondsSinceEpoch: 90), count: parts.count > 1 ? Int(parts[1]) ?? 1 : 1),
            isKept: !word.hasSuffix("-"))
    }

    func planned() -> ModelPlan {
        plan(
            policy: policy, available: available, inventory: inventory, serving: serving, rules: rules,
            now: Timestamp(secondsSinceEpoch: now))
    }
}

/// What a server has said: versions it has loaded, is loading, could not load.
func server(
    _ confirmed: String..., dropped: [String] = [], loading: [String] = [],
    failed: [String] = [], unseen: [String]? = nil, isLost: Bool = false
) -> ServingState {
    ServingState(
        confirmed: Set(confirmed.map(version)), dropped: Set(dropped.map(version)), loading: Set(loading.map(version)),
        failed: Dictionary(uniqueKeysWithValues: failed.map { (version($0), "cannot parse") }),
        unseen: unseen.map { Set($0.map(version)) },
        isLost: isLost)
}

func version(_ name: some StringProtocol) -> Version {
    guard let version = Version(name) else { preconditionFailure("\(name) is no version") }
    return version
}

func published(_ version: Version, releasedAt: Int64? = nil) -> VolumeEntry {
    VolumeEntry(
        version: version,
        kind: .published(
            ManifestSummary(
                files: 1, bytes: 1, publishedAt: Timestamp(secondsSinceEpoch: 0), newest: nil, verified: [:],
                releasedAt: releasedAt.map { Timestamp(secondsSinceEpoch: $0) })))
}

extension ModelPlan {
    /// All that is not empty, by name, with versions as they are spelled: one line to compare.
    var text: String {
        var words: [String] = []
        func add(_ name: String, _ versions: some Sequence<Version>) {
            let names = versions.map(\.name)
            if !names.isEmpty { words.append("\(name) \(names.joined(separator: ","))") }
        }
        add("aspired", aspired)
        add("fetch", fetch)
        add("examine", examine)
        add("ask", ask)
        add("held", held.keys.sorted(by: >))
        add("absent", absent)
        add("prune", prune)
        for (version, reason) in keep.sorted(by: { $0.key > $1.key }) { words.append("keep \(version.name) \(reason)") }
        add("foreign", foreign.keys.sorted(by: >))
        add("discard", discard)
        add("release", release)
        add("unrelease", unrelease)
        add("refuse", refuse.keys.sorted(by: >))
        add("refused", refused)
        add("readmit", readmit)
        add("later", readmitLater.keys.sorted(by: >))
        add("forget", forget)
        add("park", park)
        add("unpark", unpark)
        return words.joined(separator: " · ")
    }
}

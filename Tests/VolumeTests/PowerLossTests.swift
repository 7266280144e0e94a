import FileIO
import Glibc
import Servables
import SystemPackage
import Testing

@testable import Volume

@Suite("The power goes")
struct PowerLossTests {
    /// States at an instant in the long form: `make crash-states`.
    static let limit = getenv("CRASH_STATES").flatMap { Int(String(cString: $0)) }

    @Test(
        "whatever the file system has kept, nothing partial is visible, what was published is whole, and the next start converges",
        arguments: VolumeOperation.allCases)
    func powerLoss(operation: VolumeOperation) async throws {
        // The whole way is that of its parts.
        let tried = try await lose(operation, limit: Self.limit ?? (operation == .whole ? 3 : 5))
        print("power loss during \(operation): \(tried.calls) calls, \(tried.instants) instants, \(tried.states) states")
        #expect(tried.states > tried.instants / 2)
    }

    /// Which sync is left out, and where that must be noticed.
    private static let syncs: [(of: String, during: VolumeOperation, isSkipped: @Sendable (FileCall) -> Bool)] = [
        ("the files", .publish, { $0.path.string.contains("/tree/") && !$0.path.string.hasSuffix("/d") }),
        ("the directories of the tree", .whole, { $0.path.string.hasSuffix("/tree") || $0.path.string.hasSuffix("/d") }),
        ("the base path", .publish, { $0.path.lastComponent == "m" && !$0.path.string.contains(".aspired") }),
        ("the manifest", .publish, { $0.path.string.hasSuffix("8.json.new") }),
        ("the manifests' directory", .publish, { $0.path.string.hasSuffix("manifests/m") }),
        ("the base path", .prune, { $0.path.lastComponent == "m" && !$0.path.string.contains(".aspired") }),
        ("the files, late", .publishUnsynced, { $0.path.string.contains("/m/8/") }),
    ]

    @Test("each sync that is left out is noticed", arguments: syncs.indices)
    func eachSyncCounts(index: Int) async throws {
        let sync = Self.syncs[index]
        try await isNoticed("\(sync.during) without syncing \(sync.of)") { wasNoticed in
            _ = try await lose(sync.during, limit: 3, skipping: sync.isSkipped, until: wasNoticed)
        }
    }

    private func lose(
        _ operation: VolumeOperation, limit: Int, skipping: @escaping @Sendable (FileCall) -> Bool = { _ in false },
        until isEnough: () -> Bool = { false }
    ) async throws -> PowerLoss.Tried {
        try await PowerLoss.lose(
            during: "\(operation)", limit: limit, skipping: skipping, until: isEnough, setUp: { try operation.setUp($0) },
            act: { _ = try operation.act($0, $1, arm: $2) }
        ) { left, place, isOver in
            try operation.check(left, place, hasLostPower: true, isOver: isOver)
            try operation.converge(left, place, boot: "boot after")
        }
    }
}

extension PowerLoss {
    /// How much was tried.
    struct Tried {
        let calls: Int
        let instants: Int
        let states: Int
    }

    /// Has the power go at every instant of an operation.
    /// - Parameters:
    ///   - what: the operation, for messages.
    ///   - limit: states that are tried at an instant, at most.
    ///   - skipping: syncs that are left out.
    ///   - isEnough: whether no further state need be tried.
    ///   - setUp: what is there, and durable, when the operation begins; done once.
    ///   - act: the operation; calls what it is given where it begins.
    ///   - renumber: tells the copy of a state of the inodes' numbers there: by their number while it was recorded.
    ///   - check: looks at a state that may be left, and starts from there; is told of the instant, and whether the operation was over.
    /// - Returns: how much was tried.
    /// - Throws: what these throw.
    static func lose(
        during what: String, limit: Int, skipping: @escaping @Sendable (FileCall) -> Bool = { _ in false },
        until isEnough: () -> Bool = { false },
        setUp: (Bench) throws -> Void, act: (Bench, Volume, () -> Void) throws -> Void,
        renumber: (_ left: Bench, [UInt64: UInt64]) throws -> Void = { _, _ in },
        check: (_ left: Bench, _ place: String, _ isOver: Bool) throws -> Void
    ) async throws -> Tried {
        // In memory where it can be: there are some thousand syncs, and each inode has a number of its own.
        try await withDirectory(under: access("/dev/shm", W_OK) == 0 ? "/dev/shm" : nil) { directory in
            let bench = try Bench(directory.appending("t"), prepared: false)
            try bench.fileSystem.makeDirectory(bench.directory, mode: 0o755)
            try setUp(bench)
            let power = PowerLoss(in: bench.directory.string, skipping: skipping)
            try act(bench, bench.volume(power.probe)) { do { try power.arm() } catch { Issue.record(error) } }
            let (instants, calls) = try power.instants()
            var dice = Dice(seed: 1)
            var seen: Set<TreePicture> = []
            for (number, instant) in instants.enumerated() {
                let isOver = number == instants.count - 1
                // Of what is over more is asked.
                for tree in instant.remains(limit: limit, using: &dice)
                where !isEnough() && (seen.insert(tree).inserted || isOver) {
                    let left = try Bench(directory.appending("left"), prepared: false)
                    try left.fileSystem.makeDirectory(left.directory, mode: 0o755)
                    try renumber(left, tree.materialise(in: left.directory.string))
                    try check(left, "\(what), power lost after call \(instant.after), state \(seen.count)", isOver)
                    try left.fileSystem.removeTree(left.directory)
                }
            }
            return Tried(calls: calls, instants: instants.count, states: seen.count)
        }
    }
}

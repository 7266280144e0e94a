import Digests
import FileIO
import Glibc
import Servables
import SystemPackage
import Testing

@testable import ModelSources

@Suite("When a version in a directory is ready")
struct FileReadinessTests {
    private let scratch: Scratch
    private let reader = WorkerThread(name: "test-read")
    private let seven = Version(number: 7)
    /// Long after everything was written.
    private let clock = StandingClock(SystemTimeSource().now().advanced(by: .seconds(3600)))

    init() throws { scratch = try Scratch() }

    private func source(_ ready: ReadinessRule = .auto, probe: (any FileSystemProbe)? = nil) -> FileSource {
        FileSource(
            directory: scratch.path.appending("source"), ready: ready, settle: .seconds(10),
            fileSystem: FileSystem(probe: probe), reader: reader, time: clock)
    }

    private func write(_ path: String, _ content: String = "x") throws { try scratch.write("source/7/" + path, content) }

    @Test("A SavedModel is asked, and what is missing is named")
    func savedModel() async throws {
        let model = SavedModelBytes.model(SavedModelBytes.metaGraph(graph: 200_000, saver: true))
        try scratch.write("source/7/saved_model.pb", bytes: model)
        let source = source()
        #expect(try await source.contents(of: seven).heldReason?.hasPrefix("variables/variables.index, which") == true)
        try write("variables/variables.index")
        try write("variables/variables.data-00000-of-00001")
        #expect(try await source.contents(of: seven).table?.count == 3)
    }

    @Test("An unchanged graph is read once")
    func askedOnce() async throws {
        try scratch.write("source/7/saved_model.pb", bytes: SavedModelBytes.model(SavedModelBytes.metaGraph(saver: true)))
        let reads = Lock(0)
        let source = source(
            probe: ClosureProbe { call in
                if call.operation == .read, call.path.string.hasSuffix("saved_model.pb") { reads.withLock { $0 += 1 } }
                return .proceed
            })
        _ = try await source.contents(of: seven)
        let once = reads.withLock { $0 }
        #expect(once > 0)
        _ = try await source.contents(of: seven)
        #expect(reads.withLock { $0 } == once)
    }

    @Test("Several files that are no SavedModel are held; settled takes them")
    func several() async throws {
        try write("a")
        #expect(try await source().contents(of: seven).table?.count == 1)
        try write("b")
        #expect(try await source().contents(of: seven).heldReason?.hasPrefix("it has 2 files that are no SavedModel") == true)
        #expect(try await source(.settled).contents(of: seven).table?.count == 2)
    }

    @Test("By a manifest only what it lists is copied, and compared with its SHA-256")
    func manifest() async throws {
        try write("a", "right")
        try write("b", "wrong")
        try write("c")
        try write(".aspired.json", Manifests.text(["a": "right", "b": "other"]))
        try scratch.makeDirectory("staged")
        for rule in [ReadinessRule.manifest, .auto] {
            let source = source(rule)
            let table = try #require(try await source.contents(of: seven).table)
            #expect(table.map(\.path) == ["a", "b"])
            for (index, expected) in [VerificationMethod.sha256, nil].enumerated() {
                let file = try StagedFile(
                    path: scratch.path.appending("staged/\(index)"), size: table[index].size, fileSystem: scratch.fileSystem,
                    reader: reader)
                guard let expected else {
                    let error = try await sourceError { _ = try await source.fetch(table[index], of: seven, into: file) { _ in } }
                    #expect(error.failure.kind == .badData && error.isMismatch)
                    #expect(error.failure.message.contains("source/7/b: its SHA-256 is "))
                    continue
                }
                #expect(try await source.fetch(table[index], of: seven, into: file) { _ in }.method == expected)
            }
            // What is there already is not compared with the source's bytes, wrong as they may be.
            for (index, expected) in [VerificationMethod.sha256, nil].enumerated() {
                let local = LocalFile(
                    path: scratch.path.appending("source/7").appending(table[index].path), size: table[index].size,
                    fileSystem: scratch.fileSystem, reader: reader)
                #expect(try await source.verify(table[index], of: seven, against: local)?.method == expected)
            }
        }
    }

    @Test("A manifest that is written anew while it is read is stale, and read again")
    func manifestChanges() async throws {
        try write("a", "1")
        try write(".aspired.json", Manifests.text(["a": "1"]))
        let path = scratch.path.appending("source/7/.aspired.json")
        let other = Manifests.text(["a": "2"])
        let reads = Lock(0)
        let source = source(
            .manifest,
            probe: ClosureProbe { call in
                guard call.operation == .read, call.path == path else { return .proceed }
                let count = reads.withLock { count in
                    count += 1
                    return count
                }
                if count == 1 {
                    // In place, so that the descriptor that is read from sees it.
                    let file = Glibc.open(path.string, O_WRONLY)
                    _ = pwrite(file, other, other.utf8.count, 0)
                    Glibc.close(file)
                }
                return .proceed
            })
        let error = try await sourceError { _ = try await source.contents(of: seven) }
        #expect(error.isStale && error.failure.isTransient)
        let entry = try #require(try await source.contents(of: seven).table?[0])
        #expect(entry.sha256 == DigestKind.sha256.digest(of: Array("2".utf8)))
    }

    @Test("A manifest that is not there is waited for; one that cannot be followed is refused, and named")
    func badManifest() async throws {
        try write("a")
        #expect(try await source(.manifest).contents(of: seven).heldReason == "waiting for its manifest .aspired.json")
        try write(".aspired.json", "{")
        let error = try await sourceError { _ = try await source().contents(of: seven) }
        #expect(error.failure.kind == .badData)
        #expect(error.failure.message.contains("source/7/.aspired.json: it is no JSON"))
    }

    @Test("What was published is compared by names, sizes and times")
    func difference() async throws {
        try write("a", "1")
        try write("b", "2")
        let source = source(.settled)
        let published = try #require(try await source.contents(of: seven).table)
        #expect(try await source.difference(of: seven, from: published) == nil)
        try write("b", "3")
        #expect(try await source.difference(of: seven, from: published) == "b was written again")
        try write("b", "33")
        #expect(try await source.difference(of: seven, from: published) == "b has 2 bytes, and had 1")
        try write("c")
        #expect(
            try await source.difference(of: seven, from: published)
                == "b has 2 bytes, and had 1, and another of its files differs")
    }

    @Test("A tree deeper than any stack is walked")
    func deep() async throws {
        var directory = scratch.path.appending("source")
        try scratch.fileSystem.makeDirectory(directory, mode: 0o755)
        for name in ["7"] + Array(repeating: "d", count: 1_400) {
            directory.append(name)
            try scratch.fileSystem.makeDirectory(directory, mode: 0o755)
        }
        try scratch.fileSystem.replaceFile(directory.appending("f"), with: [1], mode: 0o644)
        #expect(try await source(.none).contents(of: seven).table?.count == 1)
    }
}

import FileIO
import Servables
import SystemPackage
import Testing

@testable import Volume

@Suite("Files of a model beside its versions")
struct ModelFilesTests {
    private static let content = Content(files: [("f", [7, 7], "\"7\"")])
    private let first: [UInt8] = [1, 1]
    private let second: [UInt8] = [2, 2, 2]

    /// Fetches a file whose tag is what it holds.
    private func ready(_ name: String, _ bytes: [UInt8], _ bench: Bench, on volume: Volume? = nil) throws {
        let volume = volume ?? bench.volume()
        let entry = FileEntry(
            path: name, size: Int64(bytes.count), tag: tag(bytes), modified: Timestamp(secondsSinceEpoch: 1_700_000_000))
        let file = try volume.stageModelFile("m", entry)
        try bench.write(bytes, 0..<entry.size, into: file)
        try volume.readyModelFile("m", entry)
    }

    private func tag(_ bytes: [UInt8]) -> String { "\"\(bytes)\"" }
    private func content(_ name: String, _ bench: Bench) throws -> [UInt8]? {
        let path = bench.base.appending(name)
        guard try bench.fileSystem.status(path) != nil else { return nil }
        return try bench.fileSystem.readFile(path, limit: 100)
    }

    @Test("A file comes in by one rename, with its mode, and what it replaces is kept until that need not be put back")
    func put() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.seven, Self.content)
            try ready("a", first, bench)
            #expect(try content("a", bench) == nil)
            #expect(try bench.volume().putModelFiles("m", keepsFormer: true) == ["a"])
            #expect(try content("a", bench) == first && bench.fileSystem.status(bench.base.appending("a"))?.mode == 0o644)
            #expect(try bench.volume().modelFiles("m").former.isEmpty)

            try ready("a", second, bench)
            let probe = Probe()
            #expect(try bench.volume(probe).putModelFiles("m", keepsFormer: true) == ["a"])
            let puts = probe.trace([.rename], below: directory).filter { $0.contains("model-files/m/ready") }
            #expect(puts == ["rename models/.aspired/model-files/m/ready/a > models/m/a"])
            #expect(try content("a", bench) == second)
            let files = try bench.volume().modelFiles("m")
            #expect(files.inPlace["a"]?.tag == tag(second) && files.former["a"]?.tag == tag(first) && files.ready.isEmpty)

            let seventh = Timestamp(secondsSinceEpoch: 7)
            #expect(try bench.volume().putBackModelFiles("m", beside: [seventh]) == ["a"])
            let refused = try bench.volume().modelFiles("m").refused
            #expect(refused["a"]?.tag == tag(second) && refused["a"]?.versions == [seventh])
            #expect(try content("a", bench) == first && bench.volume().modelFiles("m").inPlace["a"]?.tag == tag(first))

            try ready("a", second, bench)
            _ = try bench.volume().putModelFiles("m", keepsFormer: true)
            #expect(try bench.volume().modelFiles("m").refused.isEmpty)
            try bench.volume().forgetFormerModelFiles("m")
            #expect(try bench.volume().putBackModelFiles("m", beside: []).isEmpty && content("a", bench) == second)
            #expect(try bench.state("model-files/m/former") == [])
        }
    }

    @Test("A file of others is replaced and put back; what is no file is left alone; what others replace counts as not there")
    func others() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.seven, Self.content)
            try write([9], to: bench.base.appending("a"))
            try ready("a", first, bench)
            _ = try bench.volume().putModelFiles("m", keepsFormer: true)
            #expect(try content("a", bench) == first)
            _ = try bench.volume().putBackModelFiles("m", beside: [])
            #expect(try content("a", bench) == [9])

            try bench.fileSystem.makeDirectory(bench.base.appending("d"), mode: 0o755)
            try ready("d", first, bench)
            let error = #expect(throws: VolumeError.self) { try bench.volume().putModelFiles("m", keepsFormer: true) }
            #expect(error == .occupied(bench.base.appending("d")))
            #expect(try bench.fileSystem.status(bench.base.appending("d"))?.kind == .directory)

            try ready("b", first, bench)
            try bench.fileSystem.removeDirectory(bench.base.appending("d"))
            _ = try bench.volume().putModelFiles("m", keepsFormer: false)
            #expect(try bench.volume().modelFiles("m").inPlace["b"] != nil)
            try bench.fileSystem.removeFile(bench.base.appending("b"))
            try write([8], to: bench.base.appending("b"))
            #expect(try bench.volume().modelFiles("m").inPlace["b"] == nil)
        }
    }

    @Test("A base path that comes in with its first version brings what is ready")
    func together() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory, prepared: false)
            let volume = bench.volume(settings: VolumeSettings(makesEmptyBasePaths: false))
            try volume.prepare()
            try volume.recover(models: nil)
            try volume.ensureBasePath("m")
            #expect(try bench.fileSystem.status(bench.base) == nil)
            try ready("a", first, bench, on: volume)
            let probe = Probe()
            try bench.publish(.seven, Self.content, on: bench.volume(probe, settings: volume.settings))
            #expect(try content("a", bench) == first && bench.published() == [.seven])
            #expect(probe.trace([.rename], below: bench.layout.root).filter { $0.hasSuffix("> m") }.count == 1)
            let files = try bench.volume().modelFiles("m")
            #expect(files.inPlace["a"]?.tag == tag(first) && files.ready.isEmpty)
        }
    }

    @Test("With the model its files go, and nobody else's")
    func retire() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.seven, Self.content)
            try ready("a", first, bench)
            _ = try bench.volume().putModelFiles("m", keepsFormer: true)
            try write([9], to: bench.base.appending("theirs"))
            #expect(try bench.volume().retire("m", prunesForeign: false) { _ in } == ["theirs"])
            #expect(try content("theirs", bench) == [9] && content("a", bench) == nil && bench.state("model-files") == [])
        }
    }

    // MARK: - Cut off

    fileprivate enum Operation: String, CaseIterable, Sendable {
        case ready, put, putBack, forget
        /// From the fetch into the base path.
        case wholeWay
    }

    private func setUp(_ operation: Operation, _ bench: Bench) throws {
        let volume = bench.volume()
        try volume.prepare()
        try volume.recover(models: nil)
        try volume.ensureBasePath("m")
        try bench.publish(.seven, Self.content, on: volume)
        try ready("a", first, bench)
        _ = try volume.putModelFiles("m", keepsFormer: true)
        if operation == .ready || operation == .wholeWay { return }
        try ready("a", second, bench)
        try ready("b", first, bench)
        if operation != .put { _ = try volume.putModelFiles("m", keepsFormer: true) }
    }

    private func act(_ operation: Operation, _ bench: Bench, _ volume: Volume) throws {
        switch operation {
        case .ready: try ready("a", second, bench, on: volume)
        case .put: _ = try volume.putModelFiles("m", keepsFormer: true)
        case .putBack: _ = try volume.putBackModelFiles("m", beside: [])
        case .forget: try volume.forgetFormerModelFiles("m")
        case .wholeWay:
            try ready("a", second, bench, on: volume)
            _ = try volume.putModelFiles("m", keepsFormer: true)
        }
    }

    /// A file is one content or the other, and what is said of it is true.
    private func check(_ operation: Operation, _ bench: Bench, _ place: String) throws {
        let now = try content("a", bench)
        #expect(now == first || now == second, "\(place)")
        let files = try bench.volume().modelFiles("m")
        #expect(files.inPlace["a"]?.tag == now.map(tag), "\(place): \(files)")
        if operation == .put || operation == .wholeWay, now == second {
            #expect(files.former["a"]?.tag == tag(first), "\(place): \(files)")
        }
        #expect(try bench.published() == [.seven], "\(place)")
    }

    private func checkEnd(_ operation: Operation, _ bench: Bench, _ place: String) throws {
        let (end, after) = (try content("a", bench), try bench.volume().modelFiles("m"))
        switch operation {
        case .ready: #expect(end == first && after.ready["a"]?.tag == tag(second), "\(place)")
        case .put:
            #expect(try end == second && content("b", bench) == first && after.former["a"]?.tag == tag(first), "\(place)")
        case .putBack:
            #expect(end == first && after.former.isEmpty && after.refused["a"]?.tag == tag(second), "\(place): \(after)")
        case .forget: #expect(end == second && after.former.isEmpty, "\(place)")
        case .wholeWay: #expect(end == second && after.former["a"] != nil, "\(place)")
        }
    }

    @Test(
        "Killed at any call, a file is one content or the other, what is said of it is true, and the next attempt converges",
        arguments: Operation.allCases)
    fileprivate func killed(operation: Operation) async throws {
        // Not set up once for all: copies have other inodes.
        try await EveryCall.fails(of: "\(operation)", first: 1, step: 1, limit: 500, setUp: { _ in }) { number, bench in
            try setUp(operation, bench)
            let call = FailingCall(number, isLast: true, .ioError)
            let killed = bench.volume(call.probe)
            call.arm()
            do { try act(operation, bench, killed) } catch is VolumeError {} catch is FileError {}
            let place = "\(operation), \(call.description)"
            try bench.volume().recover(models: ["m"])
            try check(operation, bench, place)
            try act(operation, bench, bench.volume())
            try checkEnd(operation, bench, place)
            return call.failed == nil
        }
    }

    private func lose(
        _ operation: Operation, limit: Int, skipping: @escaping @Sendable (FileCall) -> Bool = { _ in false },
        until isEnough: () -> Bool = { false }
    ) async throws -> PowerLoss.Tried {
        try await PowerLoss.lose(
            during: "\(operation) of a model's files", limit: limit, skipping: skipping, until: isEnough,
            setUp: { try setUp(operation, $0) },
            act: { bench, volume, arm in
                arm()
                try act(operation, bench, volume)
            }, renumber: renumber
        ) { bench, place, isOver in
            try bench.volume(boot: "boot after").recover(models: ["m"])
            try check(operation, bench, place)
            if isOver { try checkEnd(operation, bench, place) }
            try act(operation, bench, bench.volume())
            try checkEnd(operation, bench, place)
        }
    }

    /// The record knows files by their inodes.
    private func renumber(_ left: Bench, _ inodes: [UInt64: UInt64]) throws {
        let record = left.layout.modelFilesRecord("m")
        guard try left.fileSystem.status(record)?.kind == .file else { return }
        let text = String(decoding: try left.fileSystem.readFile(record, limit: 1 << 16), as: UTF8.self)
        let told = text.replacing(/"inode":"([0-9]+)"/) { match in
            "\"inode\":\"\(UInt64(match.1).flatMap { inodes[$0] } ?? 0)\""
        }
        try left.fileSystem.removeFile(record)
        try write(Array(told.utf8), to: record)
    }

    @Test("Whatever is left when the power goes, the same holds", arguments: Operation.allCases)
    fileprivate func powerLoss(operation: Operation) async throws {
        let tried = try await lose(operation, limit: PowerLossTests.limit ?? 5)
        print(
            "power loss during \(operation) of a model's files: \(tried.calls) calls, \(tried.instants) instants, \(tried.states) states"
        )
        #expect(tried.states >= tried.instants / 3)
    }

    @Test("A file that is put in place without having been synced is noticed")
    func syncCounts() async throws {
        try await isNoticed("a model's file that is not synced") { wasNoticed in
            _ = try await lose(.wholeWay, limit: 5, skipping: { $0.path.string.hasSuffix("/new/a") }, until: wasNoticed)
        }
    }
}

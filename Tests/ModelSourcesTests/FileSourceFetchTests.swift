import FileIO
import Glibc
import ModelSources
import Servables
import SystemPackage
import Testing

@Suite("A directory as a source: what it copies and compares")
struct FileSourceFetchTests {
    private let scratch: Scratch
    private let reader = WorkerThread(name: "test-read")
    private let seven = Version(number: 7)

    init() throws {
        scratch = try Scratch()
        try scratch.makeDirectory("source")
        try scratch.makeDirectory("staged")
    }

    private func source(probe: (any FileSystemProbe)? = nil) -> FileSource {
        FileSource(
            directory: scratch.path.appending("source"), ready: .none, settle: .zero, fileSystem: FileSystem(probe: probe),
            reader: reader,
            time: StandingClock(Timestamp(secondsSinceEpoch: 0)))
    }

    private func listed(_ path: String = "a") async throws -> FileEntry {
        try #require(try await source().contents(of: seven).table?.first { $0.path == path })
    }

    private func staged(_ entry: FileEntry, _ extents: [Extent] = []) throws -> StagedFile {
        try StagedFile(
            path: scratch.path.appending("staged/a"), size: entry.size, extents: extents, fileSystem: scratch.fileSystem,
            reader: reader)
    }

    private func checksum(_ text: String) -> UInt64 {
        var running = RunningChecksum()
        Array(text.utf8).withUnsafeBytes { running.update($0) }
        return running.extent(at: 0).crc64nvme
    }

    // MARK: Copying

    @Test("A file is copied byte for byte, and its checksum is that of its bytes")
    func copies() async throws {
        let text = String(repeating: "All versions are equal. ", count: 40_000)
        try scratch.write("source/7/a", text)
        let entry = try await listed()
        let file = try staged(entry)
        let counted = Lock<Int64>(0)
        let verification = try await source().fetch(entry, of: seven, into: file) { bytes in counted.withLock { $0 += bytes } }
        #expect(try scratch.read("staged/a") == text)
        #expect(verification == Verification(crc64nvme: checksum(text), method: .bytes))
        #expect(counted.withLock { $0 } == entry.size)
        #expect(file.missing.isEmpty)
    }

    @Test("An empty file needs no copy")
    func copiesEmpty() async throws {
        try scratch.write("source/7/a", "")
        let entry = try await listed()
        let verification = try await source().fetch(entry, of: seven, into: staged(entry)) { _ in }
        #expect(verification == Verification(crc64nvme: checksum(""), method: .bytes))
    }

    @Test("What is staged already is not copied again")
    func resumes() async throws {
        try scratch.write("source/7/a", "0123456789")
        let entry = try await listed()
        do {
            let file = try staged(entry)
            var writer = file.writer(for: 3..<6, checksums: .crc64nvme)
            _ = try Array("345".utf8).withUnsafeBytes { try writer.append($0) }
            try writer.finish()
            let counted = Lock<Int64>(0)
            let verification = try await source().fetch(entry, of: seven, into: file) { bytes in counted.withLock { $0 += bytes }
            }
            #expect(counted.withLock { $0 } == 7)
            #expect(verification.crc64nvme == checksum("0123456789"))
        }
        #expect(try scratch.read("staged/a") == "0123456789")
    }

    @Test(
        "A file that is not the listed one any more is stale",
        arguments: ["grown", "replaced", "shortened", "removed", "a symlink", "a pipe"])
    func stale(how: String) async throws {
        try scratch.write("source/7/a", "0123456789")
        let entry = try await listed()
        switch how {
        case "grown": try scratch.write("source/7/a", "0123456789abc")
        case "replaced": try scratch.write("source/7/a", "0123456789")
        case "shortened": try scratch.write("source/7/a", "0")
        default: try scratch.fileSystem.removeFile(scratch.path.appending("source/7/a"))
        }
        if how == "a symlink" {
            try scratch.write("source/7/b", "0123456789")
            try scratch.link("source/7/a", to: "b")
        }
        if how == "a pipe" { #expect(mkfifo(scratch.path.appending("source/7/a").string, 0o644) == 0) }
        let error = try await sourceError { _ = try await source().fetch(entry, of: seven, into: staged(entry)) { _ in } }
        #expect(error.isStale)
        #expect(error.failure.isTransient)
    }

    @Test("A file that changes while it is copied is stale")
    func changesMeanwhile() async throws {
        try scratch.write("source/7/a", String(repeating: "x", count: 1 << 20))
        let entry = try await listed()
        let scratch = scratch
        let changes = Lock(0)
        let probe = ClosureProbe { call in
            // In place, at the second read, so that the descriptor that is read from sees it.
            guard call.operation == .read else { return .proceed }
            let count = changes.withLock { count in
                count += 1
                return count
            }
            if count == 2 {
                let file = Glibc.open(scratch.path.appending("source/7/a").string, O_WRONLY)
                _ = pwrite(file, "y", 1, 0)
                Glibc.close(file)
            }
            return .proceed
        }
        let error = try await sourceError {
            _ = try await source(probe: probe).fetch(entry, of: seven, into: staged(entry)) { _ in }
        }
        #expect(changes.withLock { $0 } >= 2)
        #expect(error.isStale)
    }

    @Test("A copy that is cancelled stops within a slice, and what was copied stays")
    func cancels() async throws {
        let path = scratch.path.appending("source/7/a")
        try scratch.write("source/7/a", "")
        #expect(truncate(path.string, 65 << 20) == 0)
        let entry = try await listed()
        let file = try staged(entry)
        let (source, seven) = (source(), seven)
        let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
        let task = Task { try await source.fetch(entry, of: seven, into: file) { _ in beginning.yield() } }
        for await _ in begun { break }
        task.cancel()
        await #expect(throws: SourceError.self) { _ = try await task.value }
        #expect(file.missing == [(64 << 20)..<(65 << 20)])
    }

    @Test("A volume that cannot be written is the volume's failure, not the source's")
    func volumeFails() async throws {
        try scratch.write("source/7/a", "0123456789")
        let entry = try await listed()
        let fileSystem = FileSystem(probe: ClosureProbe { $0.operation == .write ? .fail(.noSpace) : .proceed })
        let file = try StagedFile(path: scratch.path.appending("staged/a"), size: 10, fileSystem: fileSystem, reader: reader)
        let error = try await sourceError { _ = try await source().fetch(entry, of: seven, into: file) { _ in } }
        #expect(error.failure.kind == .volume)
        #expect(!error.isStale)
    }

    // MARK: Comparing

    private func compare(with local: String, size: Int64? = nil) async throws -> Verification? {
        let entry = try await listed()
        let file = LocalFile(
            path: scratch.path.appending(local), size: size ?? entry.size, fileSystem: scratch.fileSystem, reader: reader)
        return try await source().verify(entry, of: seven, against: file)
    }

    @Test("A local file of the same bytes is the same; of others, or another length, it is not")
    func compares() async throws {
        try scratch.write("source/7/a", "0123456789")
        try scratch.write("same", "0123456789")
        try scratch.write("other", "0123456780")
        try scratch.write("longer", "0123456789\0")
        #expect(try await compare(with: "same") == Verification(crc64nvme: checksum("0123456789"), method: .bytes))
        #expect(try await compare(with: "other") == nil)
        #expect(try await compare(with: "longer") == nil)
        try scratch.write("source/7/a", "")
        try scratch.write("empty", "")
        #expect(try await compare(with: "empty")?.method == .bytes)
    }

    @Test("A local file that cannot be read is the volume's failure; a source's that is gone is stale")
    func comparesWithNothing() async throws {
        try scratch.write("source/7/a", "0123456789")
        try scratch.write("same", "0123456789")
        let error = try await sourceError { _ = try await compare(with: "none") }
        #expect(error.failure.kind == .volume)
        let entry = try await listed()
        try scratch.fileSystem.removeFile(scratch.path.appending("source/7/a"))
        let local = LocalFile(path: scratch.path.appending("same"), size: 10, fileSystem: scratch.fileSystem, reader: reader)
        let stale = try await sourceError { _ = try await source().verify(entry, of: seven, against: local) }
        #expect(stale.isStale)
    }
}

import FileIO
import Glibc
import ModelSources
import Servables
import SystemPackage
import Testing

@Suite("A directory as a source: what it lists")
struct FileSourceListingTests {
    private let scratch: Scratch
    private let clock = StandingClock(Timestamp(secondsSinceEpoch: 0))
    private let reader = WorkerThread(name: "test-read")
    private let seven = Version(number: 7)

    init() throws { scratch = try Scratch() }

    private func source(_ ready: ReadinessRule = .none, probe: (any FileSystemProbe)? = nil) -> FileSource {
        FileSource(
            directory: scratch.path, ready: ready, settle: .seconds(10), fileSystem: FileSystem(probe: probe), reader: reader,
            time: clock)
    }

    // MARK: Versions

    @Test("Directories named by integers are versions; files, symlinks and other names are not")
    func listsVersions() async throws {
        try scratch.write("7/a")
        try scratch.write("0012/a")
        try scratch.write("models/3/a")
        try scratch.write("9", "a file")
        try scratch.makeDirectory("5")
        for name in ["+4", "-4", "4x", "4.0", " 4"] { try scratch.makeDirectory(name) }
        try scratch.link("11", to: "7")
        #expect(Set(try await source().listing().versions.map(\.name)) == ["7", "0012", "5"])
    }

    @Test("Files beside the versions are regular files of the names that are asked for")
    func listsFiles() async throws {
        try scratch.write("7/a")
        try scratch.write("x/a")
        for name in ["config.pbtxt", "labels.txt", ".hidden", "9"] { try scratch.write(name, "1") }
        try scratch.link("linked.txt", to: "labels.txt")
        func files(_ text: String) async throws -> [String] {
            let source = FileSource(
                directory: scratch.path, ready: .none, settle: .zero, files: try NamePatterns(parsing: text),
                fileSystem: FileSystem(),
                reader: reader, time: clock)
            return try await source.listing().files.get().map(\.path).sorted()
        }
        #expect(try await files("*") == ["config.pbtxt", "labels.txt"])
        #expect(try await files("*.txt") == ["labels.txt"])
        #expect(try await files("none") == [])
    }

    @Test("Two names of one number are an error that names both")
    func refusesTwoNames() async throws {
        try scratch.makeDirectory("7")
        try scratch.makeDirectory("007")
        let error = try await sourceError { _ = try await source().listing().versions }
        #expect(error.failure.kind == .badData)
        #expect(error.failure.message.contains("\"7\"") && error.failure.message.contains("\"007\""))
        #expect(!error.failure.isTransient)
    }

    @Test("An empty directory lists nothing; a missing one is an error that names it")
    func emptyAndMissing() async throws {
        #expect(try await source().listing().versions.isEmpty)
        try scratch.fileSystem.removeTree(scratch.path)
        let error = try await sourceError { _ = try await source().listing().versions }
        #expect(error.failure.kind == .notFound)
        #expect(error.failure.message.contains(scratch.path.string))
        #expect(!error.failure.message.contains("\n"))
    }

    @Test("A file in place of the directory is an error")
    func notADirectory() async throws {
        try scratch.write("file")
        let source = FileSource(
            directory: scratch.path.appending("file"), ready: .none, settle: .zero, fileSystem: FileSystem(), reader: reader,
            time: clock)
        let error = try await sourceError { _ = try await source.listing().versions }
        #expect(error.failure.kind == .notFound)
    }

    @Test("A refusal is denied, a fault of the disk is an outage")
    func kinds() async throws {
        try scratch.makeDirectory("7")
        for (errno, kind, isTransient) in [
            (Errno.permissionDenied, FailureKind.denied, false), (.ioError, .unavailable, true),
            (.staleNFSFileHandle, .unavailable, true),
        ] {
            let probe = ClosureProbe { $0.operation == .open ? .fail(errno) : .proceed }
            let error = try await sourceError { _ = try await source(probe: probe).listing().versions }
            #expect(error.failure.kind == kind)
            #expect(error.failure.isTransient == isTransient)
        }
    }

    @Test("A directory that may not be read is denied", .enabled(if: geteuid() != 0, "root may read everything"))
    func unreadable() async throws {
        try scratch.fileSystem.setMode(scratch.path, 0o000)
        let error = try await sourceError { _ = try await source().listing().versions }
        #expect(error.failure.kind == .denied)
        try scratch.fileSystem.setMode(scratch.path, 0o755)
    }

    // MARK: Contents

    @Test("A version's files come with their paths and sizes, empty directories by name")
    func listsContents() async throws {
        try scratch.write("7/saved_model.pb", "graph")
        try scratch.write("7/variables/variables.index", "12")
        try scratch.write("7/variables/deep/er/x", "")
        try scratch.makeDirectory("7/assets")
        try scratch.makeDirectory("7/assets/none")
        try scratch.write("7/é 日本", "1")
        let table = try #require(try await source().contents(of: seven).table)
        #expect(table.map(\.path) == ["saved_model.pb", "variables/deep/er/x", "variables/variables.index", "é 日本"])
        #expect(table.map(\.size) == [5, 0, 2, 1])
        #expect(table.emptyDirectories == ["assets/none"])
        #expect(Set(table.map(\.tag)).count == 4)
    }

    @Test("Listed twice, an unchanged version is the same; touched, replaced or grown it is not")
    func tellsChanges() async throws {
        try scratch.write("7/a", "1")
        let first = try #require(try await source().contents(of: seven).table)
        #expect(try await source().contents(of: seven).table == first)
        try scratch.write("7/a", "1")
        let replaced = try #require(try await source().contents(of: seven).table)
        #expect(replaced != first)
        try scratch.write("7/b", "2")
        #expect(try await source().contents(of: seven).table != replaced)
    }

    @Test("A version without a file is held")
    func empty() async throws {
        try scratch.makeDirectory("7")
        try scratch.makeDirectory("7/assets")
        #expect(try await source().contents(of: seven).heldReason == "it holds no file yet")
    }

    @Test("A version that went away since it was listed is looked for again")
    func wentAway() async throws {
        let error = try await sourceError { _ = try await source().contents(of: seven) }
        #expect(error.failure.isTransient)
        try scratch.makeDirectory("8")
        try scratch.link("7", to: "8")
        await #expect(throws: SourceError.self) { _ = try await source().contents(of: seven) }
    }

    @Test("With a marker, a version is ready when it has it; neither marker nor manifest is published")
    func marker() async throws {
        try scratch.write("7/a")
        try scratch.write("7/.aspired.json", "{}")
        try scratch.write("7/sub/_DONE")
        #expect(try await source(.marker("_DONE")).contents(of: seven).heldReason == "waiting for its marker _DONE")
        try scratch.write("7/_DONE")
        #expect(try await source(.marker("_DONE")).contents(of: seven).table?.map(\.path) == ["a", "sub/_DONE"])
        #expect(try await source(.marker("sub/_DONE")).contents(of: seven).table?.map(\.path) == ["_DONE", "a"])
        #expect(try await source(.none).contents(of: seven).table?.map(\.path) == ["_DONE", "a", "sub/_DONE"])
    }

    @Test("Settled means that the newest file's last change is as old as asked", arguments: [ReadinessRule.settled, .auto])
    func settled(rule: ReadinessRule) async throws {
        let model = SavedModelBytes.model(SavedModelBytes.metaGraph(assets: ["vocab.txt"]))
        try scratch.write("7/saved_model.pb", bytes: model)
        try scratch.write("7/assets/vocab.txt")
        let changed = try #require(try scratch.fileSystem.status(scratch.path.appending("7/assets/vocab.txt"))?.changed)
        clock.set(changed.advanced(by: .seconds(4)))
        let held = try await source(rule).contents(of: seven)
        #expect(held.heldReason == "its newest object is not yet 10s old (--settle)")
        #expect(held.lookAgainIn == .seconds(6))
        clock.set(changed.advanced(by: .seconds(10)))
        #expect(try await source(rule).contents(of: seven).table?.count == 2)
        // A clock that is behind holds it for no longer than the whole time.
        clock.set(changed.advanced(by: .seconds(-100)))
        #expect(try await source(rule).contents(of: seven).lookAgainIn == .seconds(10))
    }

    @Test("A file that brings a time from the future is as old as its last change")
    func future() async throws {
        try scratch.write("7/a")
        var times = [timespec(tv_sec: 4_000_000_000, tv_nsec: 0), timespec(tv_sec: 4_000_000_000, tv_nsec: 0)]
        #expect(utimensat(AT_FDCWD, scratch.path.appending("7/a").string, &times, 0) == 0)
        let changed = try #require(try scratch.fileSystem.status(scratch.path.appending("7/a"))?.changed)
        clock.set(changed.advanced(by: .seconds(11)))
        #expect(try await source(.settled).contents(of: seven).table != nil)
    }

    // MARK: Hostile names

    @Test("A name with a control character refuses the whole version, and is printed harmlessly")
    func controlCharacter() async throws {
        try scratch.write("7/a")
        try scratch.write("7/sub/b\u{1b}[31m")
        let error = try await sourceError { _ = try await source().contents(of: seven) }
        #expect(error.failure.kind == .badData)
        #expect(error.failure.message.contains("7/sub/b\\u{1b}[31m"))
    }

    @Test("A name that is not UTF-8 refuses the whole version, and is not left out")
    func notText() async throws {
        try scratch.write("7/a")
        let name =
            scratch.path.appending("7").string.utf8CString.dropLast() + [CChar(UInt8(ascii: "/")), CChar(bitPattern: 0xff), 0]
        let descriptor = Array(name).withUnsafeBufferPointer {
            $0.baseAddress.map { Glibc.open($0, O_CREAT | O_WRONLY, 0o644) } ?? -1
        }
        try #require(descriptor >= 0)
        Glibc.close(descriptor)
        let error = try await sourceError { _ = try await source().contents(of: seven) }
        #expect(error.failure.kind == .badData)
        #expect(error.failure.message.contains("not UTF-8"))
    }

    @Test("A symlink or a pipe in a version refuses the whole version", arguments: ["symlink", "pipe"])
    func special(kind: String) async throws {
        try scratch.write("7/a")
        if kind == "symlink" {
            try scratch.link("7/z", to: "/etc/passwd")
        } else {
            #expect(mkfifo(scratch.path.appending("7/z").string, 0o644) == 0)
        }
        let error = try await sourceError { _ = try await source().contents(of: seven) }
        #expect(error.failure.kind == .badData)
        #expect(error.failure.message.contains("7/z"))
    }
}

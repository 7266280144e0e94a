import FileIO
import Glibc
import Servables
import SystemPackage
import Testing

@testable import Volume

@Suite("Syncing what is visible already")
struct SyncingTests {
    private let content = Content(
        files: [("a", [UInt8](repeating: 1, count: 2_000), "\"a\""), ("d/b", [2, 3], "\"b\""), ("d/empty", [], "\"c\"")],
        emptyDirectories: ["e"])
    private static let after = VolumeSettings(sync: .after)

    private func summary(_ bench: Bench) throws -> ManifestSummary? { try bench.volume().inventory("m")[.eight]?.manifest }

    /// What the system is asked while `body` runs, of what makes something durable or visible.
    private func calls(_ probe: Probe, _ bench: Bench, _ body: () throws -> Void) rethrows -> [String] {
        let kinds: Set<FileOperation> = [.fsync, .writeback, .rename, .write, .chmod, .unlink, .truncate]
        let before = probe.trace(kinds, below: bench.directory).count
        try body()
        return Array(probe.trace(kinds, below: bench.directory)[before...])
    }

    @Test("before the rename nothing but the manifest is synced, and nothing is written back that it would wait behind")
    func publishesUnsynced() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let probe = Probe()
            let volume = bench.volume(probe, settings: Self.after)
            let content = Content(files: content.files + [("large", [UInt8](repeating: 4, count: 1 << 20), "\"l\"")])
            let staged = try bench.stage(.eight, content, on: volume)
            try bench.fetch(staged, content)
            // What is written back early is written by the reader, after what it was given before.
            await Bench.reader.run {}
            #expect(probe.trace([.writeback, .fsync], below: directory) == [])
            let calls = try calls(probe, bench) { try volume.publish(staged, sync: .after) }
            #expect(
                calls.filter { !$0.hasPrefix("chmod") && !$0.hasPrefix("write ") } == [
                    "fsync models/.aspired", "fsync models/.aspired/manifests",
                    "unlink models/.aspired/manifests/m/8.json.new",
                    "fsync models/.aspired/manifests/m/8.json.new",
                    "rename models/.aspired/manifests/m/8.json.new > models/.aspired/manifests/m/8.json",
                    "fsync models/.aspired/manifests/m",
                    "rename models/.aspired/staging/m/8/tree > models/m/8",
                    "rename models/.aspired/staging/m/8 > models/.aspired/trash/m-8-staged.1",
                ])
            #expect(try bench.differences(bench.base.appending("8"), content) == [])
            #expect(try bench.fileSystem.status(bench.base.appending("8/d/b"))?.mode == 0o644)
            #expect(try summary(bench)?.unsyncedBoot == "this boot")
            #expect(try bench.volume().manifests.header("m", .eight)?.isSynced == false)
        }
    }

    @Test(
        "what arrives is written back early where there is a disk, and not on a tmpfs",
        arguments: [nil, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : nil])
    func writesBackEarly(place: String?) async throws {
        try await withDirectory(under: place) { directory in
            let bench = try Bench(directory)
            let probe = Probe()
            let content = Content(files: [("large", [UInt8](repeating: 4, count: 1 << 20), "\"l\"")])
            try bench.fetch(try bench.stage(.eight, content, on: bench.volume(probe)), content)
            // The reader does it, after what it was given before.
            await Bench.reader.run {}
            let isInMemory = try FileSystem().space(at: directory).isInMemory
            #expect(probe.trace([.writeback], below: directory).count == (isInMemory ? 0 : 1))
        }
    }

    @Test("then large files piece by piece, files, directories from the deepest up, the base path; last the manifest says so")
    func syncsLate() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.eight, content, sync: .after)
            let probe = Probe()
            let volume = bench.volume(probe)
            var outcome: LateSync?
            let synced = try calls(probe, bench) { outcome = try volume.sync("m", .eight, bytesAtOnce: 1_500) { false } }
            #expect(outcome == .synced)
            #expect(
                synced == [
                    "writeback models/m/8/a", "writeback models/m/8/a", "fsync models/m/8/a", "fsync models/m/8/d/b",
                    "fsync models/m/8/d/empty", "fsync models/m/8/e", "fsync models/m/8/d", "fsync models/m/8", "fsync models/m",
                ])
            #expect(try summary(bench)?.isSynced == false, "nobody has noted it yet")
            #expect(!probe.calls.contains { $0.operation == .read && $0.path.string.contains("/m/8/") }, "this boot knows it")
            let noted = try calls(probe, bench) { try volume.noteSynced("m", .eight) }
            #expect(noted.allSatisfy { !$0.contains("models/m/") }, "\(noted)")
            #expect(try summary(bench)?.isSynced == true)
            #expect(try calls(probe, bench) { outcome = try volume.sync("m", .eight, bytesAtOnce: 1_500) { false } } == [])
            #expect(outcome == .synced)
        }
    }

    @Test("with before the manifest says nothing of it, as it always did")
    func syncedManifest() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            func manifest() throws -> String {
                String(decoding: try read(bench.layout.state.appending("manifests/m/8.json")), as: UTF8.self)
            }
            try bench.publish(.eight, content)
            #expect(try !manifest().contains("unsynced"))
            let before = try summary(bench)
            #expect(try summary(bench)?.isSynced == true)
            try bench.volume().prune("m", .eight)
            try bench.publish(.eight, content, sync: .after)
            #expect(try manifest().contains("\"unsynced_boot\":\"this boot\""))
            // It is the same once it is synced.
            try bench.volume().noteSynced("m", .eight)
            #expect(try !manifest().contains("unsynced"))
            #expect(try summary(bench) == before)
        }
    }

    @Test("what other changes of a manifest say leaves it unsynced")
    func keepsTheRecord() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let volume = bench.volume()
            try bench.publish(.eight, content, sync: .after)
            try volume.setReleased("m", .eight, at: StoppedTime().now())
            #expect(try summary(bench)?.unsyncedBoot == "this boot")
            let verifications = try #require(try volume.published("m", .eight)).verifications
            try volume.restate("m", .eight, table: content.table, source: "s3://other", verifications: verifications)
            #expect(try summary(bench)?.unsyncedBoot == "this boot")
        }
    }

    @Test("where boots cannot be told apart it is synced before")
    func noBoot() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let probe = Probe()
            try bench.publish(.eight, content, on: bench.volume(probe, boot: ""), sync: .after)
            #expect(probe.trace([.fsync], below: directory).contains("fsync models/.aspired/staging/m/8/tree/a"))
            #expect(try summary(bench)?.isSynced == true)
        }
    }

    @Test("in another boot every file is read, and what is whole is synced; what a server adds is no damage")
    func otherBootWhole() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.eight, content, on: bench.volume(boot: "boot before"), sync: .after)
            try bench.fileSystem.makeDirectory(bench.base.appending("8/__pycache__"), mode: 0o755)
            let probe = Probe()
            let volume = bench.volume(probe)
            #expect(volume.isDoubtful(try #require(try summary(bench))))
            #expect(try volume.sync("m", .eight, bytesAtOnce: 1_500) { false } == .synced)
            let read = Set(probe.trace([.read], below: directory).filter { $0.contains("models/m/8/") })
            #expect(read == ["read models/m/8/a", "read models/m/8/d/b"])
            #expect(probe.trace([.fsync], below: directory).contains("fsync models/m/8/a"))
        }
    }

    /// What a crash can leave of files whose names the disk has.
    enum Damage: String, CaseIterable, Sendable {
        case zeros, flipped, cut, emptied, grown, missing, symlink, noEmptyDirectory, directory, unreadable
    }

    @Test("in another boot what is not as it was published is lost, whatever the damage", arguments: Damage.allCases)
    func otherBootDamaged(damage: Damage) async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.eight, content, on: bench.volume(boot: "boot before"), sync: .after)
            let file = bench.base.appending("8/a")
            let bytes = content.files[0].bytes
            var rule: @Sendable (FileCall) -> ProbeVerdict = { _ in .proceed }
            switch damage {
            case .zeros: try write([UInt8](repeating: 0, count: bytes.count), to: file)
            case .flipped: try write(bytes.dropLast() + [0], to: file)
            case .cut: try write(Array(bytes.dropLast()), to: file)
            case .emptied: try write([], to: file)
            case .grown: try write(bytes + [0], to: file)
            case .missing: try bench.fileSystem.removeFile(file)
            case .symlink:
                try write(bytes, to: directory.appending("elsewhere"))
                try bench.fileSystem.removeFile(file)
                try makeSymlink(file, to: directory.appending("elsewhere").string)
            case .noEmptyDirectory: try bench.fileSystem.removeDirectory(bench.base.appending("8/e"))
            case .directory:
                try bench.fileSystem.removeTree(bench.base.appending("8/d"))
                try write([], to: bench.base.appending("8/d"))
            case .unreadable:
                rule = { $0.operation == .read && $0.path.string.hasSuffix("/8/a") ? .fail(.ioError) : .proceed }
            }
            let outcome = try bench.volume(Probe { [rule] _, call in rule(call) }).sync("m", .eight, bytesAtOnce: 1_500) { false }
            guard case .lost(let reason) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(!reason.isEmpty && !reason.contains("\n"))
            #expect(try summary(bench)?.isSynced == false, "nothing is changed by looking")
        }
    }

    @Test("where a sync fails the data is lost; where something else does, it is tried again")
    func failures() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.eight, content, sync: .after)
            for operation in [FileOperation.fsync, .writeback] {
                let isHit = Lock(0)
                var number = 1
                while true {
                    let failing = number
                    isHit.withLock { $0 = 0 }
                    let probe = Probe { _, call in
                        guard call.operation == operation else { return .proceed }
                        return isHit.withLock { count in
                            count += 1
                            return count == failing ? .fail(.noSpace) : .proceed
                        }
                    }
                    let outcome = try bench.volume(probe).sync("m", .eight, bytesAtOnce: 1_500) { false }
                    if isHit.withLock({ $0 }) < number { break }
                    guard case .lost = outcome else {
                        Issue.record("\(operation) \(number): \(outcome)")
                        break
                    }
                    number += 1
                }
                #expect(number > 2, "\(operation)")
            }
            let busy = Probe { _, call in
                call.operation == .open && call.path.string.hasSuffix("/8/a") ? .fail(.tooManyOpenFiles) : .proceed
            }
            #expect(throws: VolumeError.self) { try bench.volume(busy).sync("m", .eight, bytesAtOnce: 1_500) { false } }
            // Where ranges are not known, the sync at the end says all.
            let noRanges = Probe { _, call in call.operation == .writeback ? .fail(.noFunction) : .proceed }
            #expect(try bench.volume(noRanges).sync("m", .eight, bytesAtOnce: 1_500) { false } == .synced)
        }
    }

    @Test("told to stop it stops between pieces, and has changed nothing", arguments: ["this boot", "boot before"])
    func stops(boot: String) async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.eight, content, on: bench.volume(boot: boot), sync: .after)
            for patience in 0... {
                let asked = Lock(0)
                let probe = Probe()
                let outcome = try bench.volume(probe).sync("m", .eight, bytesAtOnce: 1_500) {
                    asked.withLock { asked in
                        asked += 1
                        return asked > patience
                    }
                }
                if outcome == .synced {
                    #expect(patience >= (boot == "this boot" ? 4 : 6), "it asks often")
                    return
                }
                #expect(outcome == .stopped)
                #expect(probe.trace([.write, .rename, .unlink], below: directory) == [])
                #expect(try summary(bench)?.unsyncedBoot == boot)
            }
        }
    }

    @Test("a manifest that a power loss cut, emptied or took is none: its version is somebody else's until it was compared")
    func manifestLost() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.eight, content, on: bench.volume(boot: "boot before"), sync: .after)
            let path = bench.layout.state.appending("manifests/m/8.json")
            let whole = try read(path)
            for left in [whole.count - 1, whole.count / 2, 0] {
                try write(Array(whole[..<left]), to: path)
                let volume = bench.volume()
                try volume.recover(models: ["m"])
                #expect(try volume.inventory("m")[.eight]?.kind == .unknownDirectory)
            }
            try bench.fileSystem.removeFile(path)
            #expect(try bench.volume().inventory("m")[.eight]?.kind == .unknownDirectory)
            // And where the rename is what was lost, the manifest vouches for nothing.
            try write(whole, to: path)
            try bench.fileSystem.removeTree(bench.base.appending("8"))
            try bench.volume().recover(models: ["m"])
            #expect(try bench.state("manifests/m") == [])
        }
    }
}

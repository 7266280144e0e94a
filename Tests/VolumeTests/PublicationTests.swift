import FileIO
import Glibc
import Servables
import SystemPackage
import Testing

@testable import Volume

@Suite("Publishing and pruning")
struct PublicationTests {
    private let content = Content.some(8)

    @Test("a published version is exactly what was listed, with modes by call and the setgid bit that is inherited")
    func endState() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory, prepared: false)
            try bench.fileSystem.makeDirectory(bench.layout.root, mode: 0o2775)
            let volume = bench.volume(settings: VolumeSettings(fileMode: 0o664, directoryMode: 0o775))
            try volume.prepare()
            try volume.ensureBasePath("m")
            try bench.publish(.eight, content, on: volume)

            let place = bench.base.appending("8")
            #expect(try bench.differences(place, content) == [])
            for path in ["", "variables", "assets", "assets/deep", "assets.extra"] {
                #expect(try bench.fileSystem.status(place.pushing(FilePath(path)))?.mode == 0o2775, "\(path)")
            }
            for file in content.files {
                #expect(try bench.fileSystem.status(place.appending(file.path))?.mode == 0o664, "\(file.path)")
            }
            try volume.sweep()
            #expect(try bench.state("staging") == [] && bench.state("trash") == [] && bench.state("manifests/m") == ["8.json"])
            #expect(try bench.fileSystem.list(bench.base) == ["8"])

            let summary = try #require(try bench.volume().inventory("m")[.eight]?.manifest)
            #expect(
                summary
                    == ManifestSummary(
                        files: 4, bytes: content.bytes, publishedAt: StoppedTime().now(), newest: content.table.newest,
                        verified: [.md5: 4]))
        }
    }

    @Test("modes are those of the setting at publication, also of what another setting staged")
    func changedModes() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.fetch(bench.stage(.eight, content, on: bench.volume()), content)
            let volume = bench.volume(settings: VolumeSettings(fileMode: 0o640, directoryMode: 0o750))
            #expect(try bench.fetch(bench.stage(.eight, content, on: volume), content) == [:])
            try bench.publish(.eight, content, on: volume)
            #expect(try bench.fileSystem.status(bench.base.appending("8/variables"))?.mode == 0o750)
            #expect(try bench.fileSystem.status(bench.base.appending("8"))?.mode == 0o750)
            #expect(try bench.fileSystem.status(bench.base.appending("8/saved_model.pb"))?.mode == 0o640)
        }
    }

    @Test("files are synced before directories, those before the manifest, that before the one rename, and last the base path")
    func order() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let probe = Probe()
            let volume = bench.volume(probe)
            let staged = try bench.stage(.eight, content, on: volume)
            try bench.fetch(staged, content)
            let before = probe.trace([.fsync, .rename, .mkdir], below: directory).count
            try volume.publish(staged)
            let tree = "models/.aspired/staging/m/8/tree"
            #expect(
                Array(probe.trace([.fsync, .rename, .mkdir], below: directory)[before...]) == [
                    "fsync \(tree)/saved_model.pb",
                    "fsync \(tree)/variables/variables.data-00000-of-00001",
                    "fsync \(tree)/variables/variables.index",
                    "fsync \(tree)/assets/deep/vocab.txt",
                    "fsync \(tree)/assets.extra",
                    "fsync \(tree)/assets/deep",
                    "fsync \(tree)/assets",
                    "fsync \(tree)/variables",
                    "fsync \(tree)",
                    "mkdir models/.aspired/manifests",
                    "fsync models/.aspired",
                    "mkdir models/.aspired/manifests/m",
                    "fsync models/.aspired/manifests",
                    "fsync models/.aspired/manifests/m/8.json.new",
                    "rename models/.aspired/manifests/m/8.json.new > models/.aspired/manifests/m/8.json",
                    "fsync models/.aspired/manifests/m",
                    "rename \(tree) > models/m/8",
                    "fsync models/m",
                    "mkdir models/.aspired/trash",
                    "rename models/.aspired/staging/m/8 > models/.aspired/trash/m-8-staged.1",
                ])
        }
    }

    @Test(
        "of a version of many files all are synced before the first directory, each once; where one cannot be, nothing is published"
    )
    func manyFiles() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            var many = Content(files: [])
            for number in 0..<200 { many.files.append(("d\(number % 3)/f\(number)", [UInt8(number)], "\"t\(number)\"")) }
            let probe = Probe()
            let volume = bench.volume(probe)
            let staged = try bench.stage(.eight, many, on: volume)
            try bench.fetch(staged, many)
            let before = probe.trace([.fsync], below: directory).count
            try volume.publish(staged)
            let synced = probe.trace([.fsync], below: directory)[before...].map { $0 }
            #expect(synced.prefix(200).allSatisfy { $0.contains("/tree/d") && $0.contains("/f") })
            #expect(Set(synced.prefix(200)).count == 200)
            #expect(!synced.dropFirst(200).contains { $0.contains("/f") })

            let failing = Probe { _, call in
                call.operation == .fsync && call.path.lastComponent == "f150" ? .fail(.ioError) : .proceed
            }
            let other = bench.volume(failing)
            let again = try bench.stage(Version(number: 9), many, on: other)
            try bench.fetch(again, many)
            #expect(throws: VolumeError.self) { try other.publish(again) }
            #expect(try bench.volume().inventory("m").staged == [], "what could not be synced is fetched anew")
        }
    }

    @Test("publishing and pruning are one rename each into and out of the base path, and nothing else touches it")
    func oneRename() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let probe = Probe()
            let volume = bench.volume(probe)
            try bench.publish(.eight, content, on: volume)
            try volume.setReleased("m", .eight, at: StoppedTime().now())
            try volume.prune("m", .eight)
            try volume.sweep()
            let changing: Set<FileOperation> = [.rename, .mkdir, .unlink, .rmdir, .chmod, .truncate, .write, .fallocate]
            #expect(
                probe.trace(changing, below: directory).filter { $0.contains("models/m") } == [
                    "rename models/.aspired/staging/m/8/tree > models/m/8", "rename models/m/8 > models/.aspired/trash/m-8.2",
                ])
            #expect(try bench.fileSystem.list(bench.base) == [])
            #expect(try bench.state("manifests/m") == [] && bench.state("trash") == [])
        }
    }

    @Test("a pruned version is out durably before its manifest goes, which would make it foreign")
    func pruneOrder() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.eight, content)
            try bench.volume().sweep()
            let probe = Probe()
            try bench.volume(probe).prune("m", .eight)
            #expect(
                probe.trace([.rename, .fsync, .unlink], below: directory) == [
                    "rename models/m/8 > models/.aspired/trash/m-8.1", "fsync models/m",
                    "unlink models/.aspired/manifests/m/8.json",
                ])
        }
    }

    @Test("publication replaces nothing, and what is there does not pass for ours afterwards")
    func occupied() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let volume = bench.volume()
            let staged = try bench.stage(.eight, content, on: volume)
            try bench.fetch(staged, content)
            try bench.fileSystem.makeDirectory(bench.base.appending("8"), mode: 0o755)
            #expect(throws: VolumeError.occupied(bench.base.appending("8"))) { try volume.publish(staged) }
            #expect(try bench.fileSystem.list(bench.base.appending("8")) == [])
            #expect(try bench.volume().inventory("m")[.eight]?.kind == .unknownDirectory)
            try bench.fileSystem.removeTree(bench.base.appending("8"))
            try volume.publish(staged)
            #expect(try bench.differences(bench.base.appending("8"), content) == [])

            // Nor a version of ours.
            let again = try bench.stage(.eight, .some(9), on: volume)
            try bench.fetch(again, .some(9))
            #expect(throws: VolumeError.occupied(bench.base.appending("8"))) { try volume.publish(again) }
            #expect(try bench.published() == [.eight])
            #expect(try bench.differences(bench.base.appending("8"), content) == [])
        }
    }

    @Test("something that comes into the place at the last instant is left alone, and is not taken for ours")
    func occupiedLate() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let target = bench.base.appending("8")
            let volume = bench.volume(
                Probe { _, call in
                    if call.operation == .rename, call.target == target { mkdir(target.string, 0o755) }
                    return .proceed
                })
            let staged = try bench.stage(.eight, content, on: volume)
            try bench.fetch(staged, content)
            #expect(throws: VolumeError.occupied(target)) { try volume.publish(staged) }
            #expect(try bench.volume().inventory("m")[.eight]?.kind == .unknownDirectory)
        }
    }

    @Test("what is not whole is not published")
    func incomplete() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let volume = bench.volume()
            let staged = try bench.stage(.eight, content, on: volume)
            for index in staged.incomplete.dropLast() {
                let file = try staged.open(index)
                for range in file.missing { try bench.write(content.files[index].bytes, range, into: file) }
                try staged.complete(index, Verification(crc64nvme: checksum(content.files[index].bytes), method: .md5))
            }
            #expect(throws: VolumeError.incomplete(bench.base.appending("8"), reason: "assets/deep/vocab.txt is not whole")) {
                try volume.publish(staged)
            }
            #expect(try bench.fileSystem.list(bench.base) == [] && bench.state("manifests/m") == [])
        }
    }

    @Test(
        "a tree that is not what was listed is not published, and the next attempt mends it",
        arguments: [
            "extra file", "extra directory", "missing file", "missing empty file", "missing directory", "longer file", "symlink",
        ])
    func inexactTree(fault: String) async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let volume = bench.volume()
            let staged = try bench.stage(.eight, content, on: volume)
            try bench.fetch(staged, content)
            let tree = bench.layout.state.appending("staging/m/8/tree")
            let file = tree.appending("saved_model.pb")
            switch fault {
            case "extra file": try write([1], to: tree.appending("variables/extra"))
            case "extra directory": try bench.fileSystem.makeDirectory(tree.appending("extra"), mode: 0o755)
            case "missing file": try bench.fileSystem.removeFile(file)
            case "missing empty file": try bench.fileSystem.removeFile(tree.appending("variables/variables.index"))
            case "missing directory": try bench.fileSystem.removeDirectory(tree.appending("assets.extra"))
            case "longer file": try write(content.files[0].bytes + [0], to: file)
            default:
                try bench.fileSystem.renameReplacing(file, directory.appending("away"))
                try makeSymlink(file, to: directory.appending("away").string)
            }
            #expect(throws: VolumeError.incomplete(bench.base.appending("8"), reason: "the staged tree is not what was listed")) {
                try volume.publish(staged)
            }
            #expect(try bench.fileSystem.list(bench.base) == [] && bench.state("manifests/m") == [])
            try bench.publish(.eight, content)
            #expect(try bench.differences(bench.base.appending("8"), content) == [])
        }
    }

    @Test("after a sync that failed, what was staged is thrown away and fetched anew, never synced again")
    func failedSync() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            for number in 1... {
                let count = Lock(0)
                let volume = bench.volume(
                    Probe { _, call in
                        guard call.operation == .fsync else { return .proceed }
                        return count.withLock { count in
                            count += 1
                            return count == number ? .fail(.ioError) : .proceed
                        }
                    })
                let staged = try bench.stage(.eight, content, on: volume)
                try bench.fetch(staged, content)
                do throws(VolumeError) {
                    try volume.publish(staged)
                    #expect(number > 12, "each file, each directory, the manifest, its directory, the base path")
                    return
                } catch {
                    #expect(error.failure.kind == .volume)
                }
                #expect(try bench.fileSystem.list(bench.base) == [] && bench.state("manifests/m") == [])
                let next = try bench.stage(.eight, content, on: bench.volume())
                #expect(next.stagedBytes == 0 && next.incomplete.count == 4)
                try volume.discard("m", .eight)
                try volume.sweep()
            }
        }
    }

    @Test("a base path that was gone comes back by one rename, with its version in it, and knows no others")
    func bringingBack() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.seven, .some(7))
            try bench.fileSystem.removeTree(bench.base)
            let (probe, sawEmpty) = (Probe(), Lock(false))
            let base = bench.base
            let watching = Probe { _, call in
                _ = probe.willMake(call)
                var names: Int?
                if let open = opendir(base.string) {
                    names = 0
                    while let entry = readdir(open) { if entry.pointee.d_name.0 != 46 { names = (names ?? 0) + 1 } }
                    closedir(open)
                }
                if names == 0 { sawEmpty.withLock { $0 = true } }
                return .proceed
            }
            let volume = bench.volume(watching)
            let staged = try bench.stage(.eight, content, on: volume)
            try bench.fetch(staged, content)
            try volume.publish(staged)
            #expect(!sawEmpty.withLock { $0 })
            let place = "models/.aspired/staging/m/8"
            #expect(
                probe.trace([.fsync, .rename], below: directory).suffix(5) == [
                    "rename \(place)/tree > \(place)/base/8", "fsync \(place)/base", "rename \(place)/base > models/m",
                    "fsync models",
                    "rename \(place) > models/.aspired/trash/m-8-staged.1",
                ])
            #expect(try bench.fileSystem.status(base)?.mode == 0o755)
            #expect(try bench.differences(base.appending("8"), content) == [])
            #expect(try bench.published() == [.eight] && bench.state("manifests/m") == ["8.json"])
        }
    }

    @Test("names that only differ in how a letter is composed are two files")
    func composedNames() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            var twins = Content(files: [], emptyDirectories: [])
            for (number, name) in ["caf\u{e9}", "cafe\u{301}"].enumerated() {
                for path in [name, "d\(name)/f"] {
                    twins.files.append((path, [UInt8](repeating: UInt8(number), count: 9), "\"same\""))
                }
            }
            try bench.fetch(bench.stage(.eight, twins, on: bench.volume()), twins)
            try bench.publish(.eight, twins)
            for file in twins.files { #expect(try read(bench.base.appending("8").appending(file.path)) == file.bytes) }
            #expect(try bench.volume().read("m", .eight, as: twins.table)?.count == 4)
        }
    }

    @Test("a deep path is published, read and pruned on a thread with a small stack")
    func deepPath() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let path = String(repeating: "d/", count: 30) + "f"
            #expect(PathRules.fault(of: path) == nil)
            let deep = Content(files: [(path, [1, 2, 3], "\"t\"")])
            let volume = bench.volume()
            let worker = WorkerThread(name: "volume")
            let outcome: Result<Bool, any Error> = await worker.run {
                Result {
                    try bench.fetch(bench.stage(.eight, deep, on: volume), deep)
                    try bench.publish(.eight, deep, on: volume)
                    let isRead = try volume.read("m", .eight, as: deep.table) != nil
                    try volume.prune("m", .eight)
                    try volume.sweep()
                    return isRead
                }
            }
            #expect(try outcome.get())
            #expect(try bench.state("trash") == [])
        }
    }

    @Test(
        "paths that would leave the version are refused, and nothing is made",
        arguments: ["../x", "/etc/x", "a//b", "a/../../x", "", "a\u{1}"])
    func unsafePath(path: String) async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            for unsafe in [Content(files: [(path, [], "")]), Content(files: [], emptyDirectories: [path])] {
                let error = #expect(throws: VolumeError.self) { try bench.stage(.eight, unsafe, on: bench.volume()) }
                guard case .unsafePath(path, _) = error else { throw error ?? VolumeError.notDirectory("nothing was thrown") }
            }
            #expect(try bench.state("staging") == [])
        }
    }

    @Test("a version of no file is a version")
    func noFiles() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.eight, Content(files: []))
            #expect(try bench.published() == [.eight])
        }
    }

    @Test("a directory that was there is read, compared by name and size, and adopted without being touched")
    func adoption() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.eight, content)
            try bench.fileSystem.removeFile(bench.layout.state.appending("manifests/m/8.json"))
            let volume = bench.volume()
            #expect(try volume.inventory("m")[.eight]?.kind == .unknownDirectory)
            let read = try #require(try volume.read("m", .eight, as: content.table))
            #expect(read == content.files.map { Verification(crc64nvme: checksum($0.bytes), method: .size) })
            let before = try bench.fileSystem.status(bench.base.appending("8"))
            try volume.adopt("m", .eight, table: content.table, source: Bench.source, verifications: read)
            #expect(try volume.inventory("m")[.eight]?.manifest?.verified == [.size: 4])
            #expect(try bench.fileSystem.status(bench.base.appending("8")) == before)
            #expect(try bench.volume().manifests.header("m", .eight)?.isAdopted == true)

            try write([1], to: bench.base.appending("8/extra"))
            #expect(try volume.read("m", .eight, as: content.table) == nil)
            try bench.fileSystem.removeFile(bench.base.appending("8/extra"))
            try write([1], to: bench.base.appending("8/assets/deep/vocab.txt"))
            #expect(try volume.read("m", .eight, as: content.table) == nil)
        }
    }

    @Test("since when a version is no longer aspired is kept with it, and taken back")
    func released() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.eight, content)
            let volume = bench.volume()
            for time in [StoppedTime().now(), nil, StoppedTime().now()] {
                try volume.setReleased("m", .eight, at: time)
                for volume in [volume, bench.volume()] {
                    let summary = try volume.inventory("m")[.eight]?.manifest
                    #expect(summary?.releasedAt == time && summary?.files == 4 && summary?.verified == [.md5: 4])
                }
            }
            try volume.setReleased("m", .nine, at: nil)
            #expect(try bench.state("manifests/m") == ["8.json"])
        }
    }

    @Test("pruning a symlink takes the link, never what it points to")
    func pruneSymlink() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try write([1], to: directory.appending("outside"))
            try makeSymlink(bench.base.appending("8"), to: directory.string)
            try bench.volume().prune("m", .eight)
            try bench.volume().sweep()
            #expect(try read(directory.appending("outside")) == [1])
            #expect(try bench.fileSystem.list(bench.base) == [])
        }
    }
}

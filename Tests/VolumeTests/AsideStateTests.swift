import FileIO
import Servables
import SystemPackage
import Testing

@testable import Volume

@Suite("What lies aside, seen by the rest of the volume")
struct AsideStateTests {
    private let content = Content.some(8)

    @Test("what lies aside is listed by its number, highest first, and only with a manifest")
    func inventory() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let volume = bench.volume()
            for (seed, name) in ["1", "2", "0003", "4", "05", "6"].enumerated() {
                try bench.publish(#require(Version(name)), .some(seed))
            }
            for name in ["2", "0003"] { try volume.park("m", #require(Version(name))) }
            for name in ["4", "05", "6"] { try volume.refuse("m", #require(Version(name)), reason: name) }
            for path in ["parked/m/9", "refused/m/9", "refused/m/9.given-up", "parked/m/1.given-up", "parked/m/x", "parked/n/9"] {
                for directory in [FilePath(path).removingLastComponent(), FilePath(path)] {
                    try bench.fileSystem.makeDirectory(bench.layout.state.pushing(directory), mode: 0o755)
                }
            }
            try write([], to: bench.layout.state.appending("manifests/m/9.json"))
            for volume in [volume, bench.volume()] {
                let inventory = try volume.inventory("m")
                #expect(inventory.entries.map(\.version.name) == ["1"])
                #expect(inventory.parked.map(\.version.name) == ["0003", "2"])
                #expect(inventory.parked.allSatisfy { $0.manifest?.files == 4 })
                #expect(inventory.refused.map(\.version.name) == ["6", "05", "4"])
                #expect(inventory.refused.map(\.refusal.reason) == ["6", "05", "4"])
            }
            // A base path that is gone hides nothing of that.
            try bench.fileSystem.renameReplacing(bench.base, directory.appending("away"))
            let inventory = try volume.inventory("m")
            #expect(!inventory.hasBasePath && inventory.parked.count == 2 && inventory.refused.count == 3)
            #expect(try volume.modelNames() == ["m"] && volume.knownModels() == ["m"])
        }
    }

    @Test("where nothing lies aside a look costs one call for each of both, where it does no manifest is read twice")
    func cost() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.seven, .some(7))
            try bench.publish(.eight, content)
            let probe = Probe()
            let volume = bench.volume(probe)
            _ = try volume.inventory("m")
            let aside = ["parked", "refused"].map { "stat models/.aspired/\($0)" }
            let all = Set(FileOperation.allCases)
            #expect(probe.trace(all, below: directory).filter { $0.contains("parked") || $0.contains("refused") } == aside)
            try volume.park("m", .eight)
            _ = try volume.inventory("m")
            let count = probe.trace([.open], below: directory).filter { $0.contains("json") }.count
            _ = try volume.inventory("m")
            #expect(probe.trace([.open], below: directory).filter { $0.contains("json") }.count == count)
        }
    }

    @Test("recovery keeps what lies aside with its manifest, and moves away what has none")
    func recovery() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let volume = bench.volume()
            for number: Int64 in 1...9 { try bench.publish(Version(number: number), .some(Int(number))) }
            for number: Int64 in [2, 3] { try volume.park("m", Version(number: number)) }
            for number: Int64 in [4, 5, 6] { try volume.refuse("m", Version(number: number), reason: "r") }
            #expect(try volume.giveUpRefused().count == 3)
            for number: Int64 in [7, 8] { try volume.refuse("m", Version(number: number), reason: "r") }
            try volume.sweep()
            let state = bench.layout.state
            // Manifests that are damaged or gone; one left of a version that was refused once, and then pruned.
            for name in ["3", "8"] { try write([1], to: state.appending("manifests/m/\(name).json")) }
            try bench.fileSystem.removeFile(state.appending("manifests/m/5.json"))
            try bench.fileSystem.removeTree(state.appending("refused/m/6.given-up"))
            for path in ["parked/n", "parked/o", "parked/o/1", "refused/m/x"] {
                try bench.fileSystem.makeDirectory(state.appending(path), mode: 0o755)
            }
            try write([], to: state.appending("parked/m/file"))
            try write([1], to: state.appending("refused/m/4.given-up/left"))
            try bench.volume().recover(models: ["m"])

            #expect(try bench.state("parked") == ["m"] && bench.state("parked/m") == ["2"])
            #expect(try bench.state("refused") == ["m"] && bench.state("refused/m") == ["4.given-up", "7"])
            #expect(try bench.state("refused/m/4.given-up") == [])
            #expect(try bench.state("manifests/m") == ["1.json", "2.json", "4.json", "7.json", "9.json"])
            let inventory = try bench.volume().inventory("m")
            #expect(inventory.parked.map(\.version.number) == [2] && inventory.refused.map(\.version.number) == [7, 4])
            #expect(inventory.refused.map(\.isKept) == [true, false])
            #expect(try bench.volume().sweep() == 7)
            #expect(try bench.differences(state.appending("parked/m/2"), .some(2)) == [])
            #expect(try bench.differences(state.appending("refused/m/7"), .some(7)) == [])

            try volume.unpark("m", Version(number: 2))
            for number: Int64 in [4, 7] { try volume.forget("m", refused: Version(number: number)) }
            try volume.recover(models: ["m"])
            #expect(try bench.state("").filter { ["parked", "refused"].contains($0) } == [])
        }
    }

    @Test("a base path that is gone and held only what lies aside is made anew: nothing is unloaded with that")
    func goneBasePath() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.seven, .some(7))
            try bench.publish(.eight, content)
            let volume = bench.volume()
            try volume.park("m", .eight)
            try volume.refuse("m", .seven, reason: "")
            try bench.fileSystem.removeDirectory(bench.base)
            try volume.recover(models: ["m"])
            try volume.ensureBasePath("m")
            #expect(try isPresent(bench.base))
            #expect(try volume.inventory("m").parked.count == 1 && volume.inventory("m").refused.count == 1)

            // Also where a version that is fetched anew comes first.
            try bench.fileSystem.removeDirectory(bench.base)
            try bench.publish(.nine, .some(9))
            #expect(try bench.published() == [.nine] && bench.state("manifests/m") == ["7.json", "8.json", "9.json"])
        }
    }

    @Test("the bound of the volume counts what lies aside, once")
    func space() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.seven, .some(7))
            try bench.publish(.eight, content)
            let settings = VolumeSettings(maxVolume: 20_000)
            try bench.volume().sweep()
            func left() throws -> Int64? {
                do {
                    let large = Content(files: [("f", [UInt8](repeating: 1, count: 20_001), "\"f\"")])
                    _ = try bench.stage(.nine, large, on: bench.volume(settings: settings))
                } catch VolumeError.noSpace(let lack) where lack.bound == .maxVolume { return lack.available }
                return nil
            }
            let before = try left()
            #expect(before == 20_000 - Content.some(7).bytes - content.bytes)
            try bench.volume().park("m", .eight)
            #expect(try left() == before)
            try bench.volume().refuse("m", .seven, reason: "")
            #expect(try left() == before)
            #expect(try bench.volume().giveUpRefused().map(\.bytes) == [Content.some(7).bytes])
            try bench.volume().sweep()
            #expect(try left() == 20_000 - content.bytes)
        }
    }

    @Test("a file that a version shares which lies aside is known to be untouched after the other went")
    func sharedFiles() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.seven, content)
            let rules = ReuseRules(mode: .hardlink, acceptsUnverified: true) { (entry, _) in entry.tag }
            let volume = bench.volume()
            let staged = try volume.stage("m", .eight, table: content.table, source: Bench.source, reuse: rules)
            try bench.fetch(staged, content)
            try volume.publish(staged)
            #expect(try bench.fileSystem.status(bench.base.appending("8/saved_model.pb"))?.links == 2)
            try volume.park("m", .eight)
            #expect(try volume.reusable("m", content.table, source: Bench.source, rules).files == 4, "7 has them")
            try volume.prune("m", .seven)
            try volume.sweep()
            #expect(try volume.reusable("m", content.table, source: Bench.source, rules).files == 0)
            try volume.unpark("m", .eight)
            let next = try volume.stage("m", .nine, table: content.table, source: Bench.source, reuse: rules)
            #expect(next.incomplete == [], "nothing is fetched, and nothing read")
        }
    }

    @Test("a version that was published unsynced and lies aside is synced where it is, and its refusal stays with it")
    func lateSync() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.eight, content, sync: .after)
            let volume = bench.volume(boot: "next boot")
            try volume.refuse("m", .eight, reason: "words")
            #expect(try volume.sync("m", .eight, isStopped: { false }) == .synced)
            try volume.noteSynced("m", .eight)
            let found = try #require(try volume.published("m", .eight))
            try volume.restate(
                "m", .eight, table: found.table, source: "s3://other/m", verifications: found.verifications)
            let refused = try #require(try bench.volume().inventory("m").refused.first)
            #expect(refused.manifest.isSynced && refused.refusal.reason == "words" && refused.refusal.count == 1)
        }
    }

    @Test("symlinks and files in the place of what lies aside are moved away, and never followed", arguments: Aside.allCases)
    fileprivate func symlinks(aside: Aside) async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let outside = directory.appending("outside")
            for path in [outside, outside.appending("m"), outside.appending("m/8")] {
                try bench.fileSystem.makeDirectory(path, mode: 0o755)
            }
            try write([1], to: outside.appending("m/8/precious"))
            for path in ["", "/m", "/m/8"] {
                try bench.publish(.eight, content)
                let top = bench.layout.state.appending("\(aside)")
                try bench.fileSystem.removeTree(top)
                for parent in ["", "/m"] where parent < path {
                    try bench.fileSystem.makeDirectory(FilePath(top.string + parent), mode: 0o755)
                }
                let link = FilePath(top.string + path)
                try makeSymlink(link, to: outside.string + path)
                let volume = bench.volume()
                #expect(try volume.inventory("m").published.map(\.version) == [.eight])
                #expect(try volume.inventory("m").parked == [] && volume.inventory("m").refused == [])
                #expect(try volume.giveUpRefused() == [])
                if aside == .parked { try volume.park("m", .eight) } else { try volume.refuse("m", .eight, reason: "") }
                #expect(try bench.fileSystem.status(link)?.kind == .directory, "\(link)")
                #expect(try bench.differences(top.appending("m/8"), content) == [])

                try bench.fileSystem.removeTree(link)
                try makeSymlink(link, to: outside.string + path)
                #expect(throws: VolumeError.self) {
                    if aside == .parked { try volume.unpark("m", .eight) } else { try volume.readmit("m", .eight) }
                }
                try volume.forget("m", refused: .eight)
                try volume.recover(models: ["m"])
                try volume.sweep()
                #expect(try bench.state("trash") == [] && bench.fileSystem.list(bench.base) == [])
                #expect(try snapshot(outside.string) == ["m": nil, "m/8": nil, "m/8/precious": [1]], "\(link)")
            }
        }
    }
}

import FileIO
import Glibc
import Servables
import SystemPackage
import Testing

@testable import Volume

@Suite("Versions that are set aside")
struct SetAsideTests {
    private let content = Content.some(8)
    private let changing: Set<FileOperation> = [.rename, .fsync, .mkdir, .unlink, .rmdir]

    /// A volume whose changes are recorded.
    private func recorded(_ bench: Bench, _ probe: Probe? = nil) -> (Volume, Lock<[BasePathChange]>) {
        let heard = Lock<[BasePathChange]>([])
        return (bench.volume(probe) { change in heard.withLock { $0.append(change) } }, heard)
    }

    private func change(_ action: BasePathChange.Action, _ bench: Bench) -> BasePathChange {
        BasePathChange(action, model: "m", version: .eight, directory: bench.base.appending("8").string)
    }

    @Test("parking is one rename out of the base path, synced where it went and where it was; unparking is one back")
    func parking() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.seven, .some(7))
            try bench.publish(.eight, content)
            let probe = Probe()
            let (volume, heard) = recorded(bench, probe)
            try volume.park("m", .eight)
            let parked = "models/.aspired/parked"
            #expect(
                probe.trace(changing, below: directory) == [
                    "mkdir \(parked)", "fsync models/.aspired", "mkdir \(parked)/m", "fsync \(parked)",
                    "rename models/m/8 > \(parked)/m/8", "fsync \(parked)/m", "fsync models/m",
                ])
            #expect(heard.withLock { $0 } == [change(.prune, bench)])
            #expect(try bench.differences(bench.layout.state.appending("parked/m/8"), content) == [])
            #expect(try bench.state("manifests/m") == ["7.json", "8.json"])
            let inventory = try bench.volume().inventory("m")
            #expect(inventory.entries.map(\.version) == [.seven] && inventory.parked.map(\.version) == [.eight])
            #expect(inventory.parked.first?.manifest?.files == 4 && inventory.refused == [])

            let count = probe.trace(changing, below: directory).count
            try volume.unpark("m", .eight)
            #expect(
                probe.trace(changing, below: directory).dropFirst(count) == [
                    "rename \(parked)/m/8 > models/m/8", "fsync models/m", "fsync \(parked)/m",
                ])
            #expect(heard.withLock { $0 } == [change(.prune, bench), change(.publish, bench)])
            #expect(try bench.published() == [.eight, .seven])
            #expect(try bench.differences(bench.base.appending("8"), content) == [])
            #expect(try bench.volume().inventory("m").parked == [])
        }
    }

    @Test("a refused version is out durably before its manifest says why; its count goes on when it was admitted again")
    func refusing() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.eight, content)
            let probe = Probe()
            let (volume, heard) = recorded(bench, probe)
            try volume.refuse("m", .eight, reason: "no such op:\r\n\tFoo\u{2028}" + String(repeating: "ü", count: 1_000))
            let refused = "models/.aspired/refused"
            #expect(
                probe.trace(changing, below: directory) == [
                    "mkdir \(refused)", "fsync models/.aspired", "mkdir \(refused)/m", "fsync \(refused)",
                    "rename models/m/8 > \(refused)/m/8", "fsync \(refused)/m", "fsync models/m",
                    "mkdir models/.aspired/manifests", "mkdir models/.aspired/manifests/m",
                    "unlink models/.aspired/manifests/m/8.json.new", "fsync models/.aspired/manifests/m/8.json.new",
                    "rename models/.aspired/manifests/m/8.json.new > models/.aspired/manifests/m/8.json",
                    "fsync models/.aspired/manifests/m",
                ])
            #expect(heard.withLock { $0 } == [change(.prune, bench)])
            for volume in [volume, bench.volume()] {
                let version = try #require(try volume.inventory("m").refused.first)
                #expect(version.version == .eight && version.isKept && version.manifest.files == 4)
                #expect(version.refusal.count == 1 && version.refusal.at == StoppedTime().now())
                #expect(version.refusal.reason.hasPrefix("no such op:   Foo ü"))
                #expect((999...1_000).contains(version.refusal.reason.utf8.count))
                #expect(try volume.inventory("m").entries == [] && volume.inventory("m").parked == [])
            }
            for count in 2...3 {
                try volume.readmit("m", .eight)
                #expect(try volume.inventory("m").refused == [], "what is in the base path is not refused")
                #expect(try bench.published() == [.eight])
                #expect(try bench.volume().inventory("m")[.eight]?.manifest?.refusal?.count == count - 1)
                try volume.refuse("m", .eight, reason: "again")
                #expect(try bench.volume().inventory("m").refused.map(\.refusal.count) == [count])
            }
            #expect(try bench.differences(bench.layout.state.appending("refused/m/8"), content) == [])
        }
    }

    @Test("killed between the rename and the note, a version is refused for no known reason, and the same at each look")
    func killedBeforeNote() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.eight, content)
            let volume = bench.volume(
                Probe { _, call in call.path.string.hasSuffix(".json.new") ? .fail(.noSpace) : .proceed })
            #expect(throws: VolumeError.self) { try volume.refuse("m", .eight, reason: "words") }
            let found = try bench.volume().inventory("m").refused
            #expect(found.map(\.refusal.reason) == [""] && found.map(\.refusal.count) == [1] && found.map(\.isKept) == [true])
            try bench.volume().recover(models: ["m"])
            #expect(try bench.volume().inventory("m").refused == found)
            try bench.volume().refuse("m", .eight, reason: "words")
            try bench.volume().refuse("m", .eight, reason: "words")
            #expect(try bench.volume().inventory("m").refused.map(\.refusal.reason) == ["words"])
            #expect(try bench.volume().inventory("m").refused.map(\.refusal.count) == [1])
        }
    }

    @Test("only what a manifest of ours covers is taken out")
    func notOurs() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let volume = bench.volume()
            try bench.fileSystem.makeDirectory(bench.base.appending("7"), mode: 0o755)
            try bench.publish(.eight, content)
            try bench.fileSystem.removeTree(bench.base.appending("8"))
            try makeSymlink(bench.base.appending("8"), to: "7")
            for version in [Version.seven, .eight, .nine] {
                let error = VolumeError.notOurs(bench.base.appending(version.name))
                #expect(throws: error) { try volume.park("m", version) }
                #expect(throws: error) { try volume.refuse("m", version, reason: "") }
                #expect(throws: VolumeError.self) { try volume.unpark("m", version) }
                #expect(throws: VolumeError.self) { try volume.readmit("m", version) }
            }
            #expect(try bench.fileSystem.list(bench.base) == ["7", "8"])
            #expect(try bench.state("parked") == [] && bench.state("refused") == [])
        }
    }

    @Test(
        "what stands in the base path under the number of a version that lies aside is others', and stays",
        arguments: ["8", "08"])
    func occupied(name: String) async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.eight, content)
            try bench.volume().park("m", .eight)
            let other = bench.base.appending(name)
            try bench.fileSystem.makeDirectory(other, mode: 0o755)
            let volume = bench.volume()
            #expect(throws: VolumeError.occupied(other)) { try volume.unpark("m", .eight) }
            #expect(try bench.state("parked/m") == ["8"])
            let inventory = try bench.volume().inventory("m")
            #expect(inventory.entries.map(\.kind) == [.unknownDirectory] && inventory.parked == [])
            if name == "8" { #expect(throws: VolumeError.notOurs(other)) { try volume.park("m", .eight) } }
            try volume.recover(models: ["m"])
            #expect(try volume.inventory("m") == inventory)
            // Even where it is pruned as foreign.
            try volume.prune("m", #require(Version(name)))
            #expect(try volume.inventory("m").parked.map(\.version) == [.eight])
            try volume.unpark("m", .eight)
            #expect(try bench.differences(bench.base.appending("8"), content) == [])
        }
    }

    @Test("a version of ours that others put a copy of into the base path is read and adopted, and lies aside no more")
    func adoptedCopy() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.eight, content)
            try bench.volume().refuse("m", .eight, reason: "words")
            try copyTree(bench.layout.state.appending("refused/m/8").string, to: bench.base.appending("8").string)
            let volume = bench.volume()
            let found = try #require(try volume.read("m", .eight, as: content.table))
            try volume.adopt("m", .eight, table: content.table, source: Bench.source, verifications: found)
            let inventory = try volume.inventory("m")
            #expect(inventory.published.map(\.version) == [.eight] && inventory.refused == [])
            #expect(inventory[.eight]?.manifest?.refusal == nil)
            #expect(try bench.state("refused/m") == [])
        }
    }

    @Test("a version comes back together with a base path that is gone, which is never seen empty", arguments: Aside.allCases)
    fileprivate func bringingBack(aside: Aside) async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            for (version, seed) in [(Version.seven, 7), (.eight, 8), (.nine, 9)] { try bench.publish(version, .some(seed)) }
            try bench.volume().park("m", .nine)
            switch aside {
            case .parked: try bench.volume().park("m", .eight)
            case .refused: try bench.volume().refuse("m", .eight, reason: "")
            }
            try bench.fileSystem.removeTree(bench.base)
            let probe = Probe()
            let (volume, heard) = recorded(bench, probe)
            try volume.ensureBasePath("m")
            #expect(try !isPresent(bench.base), "it held 7")
            if aside == .parked { try volume.unpark("m", .eight) } else { try volume.readmit("m", .eight) }
            let place = "models/.aspired/\(aside)/m"
            #expect(
                probe.trace(changing, below: directory) == [
                    "mkdir \(place)/8.base", "fsync \(place)", "rename \(place)/8 > \(place)/8.base/8", "fsync \(place)/8.base",
                    "rename \(place)/8.base > models/m", "fsync models/m", "fsync models", "fsync \(place)",
                    "unlink models/.aspired/manifests/m/7.json", "rmdir models/.aspired/manifests/m",
                ])
            #expect(heard.withLock { $0 } == [change(.publish, bench)])
            #expect(try bench.fileSystem.list(bench.base) == ["8"] && bench.published() == [.eight])
            #expect(try bench.fileSystem.status(bench.base)?.mode == 0o755)
            #expect(try bench.state("manifests/m") == ["8.json", "9.json"], "7 went with its base path, 9 did not")
            #expect(try bench.volume().inventory("m").parked.map(\.version) == [.nine])
        }
    }

    @Test("where a version is back and that cannot be made durable, it stays, and the next attempt finishes")
    func unsyncedReturn() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.eight, content)
            try bench.volume().park("m", .eight)
            let base = bench.base
            let (volume, heard) = recorded(
                bench, Probe { _, call in call.operation == .fsync && call.path == base ? .fail(.ioError) : .proceed })
            #expect(throws: VolumeError.self) { try volume.unpark("m", .eight) }
            #expect(heard.withLock { $0 } == [change(.publish, bench)])
            #expect(try bench.published() == [.eight])
            try bench.volume().unpark("m", .eight)
            #expect(try bench.differences(bench.base.appending("8"), content) == [])
        }
    }
}

import FileIO
import Servables
import SystemPackage
import Testing

@testable import Volume

@Suite("Parked and refused versions that go, or are replaced")
struct RefusedTests {
    private let content = Content.some(8)

    /// Publishes 7, and 8, which is then refused.
    private func refused(_ bench: Bench) throws {
        try bench.publish(.seven, .some(7))
        try bench.publish(.eight, content)
        try bench.volume().refuse("m", .eight, reason: "words")
        try bench.volume().sweep()
    }

    @Test("a parked version is pruned by one rename to the trash, and nobody hears of it")
    func pruneParked() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.eight, content)
            try bench.volume().park("m", .eight)
            try bench.volume().sweep()
            let (probe, heard) = (Probe(), Lock(0))
            let volume = bench.volume(probe) { _ in heard.withLock { $0 += 1 } }
            try volume.prune("m", .eight)
            #expect(
                probe.trace([.rename, .fsync, .unlink], below: directory) == [
                    "rename models/.aspired/parked/m/8 > models/.aspired/trash/m-8.1", "fsync models/.aspired/parked/m",
                    "unlink models/.aspired/manifests/m/8.json",
                ])
            #expect(heard.withLock { $0 } == 0)
            #expect(try volume.inventory("m") == Inventory(hasBasePath: true, entries: [], staged: []))
        }
    }

    @Test("a refused version is forgotten with its files and its manifest; one that is not refused is left alone")
    func forget() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try refused(bench)
            let volume = bench.volume()
            try volume.forget("m", refused: .seven)
            #expect(try bench.published() == [.seven])
            try volume.forget("m", refused: .eight)
            #expect(try volume.inventory("m").refused == [] && bench.published() == [.seven])
            #expect(try bench.state("manifests/m") == ["7.json"] && bench.state("refused/m") == [])
            #expect(try volume.sweep() == 1)
        }
    }

    @Test("refused versions of all models are given up for their space, and stay known, as often as one looks")
    func giveUp() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try refused(bench)
            let probe = Probe()
            let volume = bench.volume(probe)
            try volume.ensureBasePath("n")
            let staged = try volume.stage("n", .nine, table: content.table, source: Bench.source)
            try bench.fetch(staged, content)
            try volume.publish(staged)
            try volume.refuse("n", .nine, reason: "others")
            let before = try ["m", "n"].map { try volume.inventory($0).refused }
            try volume.sweep()
            let count = probe.trace([.rename, .fsync, .mkdir, .write], below: directory).count
            let expected = [
                GivenUpVersion(model: "m", version: .eight, bytes: content.bytes),
                GivenUpVersion(model: "n", version: .nine, bytes: content.bytes),
            ]
            #expect(try volume.giveUpRefused() == expected)
            let made = probe.trace([.rename, .fsync, .mkdir, .write], below: directory).dropFirst(count)
            #expect(made.first == "rename models/.aspired/refused/m/8 > models/.aspired/refused/m/8.given-up")
            #expect(!made.contains { $0.hasPrefix("write") }, "it needs no space")
            for volume in [volume, bench.volume()] {
                for (model, before) in zip(["m", "n"], before) {
                    let after = try volume.inventory(model).refused
                    #expect(after.map(\.isKept) == [false])
                    #expect(after.map(\.refusal) == before.map(\.refusal) && after.map(\.manifest) == before.map(\.manifest))
                }
            }
            #expect(try volume.sweep() == 8)
            #expect(try snapshot(bench.layout.state.appending("refused").string).values.allSatisfy { $0 == nil })
            #expect(try volume.giveUpRefused() == [])
            try volume.recover(models: ["m", "n"])
            #expect(try volume.inventory("m").refused.map(\.isKept) == [false])
            #expect(throws: VolumeError.self) { try volume.readmit("m", .eight) }
            try volume.forget("m", refused: .eight)
            #expect(try volume.inventory("m").refused == [] && bench.state("manifests/m") == ["7.json"])
            try volume.recover(models: ["m", "n"])
            #expect(try bench.state("refused") == ["n"])
        }
    }

    @Test(
        "another content of a version replaces the one that lies aside, which is away before the new manifest is written",
        arguments: ["parked", "refused", "given up"], ["8", "008"])
    func publishOver(aside: String, name: String) async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.eight, content)
            switch aside {
            case "parked": try bench.volume().park("m", .eight)
            default: try bench.volume().refuse("m", .eight, reason: "words")
            }
            if aside == "given up" { #expect(try bench.volume().giveUpRefused().count == 1) }
            try bench.volume().sweep()
            let version = try #require(Version(name))
            let probe = Probe()
            let volume = bench.volume(probe)
            let staged = try bench.stage(version, .some(9), on: volume)
            try bench.fetch(staged, .some(9))
            #expect(try volume.inventory("m").parked.count + volume.inventory("m").refused.count == 1, "until it is visible")
            try volume.publish(staged)
            let place = "models/.aspired/\(aside == "parked" ? "parked" : "refused")/m"
            let old = "8\(aside == "given up" ? ".given-up" : "")"
            #expect(
                probe.trace([.rename, .unlink, .fsync], below: directory).drop { !$0.hasSuffix("8.json") }.filter {
                    !$0.contains(".new")
                } == [
                    "unlink models/.aspired/manifests/m/8.json",
                    "rename \(place)/\(old) > models/.aspired/trash/m-8.1", "fsync \(place)",
                    "fsync models/.aspired/manifests/m",
                    "rename models/.aspired/staging/m/\(name)/tree > models/m/\(name)", "fsync models/m",
                    "rename models/.aspired/staging/m/\(name) > models/.aspired/trash/m-\(name)-staged.2",
                ])
            let inventory = try bench.volume().inventory("m")
            #expect(inventory.parked == [] && inventory.refused == [] && inventory.published.map(\.version.name) == [name])
            #expect(inventory[version]?.manifest?.refusal == nil)
            #expect(try bench.differences(bench.base.appending(name), .some(9)) == [])
            #expect(try bench.state("manifests/m") == ["\(name).json"])
        }
    }

    @Test("a publication that fails before that leaves the refused version as it was")
    func failedPublication() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try refused(bench)
            let before = try bench.volume().inventory("m").refused
            let volume = bench.volume(
                Probe { _, call in
                    call.operation == .fsync && call.path.lastComponent == "variables" ? .fail(.ioError) : .proceed
                })
            let staged = try bench.stage(.eight, .some(9), on: volume)
            try bench.fetch(staged, .some(9))
            #expect(throws: VolumeError.self) { try volume.publish(staged) }
            #expect(try bench.volume().inventory("m").refused == before)
            try bench.volume().readmit("m", .eight)
            #expect(try bench.differences(bench.base.appending("8"), content) == [])
        }
    }

    @Test("a model that leaves takes along what lies aside, and base path and manifests with it")
    func retire() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            for (number, name) in ["5", "6", "7", "8", "9"].enumerated() {
                try bench.publish(#require(Version(name)), .some(number))
            }
            let volume = bench.volume()
            try volume.park("m", .nine)
            try volume.park("m", .eight)
            try volume.refuse("m", .seven, reason: "")
            #expect(try volume.giveUpRefused().count == 1)
            try volume.refuse("m", Version(number: 6), reason: "")
            try bench.fileSystem.makeDirectory(bench.layout.state.appending("parked/m/4"), mode: 0o755)
            var pruned: [String] = []
            #expect(try volume.retire("m", prunesForeign: false) { pruned.append($0.name) } == [])
            #expect(pruned == ["6", "8", "9", "5"])
            #expect(try !isPresent(bench.base))
            for path in ["parked", "refused", "manifests/m", "staging"] { #expect(try bench.state(path) == [], "\(path)") }
            try volume.recover(models: [])
            #expect(try bench.volume().knownModels() == [])
        }
    }
}

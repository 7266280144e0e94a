import FileIO
import Servables
import SystemPackage
import Testing

@testable import Volume

@Suite("Space")
struct SpaceTests {
    private func content(_ bytes: Int, files: Int = 1) -> Content {
        Content(files: (0..<files).map { ("f\($0)", [UInt8](repeating: UInt8($0 + 1), count: bytes), "\"\($0)\"") })
    }

    private struct Refusal: Equatable {
        let needed: Int64, available: Int64
        let bound: LackOfSpace.Bound
    }

    private func refusal(_ body: () throws -> Void) -> Refusal? {
        do {
            try body()
        } catch VolumeError.noSpace(let lack) {
            return Refusal(needed: lack.needed, available: lack.available, bound: lack.bound)
        } catch {
            Issue.record("\(error)")
        }
        return nil
    }

    @Test("a refusal says how much is needed, free and missing, and nothing is made")
    func keepFree() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let space = try bench.volume().space()
            for keepFree in [VolumeSettings.KeepFree.bytes(space.capacity), .percent(100)] {
                let volume = bench.volume(settings: VolumeSettings(keepFree: keepFree))
                let found = try #require(refusal { try bench.stage(.eight, .some(8), on: volume) })
                #expect(found.bound == .keepFree && found.available < 0)
                #expect(found.needed > Content.some(8).bytes && found.needed < Content.some(8).bytes + 100_000)
            }
            #expect(try bench.state("staging") == [] && bench.volume().inventory("m").staged == [])
            let message = VolumeError.noSpace(
                LackOfSpace(path: "/models", needed: 3 << 20, available: 1 << 20, bound: .keepFree)
            ).failure
                .message
            #expect(
                message.contains("3.0 MiB needed, 1.0 MiB free above --keep-free, 2.0 MiB missing")
                    || message.contains("3 MiB needed, 1 MiB free above --keep-free, 2 MiB missing"), "\(message)")
        }
    }

    @Test("which versions make room: no more than have to, without what they share with others; none where all are not enough")
    func roomMakers() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.seven, content(30_000))
            let shared = Content(files: [
                ("f0", [UInt8](repeating: 1, count: 30_000), "\"0\""), ("g", [UInt8](repeating: 9, count: 500), "\"g\""),
            ])
            try bench.publish(.eight, shared)
            let volume = bench.volume()
            func makers(_ bytes: Int64, _ versions: [Version]) throws -> [Version] {
                try volume.roomMakers(bytes, in: "m", among: versions)
            }
            #expect(try makers(30_000, [.seven, .eight]) == [.seven])
            #expect(try makers(30_001, [.seven, .eight]) == [.seven, .eight])
            #expect(try makers(500, [.eight, .seven]) == [.eight])
            #expect(try makers(60_501, [.seven, .eight]) == [] && makers(1, []) == [])
            // A name elsewhere: what it shares does not become free.
            let (file, name) = (bench.base.appending("7").appending("f0"), directory.appending("elsewhere"))
            try FileSystem().link(file, as: name)
            #expect(try makers(1, [.seven]) == [])
            try FileSystem().removeFile(name)
            try volume.park("m", .seven)
            #expect(try makers(30_000, [.seven]) == [.seven], "a parked one, too")
        }
    }

    @Test(
        "space for one file of a version alone, or for none, is had where all of it does not fit; what is shared is kept for later"
    )
    func onlySome() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let shared: (path: String, bytes: [UInt8], tag: String) = ("shared", [UInt8](repeating: 3, count: 4_000), "\"s\"")
            try bench.publish(.seven, Content(files: [shared, ("old", [UInt8](repeating: 1, count: 9_000), "\"o\"")]))
            let content = Content(files: [
                shared, ("small", [UInt8](repeating: 4, count: 100), "\"a\""),
                ("large", [UInt8](repeating: 5, count: 9_000), "\"b\""),
            ])
            let rules = ReuseRules(mode: .hardlink, acceptsUnverified: true) { entry, _ in entry.tag }
            func stage(_ limit: Int64, only: [Int]?) throws -> StagedVersion {
                try bench.volume(settings: VolumeSettings(maxVolume: limit)).stage(
                    "m", .eight, table: content.table, source: Bench.source, reuse: rules, only: only)
            }
            #expect(refusal { _ = try stage(14_000, only: nil) }?.needed == 9_100)
            #expect(refusal { _ = try stage(13_050, only: [1]) }?.needed == 100)
            #expect(try Set(stage(13_000, only: []).incomplete).isSuperset(of: [1, 2]))
            let staged = try stage(14_000, only: [1])
            for index in staged.unproven { #expect(try staged.reuse(index)?.step() == .done) }
            let file = try staged.open(1)
            try bench.write(content.files[1].bytes, 0..<100, into: file)
            try staged.complete(1, Verification(crc64nvme: checksum(content.files[1].bytes), method: .md5))
            try bench.volume().prune("m", .seven)
            try bench.volume().sweep()
            let whole = try stage(14_000, only: nil)
            #expect(try bench.fetch(whole, content) == ["large": 9_000], "neither what was fetched nor what was shared")
        }
    }

    @Test("a percentage leaves free what it says of the whole file system", .enabled(if: mayMount, "needs the right to mount"))
    func percentage() async throws {
        try await withTmpfs(16 << 20) { directory in
            let bench = try Bench(directory)
            func volume(_ percent: Double) -> Volume { bench.volume(settings: VolumeSettings(keepFree: .percent(percent))) }
            #expect(refusal { try bench.stage(.eight, content(5 << 20), on: volume(66)) } == nil)
            #expect(refusal { try bench.stage(.eight, content(5 << 20), on: volume(72)) }?.bound == .keepFree)
        }
    }

    @Test(
        "what does not fit a small volume is refused before the first byte, and fits once there is room",
        .enabled(if: mayMount, "needs the right to mount"))
    func smallVolume() async throws {
        try await withTmpfs(4 << 20) { directory in
            let bench = try Bench(directory)
            try bench.publish(.seven, content(3 << 20))
            let found = refusal { try bench.stage(.eight, content(2 << 20), on: bench.volume()) }
            #expect(found?.bound == .freeSpace && (found?.available ?? .max) <= 1 << 20)
            #expect(try bench.state("staging") == [])
            #expect(try bench.differences(bench.base.appending("7"), content(3 << 20)) == [])
            try bench.volume().prune("m", .seven)
            try bench.volume().sweep()
            try bench.publish(.eight, content(2 << 20))
            #expect(try bench.published() == [.eight])
        }
    }

    @Test(
        "a volume that fills up half-way fails the write; the fetch goes on where it was when there is room",
        .enabled(if: mayMount, "needs the right to mount"))
    func fillsUp() async throws {
        try await withTmpfs(4 << 20) { directory in
            let bench = try Bench(directory)
            let volume = bench.volume()
            let big = content(2 << 20)
            let staged = try bench.stage(.eight, big, on: volume)
            let file = try staged.open(0)
            try bench.write(big.files[0].bytes, 0..<(1 << 20), into: file)
            // Somebody else takes what is left.
            let hog = directory.appending("hog")
            #expect(throws: FileError.self) { try write([UInt8](repeating: 1, count: 4 << 20), to: hog) }
            #expect(throws: FileError.self) { try bench.write(big.files[0].bytes, (1 << 20)..<(2 << 20), into: file) }
            #expect(refusal { try bench.stage(.eight, big, on: bench.volume()) }?.bound == .freeSpace)
            try bench.fileSystem.removeFile(hog)
            let next = try bench.stage(.eight, big, on: bench.volume())
            #expect(next.stagedBytes == 1 << 20)
            #expect(try bench.fetch(next, big) == ["f0": 1 << 20])
            try bench.volume().publish(next)
            #expect(try bench.differences(bench.base.appending("8"), big) == [])
        }
    }

    @Test(
        "two fetches never count on the same free bytes, whichever of them are written already",
        .enabled(if: mayMount, "needs the right to mount"))
    func twoFetches() async throws {
        try await withTmpfs(8 << 20) { directory in
            let bench = try Bench(directory)
            let volume = bench.volume()
            let big = content(5 << 20)
            let staged = try bench.stage(.eight, big, on: volume)
            // Promised; opened (tmpfs reserves no blocks for that); half written; whole.
            #expect(refusal { try bench.stage(.nine, big, on: volume) } != nil)
            let file = try staged.open(0)
            #expect(refusal { try bench.stage(.nine, big, on: volume) } != nil)
            try bench.write(big.files[0].bytes, 0..<(3 << 20), into: file)
            let half = try #require(refusal { try bench.stage(.nine, big, on: volume) })
            try bench.write(big.files[0].bytes, (3 << 20)..<(5 << 20), into: file)
            let whole = try #require(refusal { try bench.stage(.nine, big, on: volume) })
            #expect(abs(half.available - whole.available) < 100_000, "what is written counts once")
            #expect(refusal { try bench.stage(.nine, content(2 << 20), on: volume) } == nil)
        }
    }

    @Test("a promise ends with its fetch, and a new attempt takes the place of the old one")
    func promises() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let total: Int64 = 1_000
            let volume = bench.volume(settings: VolumeSettings(maxVolume: total))
            let first = try bench.stage(.eight, content(600), on: volume)
            #expect(
                refusal { try bench.stage(.nine, content(600), on: volume) }
                    == Refusal(needed: 600, available: 400, bound: .maxVolume))
            let second = try bench.stage(.eight, content(900), on: volume)
            withExtendedLifetime(first) {}
            #expect(refusal { try bench.stage(.nine, content(101), on: volume) }?.available == 100)
            try volume.discard("m", .eight)
            try volume.sweep()
            withExtendedLifetime(second) {}
        }
    }

    @Test("the bound of the volume counts what is published, staged and in the trash, each once")
    func maxVolume() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let settings = VolumeSettings(maxVolume: 10_000)
            func left() throws -> Int64? {
                refusal {
                    _ = try bench.volume(settings: settings).stage("probe", .seven, table: content(20_000).table, source: "s")
                }?.available
            }
            #expect(try left() == 10_000)
            try bench.publish(.seven, content(1_000))
            try bench.volume().sweep()
            #expect(try left() == 9_000)
            // Staged by an earlier process, opened: the file has its size.
            _ = try bench.stage(.eight, content(2_000, files: 2), on: bench.volume()).open(0)
            let record = try #require(try bench.fileSystem.status(bench.layout.state.appending("staging/m/8/progress"))).size
            #expect(try left() == 7_000 - record)
            // In this process: with all that is still to come.
            let volume = bench.volume(settings: settings)
            let staged = try bench.stage(.eight, content(2_000, files: 2), on: volume)
            func leftHere() throws -> Int64? {
                refusal { _ = try volume.stage("probe", .seven, table: content(20_000).table, source: "s") }?.available
            }
            #expect(try leftHere() == 5_000)
            try bench.fetch(staged, content(2_000, files: 2))
            #expect(try leftHere() == 5_000)
            try volume.publish(staged)
            try volume.sweep()
            #expect(try leftHere() == 5_000)
            withExtendedLifetime(staged) {}
            try volume.prune("m", .seven)
            #expect(try leftHere() == 5_000, "what is being deleted is still there")
            try volume.sweep()
            #expect(try leftHere() == 6_000)
        }
    }

    @Test("a fetch that goes on after a restart asks only for what the disk has not reserved for it")
    func resumedReservation() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let big = content(8 << 20)
            let staged = try bench.stage(.eight, big, on: bench.volume())
            let file = try staged.open(0)
            try bench.write(big.files[0].bytes, 0..<(1 << 20), into: file)
            let needed: Int64 = file.isAllocated ? 0 : 7 << 20
            let space = try bench.volume().space()
            // Leaves almost nothing: what is refused says what it would have needed.
            let volume = bench.volume(settings: VolumeSettings(keepFree: .bytes(space.capacity)))
            let asked = refusal { try bench.stage(.eight, big, on: volume) }?.needed ?? 0
            #expect(asked >= needed && asked < needed + 100_000)
        }
    }

    @Test("parallel reservations never promise more than there is")
    func parallelReservations() async throws {
        let ledger = SpaceLedger()
        let worker = WorkerThread(name: "reserving", threads: 4)
        let granted = Lock<[SpaceReservation]>([])
        await withTaskGroup { group in
            for number in 0..<200 {
                group.addTask {
                    await worker.run {
                        struct Full: Error {}
                        let reservation = try? ledger.reserve(FilePath("\(number)"), unwritten: 7, total: 7) {
                            (promised) throws(Full) in
                            if promised.unwritten + 7 > 100 { throw Full() }
                        }
                        if let reservation { granted.withLock { $0.append(reservation) } }
                    }
                }
            }
        }
        #expect(granted.withLock { $0.count } == 14)
    }
}

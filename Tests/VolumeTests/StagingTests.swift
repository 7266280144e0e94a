import FileIO
import Glibc
import Servables
import SystemPackage
import Testing

@testable import Volume

@Suite("Staging and taking up what was staged")
struct StagingTests {
    private let content = Content.some(8)
    private var big: String { "variables/variables.data-00000-of-00001" }

    /// Stages version 8 as far as: the first file whole, the ranges of the big one given, the others not begun.
    private func begin(_ bench: Bench, ranges: [Range<Int64>] = [0..<1_000, 2_000..<3_000], boot: String = "this boot") throws {
        let staged = try bench.stage(.eight, content, on: bench.volume(boot: boot))
        let first = try staged.open(0)
        try bench.write(content.files[0].bytes, 0..<first.size, into: first)
        try staged.complete(0, Verification(crc64nvme: checksum(content.files[0].bytes), method: .md5))
        let second = try staged.open(1)
        for range in ranges { try bench.write(content.files[1].bytes, range, into: second) }
    }

    @Test("in the same boot what is whole stays, of what is begun only the rest is fetched, and nothing is read again")
    func sameBoot() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try begin(bench)
            #expect(try bench.volume().inventory("m").staged == [.eight])
            let probe = Probe()
            let volume = bench.volume(probe)
            let staged = try bench.stage(.eight, content, on: volume)
            #expect(staged.stagedBytes == Int64(content.files[0].bytes.count) + 2_000)
            #expect(staged.incomplete == [1, 2, 3] && staged.verification(0)?.method == .md5)
            #expect(probe.calls.filter { $0.operation == .read }.allSatisfy { $0.path.lastComponent == "progress" })
            #expect(
                try bench.fetch(staged, content) == [big: 3_000, "variables/variables.index": 0, "assets/deep/vocab.txt": 10])
            try volume.publish(staged)
            #expect(try bench.differences(bench.base.appending("8"), content) == [])
        }
    }

    @Test("what only its length was compared of is compared again, and what has no tag is fetched anew")
    func notProven() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let staged = try bench.stage(.eight, content, on: bench.volume())
            let file = try staged.open(0)
            try bench.write(content.files[0].bytes, 0..<file.size, into: file)
            try staged.complete(0, Verification(crc64nvme: checksum(content.files[0].bytes), method: .size))
            let next = try bench.stage(.eight, content, on: bench.volume())
            #expect(next.incomplete == [0, 1, 2, 3] && next.verification(0) == nil)
            #expect(try next.open(0).missing == [])
            #expect(try next.open(0).crc64nvme() == checksum(content.files[0].bytes))

            var untagged = content
            untagged.files[0].tag = ""
            let other = try bench.stage(.eight, untagged, on: bench.volume())
            try bench.write(content.files[0].bytes, 0..<1, into: other.open(0))
            #expect(try bench.stage(.eight, untagged, on: bench.volume()).open(0).missing == [0..<file.size])
        }
    }

    @Test("what was fetched stays over any number of restarts, and the record does not grow with them")
    func manyRestarts() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let record = bench.layout.state.appending("staging/m/8/progress")
            try begin(bench, ranges: [])
            var size: Int64?
            for start in stride(from: 0, to: 5_000, by: 500) as StrideTo<Int64> {
                let staged = try bench.stage(.eight, content, on: bench.volume())
                let file = try staged.open(1)
                #expect(file.missing == [start..<5_000])
                try bench.write(content.files[1].bytes, start..<(start + 500), into: file)
                let now = try bench.fileSystem.status(record)?.size
                if start >= 1_000 {
                    let growth = abs((now ?? 0) - (size ?? 0))
                    #expect(growth < 100 * (start / 500), "one line for each extent, no copy of what was there")
                }
                size = now
            }
            #expect(try bench.fetch(bench.stage(.eight, content, on: bench.volume()), content)[big] == 0)
        }
    }

    @Test(
        "the record of a file of one piece takes two writes, that it is there and that it is verified; of one of at most 64 KiB, one"
    )
    func writesOfRecord() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let probe = Probe()
            let sizes = [(64 << 10) + 1, 64 << 10, 1, 0]
            let content = Content(files: sizes.map { ("\($0)", [UInt8](repeating: 4, count: $0), "\"\($0)\"") })
            let staged = try bench.stage(.eight, content, on: bench.volume(probe))
            func writes() -> Int {
                probe.calls.count { $0.path.lastComponent?.string.hasPrefix("progress") == true && $0.operation == .write }
            }
            for index in content.table.indices {
                let (before, bytes) = (writes(), content.files[index].bytes)
                let file = try staged.open(index)
                try bench.write(bytes, 0..<file.size, into: file)
                try staged.complete(index, Verification(crc64nvme: checksum(bytes), method: .md5))
                #expect(writes() - before == (bytes.count > 64 << 10 ? 2 : 1))
            }
            #expect(try bench.stage(.eight, content, on: bench.volume()).incomplete == [])
        }
    }

    @Test("a file that is opened again by the same fetch goes on from where it was")
    func reopened() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let staged = try bench.stage(.eight, content, on: bench.volume())
            try bench.write(content.files[1].bytes, 0..<1_000, into: staged.open(1))
            #expect(staged.stagedBytes == 1_000)
            #expect(try staged.open(1).missing == [1_000..<5_000])
            try staged.open(1).reset()
            #expect(try staged.stagedBytes == 0 && staged.open(1).missing == [0..<5_000])
            let next = try bench.stage(.eight, content, on: bench.volume())
            #expect(next.stagedBytes == 0)
        }
    }

    @Test("a file whose tag or size changed is fetched anew, the others are not", arguments: ["tag", "size", "gone"])
    func changedFile(change: String) async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            var newer = content
            try bench.fetch(bench.stage(.eight, content, on: bench.volume()), content)
            switch change {
            case "tag": newer.files[1] = (big, [UInt8](repeating: 1, count: 5_000), "\"new\"")
            case "size": newer.files[1].bytes.removeLast()
            default: newer.files.remove(at: 1)
            }
            // Another order is another index for the same file.
            newer.files.reverse()
            let staged = try bench.stage(.eight, newer, on: bench.volume())
            #expect(try bench.fetch(staged, newer) == (change == "gone" ? [:] : [big: Int64(newer.files[2].bytes.count)]))
            try bench.volume().publish(staged)
            #expect(try bench.differences(bench.base.appending("8"), newer) == [])
        }
    }

    @Test("what another source staged is not taken up")
    func otherSource() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.fetch(bench.stage(.eight, content, on: bench.volume()), content)
            let staged = try bench.stage(.eight, content, on: bench.volume(), source: "s3://other/m")
            #expect(staged.stagedBytes == 0 && staged.incomplete.count == 4)
            var counted: Set<UInt64> = []
            #expect(try bench.fileSystem.treeSize(bench.layout.state.appending("staging/m/8/tree"), counted: &counted) == 0)
        }
    }

    @Test(
        "a record that is damaged or none costs what it said, and nothing else",
        arguments: ["garbage", "empty", "missing", "directory"])
    func damagedRecord(fault: String) async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try begin(bench)
            let record = bench.layout.state.appending("staging/m/8/progress")
            try bench.fileSystem.removeFile(record)
            switch fault {
            case "garbage": try write([UInt8](repeating: 0xaa, count: 10_000), to: record)
            case "empty": try write([], to: record)
            case "directory": try bench.fileSystem.makeDirectory(record, mode: 0o755)
            default: break
            }
            if fault == "directory" { try bench.volume().recover(models: nil) }
            #expect(try bench.fetch(bench.stage(.eight, content, on: bench.volume()), content).count == 4)
            try bench.publish(.eight, content)
            #expect(try bench.differences(bench.base.appending("8"), content) == [])
        }
    }

    @Test("in another boot everything is read again: what is damaged is dropped, what is not is kept")
    func otherBoot() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try begin(bench, boot: "boot before")
            let tree = bench.layout.state.appending("staging/m/8/tree")
            try bench.fileSystem.open(tree.appending(big), .readWrite).write([content.files[1].bytes[2_500] ^ 1], at: 2_500)
            let staged = try bench.stage(.eight, content, on: bench.volume())
            #expect(try staged.open(1).missing == [1_000..<5_000])
            #expect(staged.incomplete == [1, 2, 3])

            try bench.fileSystem.open(tree.appending("saved_model.pb"), .readWrite).write([content.files[0].bytes[7] ^ 1], at: 7)
            let third = try bench.stage(.eight, content, on: bench.volume(boot: "third boot"))
            #expect(third.incomplete == [0, 1, 2, 3])
            try bench.fetch(third, content)
            try bench.volume().publish(third)
            #expect(try bench.differences(bench.base.appending("8"), content) == [])
        }
    }

    @Test("what was not read again before a kill is read again after it, in the same new boot, too")
    func killedWhileReading() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try begin(bench, boot: "boot before")
            let tree = bench.layout.state.appending("staging/m/8/tree")
            try bench.fileSystem.open(tree.appending("saved_model.pb"), .readWrite).write([content.files[0].bytes[7] ^ 1], at: 7)
            try bench.fileSystem.open(tree.appending(big), .readWrite).write([content.files[1].bytes[2_500] ^ 1], at: 2_500)
            for number in 1... {
                // From this call on nothing is done any more, as after a kill.
                let probe = Probe { count, _ in count >= number ? .fail(.ioError) : .proceed }
                guard let staged = try? bench.stage(.eight, content, on: bench.volume(probe)) else { continue }
                #expect(number > 20 && staged.incomplete == [0, 1, 2, 3])
                break
            }
            let staged = try bench.stage(.eight, content, on: bench.volume())
            #expect(staged.incomplete == [0, 1, 2, 3] && staged.stagedBytes == 1_000)
            try bench.publish(.eight, content)
            #expect(try bench.differences(bench.base.appending("8"), content) == [])
        }
    }

    @Test("where the kernel does not tell the boot, everything is read again")
    func unknownBoot() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try begin(bench, boot: "")
            let path = bench.layout.state.appending("staging/m/8/tree/saved_model.pb")
            try bench.fileSystem.open(path, .readWrite).write([content.files[0].bytes[7] ^ 1], at: 7)
            #expect(try bench.stage(.eight, content, on: bench.volume(boot: "")).incomplete == [0, 1, 2, 3])
        }
    }

    @Test(
        "a file that is gone or has another size is not taken for whole, whatever the record says",
        arguments: ["gone", "shorter", "directory"])
    func recordAgainstDisk(fault: String) async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.fetch(bench.stage(.eight, content, on: bench.volume()), content)
            let path = bench.layout.state.appending("staging/m/8/tree/saved_model.pb")
            switch fault {
            case "shorter": try bench.fileSystem.open(path, .readWrite).truncate(to: 5)
            default: try bench.fileSystem.removeFile(path)
            }
            if fault == "directory" { try bench.fileSystem.makeDirectory(path, mode: 0o755) }
            #expect(
                try bench.fetch(bench.stage(.eight, content, on: bench.volume()), content).keys.sorted() == ["saved_model.pb"])
            try bench.publish(.eight, content)
            #expect(try bench.differences(bench.base.appending("8"), content) == [])
        }
    }

    @Test("a staged version that nobody wants goes")
    func discarded() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try begin(bench)
            try bench.volume().discard("m", .eight)
            #expect(try bench.volume().inventory("m").staged == [] && bench.state("staging") == [])
            #expect(try bench.volume().sweep() == 1 && bench.state("trash") == [])
            try bench.volume().discard("m", .eight)
        }
    }

    @Test(
        "lines of a record say the same after they were written and read",
        arguments: ["plain", "tab\there", "100%25", "line\nbreak", "ünï/\u{7f}"])
    func recordLines(text: String) {
        let records: [ProgressRecord] = [
            .begin(boot: text, source: text),
            .file(index: 3, entry: FileEntry(path: text, size: .max, tag: text, modified: Timestamp(secondsSinceEpoch: 0))),
            .extent(index: 9, Extent(offset: 1, length: 2, crc64nvme: .max, crc32c: nil, crc32: 5)),
            .extent(index: 9, Extent(offset: 1, length: 2, crc64nvme: 0, crc32c: .max, crc32: nil)),
            .verified(index: 0, Verification(crc64nvme: 0xab, method: .sha256)),
            .reset(index: 99_999),
        ]
        for record in records {
            #expect(ProgressRecord(record.line) == record)
            #expect(!record.line.contains("\n"))
        }
    }

    @Test(
        "a line that is none is none",
        arguments: [
            "", "begin\t2\tb\ts", "extent\t1\t0\t0\t0\t-\t-", "extent\t1\t-1\t5\t0\t-\t-", "reset", "verified\t1\t0\tguess",
        ])
    func noLines(line: String) { #expect(ProgressRecord(line) == nil) }
}

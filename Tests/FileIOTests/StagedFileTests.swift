import Digests
import Servables
import SystemPackage
import Testing

@testable import FileIO

@Suite("Files assembled from ranges")
struct StagedFileTests {
    private let reader = WorkerThread(name: "reader")

    /// - `probe`: of the file system that the file is written through.
    private func stage(
        _ path: FilePath, _ size: Int64, extents: [Extent] = [], probe: Probe? = nil, recording: Lock<[Extent]> = Lock([])
    ) throws -> StagedFile {
        try StagedFile(
            path: path, size: size, extents: extents, fileSystem: FileSystem(probe: probe), reader: reader,
            onExtent: { extent in recording.withLock { $0.append(extent) } },
            onReset: { recording.withLock { $0 = [] } })
    }

    /// As a transfer does: what cannot be gathered alone is appended.
    private func fill(_ file: StagedFile, _ range: Range<Int64>, with bytes: [UInt8], slice: Int = 16 << 10) throws(FileError) {
        var writer = file.writer(for: range, checksums: .all)
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(slice))
            rest = rest.dropFirst(slice)
            var isTaken = false
            var failure: FileError?
            part.withUnsafeBytes { bytes in
                isTaken = writer.gather(bytes)
                guard !isTaken else { return }
                do throws(FileError) { isTaken = try writer.append(bytes) } catch { failure = error }
            }
            if let failure { throw failure }
            #expect(isTaken)
        }
        try writer.finish()
    }

    @Test("parallel writers of random ranges in any order give the bytes and the checksums of the whole", arguments: 0..<6)
    func parallelWriters(seed: Int) async throws {
        try await withDirectory { directory in
            var dice = Dice(seed: UInt64(seed))
            let content = dice.bytes(700_001)
            let cuts = ([0, content.count] + (0..<9).map { _ in Int.random(in: 1..<content.count, using: &dice) }).sorted()
            let recorded = Lock<[Extent]>([])
            let file = try stage(directory.appending("f"), Int64(content.count), recording: recorded)
            let worker = WorkerThread(name: "writers", threads: 4)
            let slice = Int.random(in: 1_000...300_000, using: &dice)
            let parts = zip(cuts, cuts.dropFirst()).filter { $0 < $1 }.shuffled(using: &dice)
            try await withThrowingTaskGroup { group in
                for (start, end) in parts {
                    group.addTask {
                        try await worker.run { () throws(FileError) in
                            try fill(file, Int64(start)..<Int64(end), with: Array(content[start..<end]), slice: slice)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try read(directory.appending("f")) == content)
            #expect(file.missing.isEmpty && file.stagedBytes == Int64(content.count))
            #expect(file.crc64nvme() == checksum(content))
            var running = RunningChecksum(.all)
            content.withUnsafeBytes { running.update($0) }
            let whole = running.extent(at: 0)
            #expect(file.crc32c() == whole.crc32c && file.crc32() == whole.crc32)
            #expect(recorded.withLock { $0.map(\.length).reduce(0, +) } == Int64(content.count))
            var digest = MessageDigest(.sha256)
            content.withUnsafeBytes { digest.update($0) }
            #expect(try await file.digest(FileDigest(.sha256)) == digest.finish())
        }
    }

    @Test("a range whose body was cut counts as far as it came, and the rest is missing")
    func cutRange() async throws {
        try await withDirectory { directory in
            var dice = Dice(seed: 7)
            let content = dice.bytes(400_000)
            let file = try stage(directory.appending("f"), 400_000)
            try fill(file, 100_000..<400_000, with: Array(content[100_000..<250_123]))
            #expect(file.missing == [0..<100_000, 250_123..<400_000])
            #expect(file.crc64nvme() == nil && file.crc32c() == nil)
            try fill(file, 250_123..<400_000, with: Array(content[250_123...]))
            try fill(file, 0..<100_000, with: Array(content[..<100_000]))
            #expect(file.crc64nvme() == checksum(content))
            #expect(try read(directory.appending("f")) == content)
        }
    }

    @Test("bytes past the end of a range are refused, all of them")
    func pastTheEnd() async throws {
        try await withDirectory { directory in
            let file = try stage(directory.appending("f"), 10)
            var writer = file.writer(for: 2..<6, checksums: .crc64nvme)
            var answers: [Bool] = []
            for part in [[1, 2, 3], [4, 5], [4], [5], []] as [[UInt8]] {
                answers.append(try part.withUnsafeBytes { try writer.append($0) })
            }
            #expect(answers == [true, false, true, false, true])
            let written = writer.written
            #expect(written == 4)
            try writer.finish()
            #expect(try read(directory.appending("f")) == [0, 0, 1, 2, 3, 4, 0, 0, 0, 0])
            #expect(file.missing == [0..<2, 6..<10])
        }
    }

    @Test("bytes that are only gathered are those for which nothing is to be written yet, and none past the end")
    func gathering() async throws {
        try await withDirectory { directory in
            var dice = Dice(seed: 13)
            let content = dice.bytes(1 << 20)
            let probe = Probe()
            let file = try stage(directory.appending("f"), 1 << 20, probe: probe)
            var writes: [Int] { probe.lengths(of: .write) }
            var writer = file.writer(for: 0..<300 << 10, checksums: .crc64nvme)
            var gathered: [Bool] = []
            for start in stride(from: 0, to: 288 << 10, by: 16 << 10) {
                let bytes = content[start..<start + 16 << 10]
                gathered.append(bytes.withUnsafeBytes { writer.gather($0) })
                if gathered.last == false { _ = try bytes.withUnsafeBytes { try writer.append($0) } }
                #expect(writes == (gathered.count < 16 ? [] : [256 << 10]))
            }
            // The first finds no buffer, the sixteenth makes it due, and the next finds nothing gathered.
            #expect(gathered == (0..<18).map { $0 % 16 != 0 && $0 != 15 })
            let (isPast, isLast) = content[(288 << 10)...].withUnsafeBytes { bytes in
                (
                    writer.gather(UnsafeRawBufferPointer(rebasing: bytes[..<(13 << 10)])),
                    writer.gather(UnsafeRawBufferPointer(rebasing: bytes[..<(12 << 10)]))
                )
            }
            #expect((isPast, isLast) == (false, true))
            try writer.finish()
            #expect(writes == [256 << 10, 44 << 10])
            #expect(file.crc64nvme() == nil && file.missing == [300 << 10..<1 << 20])
            try fill(file, 300 << 10..<1 << 20, with: Array(content[(300 << 10)...]))
            #expect(try read(directory.appending("f")) == content)
            #expect(file.crc64nvme() == checksum(content))
        }
    }

    @Test("a writer that goes without finishing leaves its range missing")
    func unfinishedWriter() async throws {
        try await withDirectory { directory in
            let file = try stage(directory.appending("f"), 4)
            do {
                var writer = file.writer(for: 0..<4, checksums: .crc64nvme)
                _ = try ([1, 2, 3, 4] as [UInt8]).withUnsafeBytes { try writer.append($0) }
            }
            #expect(file.missing == [0..<4])
        }
    }

    @Test("a writer that rests has written what is worth a write, and gathers a little with what comes next")
    func resting() async throws {
        try await withDirectory { directory in
            var dice = Dice(seed: 11)
            let content = dice.bytes(300_000)
            let probe = Probe()
            let file = try stage(directory.appending("f"), 300_000, probe: probe)
            var writes: [Int] { probe.lengths(of: .write) }
            var writer = file.writer(for: 0..<300_000, checksums: .crc64nvme)
            for (range, written) in [(0..<100_000, [100_000]), (100_000..<110_000, [100_000])] {
                _ = try content[range].withUnsafeBytes { try writer.append($0) }
                try writer.rest()
                #expect(writes == written)
            }
            _ = try content[110_000...].withUnsafeBytes { try writer.append($0) }
            try writer.finish()
            #expect(writes == [100_000, 200_000])
            #expect(try read(directory.appending("f")) == content)
            #expect(file.crc64nvme() == checksum(content))
        }
    }

    @Test("while another writes to the file a writer gathers on, and then writes all of it at once")
    func gathersOn() async throws {
        try await withDirectory { directory in
            var dice = Dice(seed: 12)
            let content = dice.bytes(2 << 20)
            let second = Lock<RangeWriter?>(nil)
            let isFirst = Lock(true)
            // Called within the first one's write.
            let probe = Probe { _, call in
                guard call.operation == .write,
                    isFirst.withLock({ isFirst in
                        defer { isFirst = false }
                        return isFirst
                    })
                else { return .proceed }
                take(stride(from: 1 << 20, to: 7 << 18, by: 16 << 10))
                return .proceed
            }
            @Sendable func take(_ starts: StrideTo<Int>) {
                second.withLock { writer in
                    for start in starts {
                        let isTaken = content[start..<start + 16 << 10].withUnsafeBytes { try? writer?.append($0) }
                        #expect(isTaken == true)
                    }
                }
            }
            let file = try stage(directory.appending("f"), 2 << 20, probe: probe)
            second.withLock { $0 = file.writer(for: 1 << 20..<2 << 20, checksums: .crc64nvme) }
            try fill(file, 0..<256 << 10, with: Array(content[..<(256 << 10)]))
            take(stride(from: 7 << 18, to: 2 << 20, by: 16 << 10))
            try second.withLock { try $0.take()?.finish() }
            #expect(probe.lengths(of: .write) == [256 << 10, 784 << 10, 240 << 10])
            try fill(file, 256 << 10..<1 << 20, with: Array(content[(256 << 10)..<(1 << 20)]))
            #expect(try read(directory.appending("f")) == content)
            #expect(file.crc64nvme() == checksum(content))
        }
    }

    @Test("however many writers gather, their buffers take no more than the pool and the least that each needs")
    func buffers() {
        let buffers = (0..<160).map { _ in BlockPool.gathering.takeShare() }
        defer { for buffer in buffers { buffer.baseAddress.map { _ = BlockPool.gathering.give($0) } } }
        #expect(buffers.reduce(0) { $0 + $1.count } <= 6 << 20 + buffers.count * 64 << 10)
        #expect(buffers.allSatisfy { $0.count >= 64 << 10 })
        #expect(Set(buffers.map(\.baseAddress)).count == buffers.count)
    }

    @Test("after a write that failed, no extent claims bytes that are not there", arguments: 1...3)
    func failedWrite(number: Int) async throws {
        try await withDirectory { directory in
            var dice = Dice(seed: 5)
            let content = dice.bytes(1_000_000)
            let writes = Lock(0)
            let probe = Probe { _, call in
                guard call.operation == .write else { return .proceed }
                return writes.withLock { writes in
                    writes += 1
                    return writes == number ? .fail(.noSpace) : .proceed
                }
            }
            let file = try stage(directory.appending("f"), 1_000_000, probe: probe)
            var writer = file.writer(for: 0..<1_000_000, checksums: .crc64nvme)
            var failure: FileError?
            for start in stride(from: 0, to: 900_000, by: 16 << 10) where failure == nil {
                content[start..<min(start + 16 << 10, 900_000)].withUnsafeBytes { bytes in
                    do throws(FileError) { _ = try writer.append(bytes) } catch { failure = error }
                }
            }
            #expect(failure?.errno == .noSpace)
            // What was taken before is kept: the disk may have room again.
            let written = writer.written
            try writer.finish()
            #expect(file.missing == [written..<1_000_000])
            #expect(written > 0 && written < 1_000_000)
            #expect(try Array(read(directory.appending("f"))[..<Int(written)]) == Array(content[..<Int(written)]))
            try fill(file, written..<1_000_000, with: Array(content[Int(written)...]))
            #expect(file.crc64nvme() == checksum(content))
            #expect(try read(directory.appending("f")) == content)
        }
    }

    @Test("an extent that could not be written is not recorded")
    func failedFinish() async throws {
        try await withDirectory { directory in
            let recorded = Lock<[Extent]>([])
            let file = try stage(directory.appending("f"), 4, probe: Probe.failing(.write, .ioError), recording: recorded)
            #expect(throws: FileError("write", directory.appending("f"), .ioError)) { try fill(file, 0..<4, with: [1, 2, 3, 4]) }
            #expect(file.missing == [0..<4] && recorded.withLock { $0.isEmpty })
        }
    }

    @Test("a reset forgets everything, and the file is written anew")
    func reset() async throws {
        try await withDirectory { directory in
            let recorded = Lock<[Extent]>([])
            let file = try stage(directory.appending("f"), 5, recording: recorded)
            try fill(file, 0..<3, with: [1, 2, 3])
            try file.reset()
            #expect(file.missing == [0..<5] && file.stagedBytes == 0 && recorded.withLock { $0.isEmpty })
            #expect(try read(directory.appending("f")) == [0, 0, 0, 0, 0])
            try fill(file, 0..<5, with: [5, 4, 3, 2, 1])
            #expect(file.crc64nvme() == checksum([5, 4, 3, 2, 1]))
        }
    }

    @Test("what an earlier process left is kept, and only the rest is missing")
    func resumed() async throws {
        try await withDirectory { directory in
            let recorded = Lock<[Extent]>([])
            let path = directory.appending("f")
            let content = Array("0123456789".utf8)
            try fill(stage(path, 10, recording: recorded), 3..<7, with: Array(content[3..<7]))
            let file = try stage(path, 10, extents: recorded.withLock { $0 })
            #expect(file.missing == [0..<3, 7..<10])
            try fill(file, 0..<3, with: Array(content[..<3]))
            try fill(file, 7..<10, with: Array(content[7...]))
            #expect(file.crc64nvme() == checksum(content))
            #expect(try read(path) == content)
        }
    }

    @Test("without extents nothing of an older file stays, and extents past the end count for nothing")
    func olderFile() async throws {
        try await withDirectory { directory in
            let path = directory.appending("f")
            try write([UInt8](repeating: 9, count: 50), to: path)
            let beyond = Extent(offset: 8, length: 5, crc64nvme: 1, crc32c: nil, crc32: nil)
            let file = try stage(path, 10, extents: [beyond])
            #expect(file.missing == [0..<10])
            #expect(try read(path) == [UInt8](repeating: 0, count: 10))
        }
    }

    @Test("an empty file is whole once it is opened")
    func emptyFile() async throws {
        try await withDirectory { directory in
            let file = try stage(directory.appending("f"), 0)
            #expect(file.missing.isEmpty && file.crc64nvme() == 0 && file.crc32() == 0)
            #expect(try read(directory.appending("f")) == [])
            #expect(try await file.digest(FileDigest(.md5)) == MessageDigest(.md5).finish())
        }
    }

    @Test("extents whose bytes changed on the disk are told from those that are as they were")
    func intactExtents() async throws {
        try await withDirectory { directory in
            let recorded = Lock<[Extent]>([])
            let path = directory.appending("f")
            let file = try stage(path, 30, recording: recorded)
            for start in [0, 10, 20] as [Int64] {
                try fill(file, start..<(start + 8), with: [UInt8](repeating: UInt8(start + 1), count: 8))
            }
            let extents = recorded.withLock { $0 }
            let fileSystem = FileSystem()
            #expect(try fileSystem.intact(extents, in: path) == extents)
            let open = try fileSystem.open(path, .readWrite)
            try open.write([0], at: 15)
            #expect(try fileSystem.intact(extents, in: path) == [extents[0], extents[2]])
            try open.truncate(to: 27)
            #expect(try fileSystem.intact(extents, in: path) == [extents[0]])
        }
    }

    @Test("closed, it is open nowhere, though it is held, and can be read")
    func closes() async throws {
        try await withDirectory { directory in
            let content = [UInt8](repeating: 7, count: 3 << 20)
            let file = try stage(directory.appending("f"), Int64(content.count))
            try fill(file, 0..<Int64(content.count), with: content)
            #expect(openDescriptors(below: directory) > 0)
            file.close()
            // Behind what the reader still had to write back.
            await reader.run {}
            #expect(openDescriptors(below: directory) == 0)
            #expect(try await file.digest(FileDigest(.md5)).count == 16 && file.missing.isEmpty)
        }
    }

    @Test("a full disk is said before the first byte is written")
    func fullDisk() async throws {
        try await withDirectory { directory in
            let probe = Probe.failing(.fallocate, .noSpace)
            do {
                _ = try stage(directory.appending("f"), 1 << 20, probe: probe)
                #expect(probe.trace([.fallocate]).isEmpty, "only on tmpfs blocks are not reserved")
            } catch let error as FileError {
                #expect(error == FileError("fallocate", directory.appending("f"), .noSpace))
            }
            #expect(probe.trace([.write]).isEmpty)
        }
    }
}

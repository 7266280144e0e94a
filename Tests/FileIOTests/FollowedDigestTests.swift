import Digests
import FileIO
import Glibc
import Servables
import SystemPackage
import Testing

@Suite("Digests of a file that is still arriving")
struct FollowedDigestTests {
    private static let mebibyte: Int64 = 1 << 20
    private let reader = WorkerThread(name: "reader", threads: 2)

    private func stage(_ path: FilePath, _ size: Int, probe: Probe? = nil) throws -> StagedFile {
        try StagedFile(path: path, size: Int64(size), fileSystem: FileSystem(probe: probe), reader: reader)
    }

    private func fill(_ file: StagedFile, _ range: Range<Int64>, from content: [UInt8]) throws(FileError) {
        var writer = file.writer(for: range, checksums: .crc64nvme)
        var failure: FileError?
        content[Int(range.lowerBound)..<Int(range.upperBound)].withUnsafeBytes { bytes in
            do throws(FileError) { _ = try writer.append(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
        try writer.finish()
    }

    /// By its definition: the hash of the parts' hashes.
    private func expected(_ digest: FileDigest, of content: [UInt8]) -> [UInt8] {
        func hash(_ bytes: some Collection<UInt8>) -> [UInt8] {
            if let kind = digest.hash.kind { return kind.digest(of: Array(bytes)) }
            var running = RunningChecksum([.crc32, .crc32c])
            Array(bytes).withUnsafeBytes { running.update($0) }
            let extent = running.extent(at: 0)
            let value = (digest.hash == .crc32 ? extent.crc32 : extent.crc32c) ?? 0
            return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
        }
        guard !digest.parts.isEmpty else { return hash(content) }
        var rest = content[...]
        return hash(
            digest.parts.flatMap { length in
                defer { rest = rest.dropFirst(Int(length)) }
                return hash(rest.prefix(Int(length)))
            })
    }

    private static let size = 3 * mebibyte + 4_000

    /// Of the whole, of one part, of equal ones, of all sorts.
    static let digests: [FileDigest] = {
        let parts: [[Int64]] = [
            [], [size], [mebibyte, mebibyte, mebibyte, 4_000], [5, 2 * mebibyte, mebibyte / 2, mebibyte / 2, 3_995],
        ]
        return FileDigest.Hash.allCases.flatMap { hash in parts.map { FileDigest(hash, parts: $0) } }
    }()

    @Test("are those of its bytes, whichever range arrives first, and read each byte once", arguments: digests)
    func arriving(digest: FileDigest) async throws {
        try await withDirectory { directory in
            var dice = Dice(seed: 1)
            let content = dice.bytes(Int(Self.size))
            let probe = Probe()
            let file = try stage(directory.appending("f"), content.count, probe: probe)
            file.follow(digest)
            let cuts: [Int64] = [0, 1_000, Self.mebibyte, 2_000_000, 3 * Self.mebibyte, Self.size]
            for (start, end) in zip(cuts, cuts.dropFirst()).shuffled(using: &dice) {
                try fill(file, start..<end, from: content)
            }
            #expect(try await file.digest(digest) == expected(digest, of: content))
            #expect(bytesRead(probe) == Int64(content.count))
            // One that was not followed is read back, and so is it from a file that nobody stages.
            let other = FileDigest(digest.hash == .md5 ? .sha1 : .md5, parts: digest.parts)
            #expect(try await file.digest(other) == expected(other, of: content))
            #expect(
                try FileSystem().digest(digest, of: directory.appending("f"), size: file.size) == expected(digest, of: content))
        }
    }

    @Test("follow the bytes closely: what is there without a gap is hashed before the rest comes")
    func behindTheFrontier() async throws {
        try await withDirectory { directory in
            var dice = Dice(seed: 2)
            let content = dice.bytes(4 << 20)
            let probe = Probe()
            let file = try stage(directory.appending("f"), content.count, probe: probe)
            file.follow(FileDigest(.md5))
            try fill(file, 0..<2 * Self.mebibyte, from: content)
            try fill(file, 3 * Self.mebibyte..<4 * Self.mebibyte, from: content)
            while bytesRead(probe) < 2 * Self.mebibyte { await Task.yield() }
            #expect(bytesRead(probe) == 2 * Self.mebibyte)
            try fill(file, 2 * Self.mebibyte..<3 * Self.mebibyte, from: content)
            #expect(try await file.digest(FileDigest(.md5)) == DigestKind.md5.digest(of: content))
            #expect(bytesRead(probe) == 4 * Self.mebibyte)
        }
    }

    @Test("begin anew with the file, and of an empty one are there at once")
    func reset() async throws {
        try await withDirectory { directory in
            var dice = Dice(seed: 3)
            let (wrong, right) = (dice.bytes(2 << 20), dice.bytes(2 << 20))
            let digest = FileDigest(.sha256, parts: [1 << 20, 1 << 20])
            let file = try stage(directory.appending("f"), right.count)
            file.follow(digest)
            try fill(file, 0..<Self.mebibyte + 5, from: wrong)
            try file.reset()
            try fill(file, Self.mebibyte..<2 * Self.mebibyte, from: right)
            try fill(file, 0..<Self.mebibyte, from: right)
            #expect(try await file.digest(digest) == expected(digest, of: right))
            let empty = try stage(directory.appending("e"), 0)
            #expect(try await empty.digest(FileDigest(.md5, parts: [0])) == expected(FileDigest(.md5, parts: [0]), of: []))
        }
    }

    @Test("that cannot be read fail with what reading said, and are computed when they are asked for again")
    func failing() async throws {
        try await withDirectory { directory in
            var dice = Dice(seed: 4)
            let content = dice.bytes(2 << 20)
            let file = try stage(directory.appending("f"), content.count, probe: .failing(.read, .ioError))
            file.follow(FileDigest(.sha1))
            try fill(file, 0..<2 * Self.mebibyte, from: content)
            await #expect(throws: FileError("read", file.path, .ioError)) { try await file.digest(FileDigest(.sha1)) }
            #expect(try await file.digest(FileDigest(.sha1)) == DigestKind.sha1.digest(of: content))
        }
    }

    @Test("fail where somebody else has shortened the file")
    func shortened() async throws {
        try await withDirectory { directory in
            var dice = Dice(seed: 6)
            let file = try stage(directory.appending("f"), 2 << 20)
            try fill(file, 0..<2 * Self.mebibyte, from: dice.bytes(2 << 20))
            try FileSystem().open(file.path, .readWrite).truncate(to: Self.mebibyte)
            await #expect(throws: FileError("read", file.path, .ioError)) { try await file.digest(FileDigest(.md5)) }
        }
    }

    @Test("are not waited for after a cancellation")
    func cancelled() async throws {
        try await withDirectory { directory in
            var dice = Dice(seed: 5)
            let content = dice.bytes(2 << 20)
            let busy = WorkerThread(name: "busy")
            let file = try StagedFile(
                path: directory.appending("f"), size: 2 * Self.mebibyte, fileSystem: FileSystem(), reader: busy)
            try fill(file, 0..<2 * Self.mebibyte, from: content)
            let isReleased = Lock(false)
            async let job: Void = busy.run { while !isReleased.withLock({ $0 }) { sched_yield() } }
            let task = Task { try await file.digest(FileDigest(.md5)) }
            task.cancel()
            await #expect(throws: FileError("read", file.path, .canceled)) { try await task.value }
            isReleased.withLock { $0 = true }
            await job
            #expect(try await file.digest(FileDigest(.md5)) == DigestKind.md5.digest(of: content))
        }
    }

    private func bytesRead(_ probe: Probe) -> Int64 {
        Int64(probe.lengths(of: .read).reduce(0, +))
    }
}

import Servables

/// Writes one range of a staged file from its start on; owned by one thread, synchronous.
///
/// libcurl hands out at most 16 KiB at a time: slices are checksummed while they are in cache and gathered, so that one `pwrite` takes
/// 128 KiB (DESIGN, hard rule 1).
public struct RangeWriter: ~Copyable, @unchecked Sendable {
    private let file: StagedFile
    private let range: Range<Int64>
    private let buffer: GatherBuffer
    private var gathered = 0
    private var flushed: Int64 = 0
    private var checksum: RunningChecksum

    init(file: StagedFile, range: Range<Int64>, checksums: ChecksumSet) {
        self.file = file
        self.range = range
        buffer = GatherBuffer.take()
        checksum = RunningChecksum(checksums)
    }

    /// The bytes that were taken so far.
    public var written: Int64 { checksum.length }

    /// Takes the next bytes of the range: checksums them, gathers them, writes.
    /// - Returns: `false`, taking nothing, when they would pass the end of the range.
    public mutating func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) -> Bool {
        guard Int64(bytes.count) <= Int64(range.count) - written else { return false }
        var rest = bytes
        while !rest.isEmpty {
            // First, so that after a write that failed what counts as taken is still what is gathered or written.
            if gathered == GatherBuffer.size { try flush() }
            let count = min(rest.count, GatherBuffer.size - gathered)
            UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[gathered..<(gathered + count)])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
            checksum.update(UnsafeRawBufferPointer(rebasing: rest[..<count]))
            gathered += count
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        return true
    }

    /// Writes what is gathered and records the extent, which may be shorter than the range if the body was cut.
    public consuming func finish() throws(FileError) {
        try flush()
        if written > 0 { try file.add(checksum.extent(at: range.lowerBound)) }
    }

    private mutating func flush() throws(FileError) {
        guard gathered > 0 else { return }
        try file.write(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<gathered]), at: range.lowerBound + flushed)
        flushed += Int64(gathered)
        gathered = 0
    }
}

/// A buffer of a `RangeWriter`, from a pool, and back into it when the writer goes.
final class GatherBuffer {
    static let size = 128 << 10
    /// Idle buffers kept for the next writers; more are given back to the system.
    private static let kept = 8
    // The pointers are only ever held by one buffer or by the pool.
    private struct Pool: @unchecked Sendable {
        var free: [UnsafeMutableRawBufferPointer] = []
    }
    private static let pool = Lock(Pool())

    let bytes: UnsafeMutableRawBufferPointer

    private init(_ bytes: UnsafeMutableRawBufferPointer) { self.bytes = bytes }

    static func take() -> GatherBuffer {
        if let bytes = pool.withLock({ $0.free.popLast() }) { return GatherBuffer(bytes) }
        return GatherBuffer(.allocate(byteCount: size, alignment: 4096))
    }

    /// Gives the idle buffers back to the system.
    static func drain() {
        let idle = pool.withLock { pool in
            defer { pool = Pool() }
            return pool
        }
        for bytes in idle.free { bytes.deallocate() }
    }

    deinit {
        let bytes = Pool(free: [bytes])
        let surplus = Self.pool.withLock { pool in
            guard pool.free.count < Self.kept else { return bytes }
            pool.free += bytes.free
            return Pool()
        }
        for bytes in surplus.free { bytes.deallocate() }
    }
}

import Servables

/// Writes one range of a staged file from its start on; owned by one thread, synchronous.
///
/// libcurl hands out at most 16 KiB at a time: slices are checksummed and copied in one pass and gathered, so that one `pwrite` takes
/// 256 KiB or more (DESIGN, hard rule 1).
public struct RangeWriter: ~Copyable, @unchecked Sendable {
    private let file: StagedFile
    private let range: Range<Int64>
    /// Where what is gathered lies: of `BlockPool.gathering`, or nothing while nothing is.
    private var buffer = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var gathered = 0
    private var flushed: Int64 = 0
    private var checksum: RunningChecksum
    /// Bytes for which a write of their own costs little, though more might have come (DESIGN, hard rule 1).
    private static let worthWriting = 64 << 10
    /// Bytes to write when nobody else writes to the file; while somebody does, there is room to gather on.
    private static let enough = 256 << 10

    init(file: StagedFile, range: Range<Int64>, checksums: ChecksumSet) {
        self.file = file
        self.range = range
        checksum = RunningChecksum(checksums)
    }

    deinit { giveBack() }

    /// The bytes that were taken so far.
    public var written: Int64 { checksum.length }

    /// Takes the next bytes of the range if they can be gathered, and nothing is to be written yet, as with fifteen of sixteen slices.
    /// - Returns: `false`, taking nothing, when `append` is to take them.
    public mutating func gather(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard gathered > 0, gathered + bytes.count < due, fits(bytes) else { return false }
        put(bytes)
        return true
    }

    /// Takes the next bytes of the range: checksums them, gathers them, writes.
    /// - Returns: `false`, taking nothing, when they would pass the end of the range.
    public mutating func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) -> Bool {
        guard fits(bytes) else { return false }
        if gathered == 0, Int64(bytes.count) == left {
            // All there is, or the last of it: there is nothing to gather it with.
            try file.write(bytes, at: range.lowerBound + flushed)
            checksum.update(bytes)
            flushed += Int64(bytes.count)
            return true
        }
        if buffer.isEmpty { buffer = BlockPool.gathering.takeShare() }
        var rest = bytes
        while !rest.isEmpty {
            // First, so that after a write that failed what counts as taken is still what is gathered or written.
            if gathered == buffer.count { try flush() }
            let count = min(rest.count, buffer.count - gathered)
            put(UnsafeRawBufferPointer(rebasing: rest[..<count]))
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        // While another thread writes to the file this one would wait, and on a busy machine be woken late.
        if gathered >= due { try flushIfFree() }
        return true
    }

    /// Nothing comes for a while: writes what is gathered, if that is enough to be worth a write of its own, and gives the buffer back,
    /// so that the next writer has one that is still in the processor's cache.
    public mutating func rest() throws(FileError) {
        if gathered >= Self.worthWriting { try flush() }
        if gathered == 0 {
            giveBack()
            buffer = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        }
    }

    /// Writes what is gathered and records the extent, which may be shorter than the range if the body was cut.
    public consuming func finish() throws(FileError) {
        try flush()
        if written > 0 { try file.add(checksum.extent(at: range.lowerBound)) }
    }

    /// So many gathered bytes are to be written.
    private var due: Int { min(Self.enough, buffer.count / 2) }

    /// Bytes of the range that were not taken yet.
    private var left: Int64 { Int64(range.count) - written }

    private func fits(_ bytes: UnsafeRawBufferPointer) -> Bool { Int64(bytes.count) <= left }

    private func giveBack() {
        if let address = buffer.baseAddress { BlockPool.gathering.give(address) }
    }

    /// Gathers bytes for which there is room.
    private mutating func put(_ bytes: UnsafeRawBufferPointer) {
        guard let start = buffer.baseAddress else { preconditionFailure("what is gathered has a place") }
        checksum.copy(bytes, to: start + gathered)
        gathered += bytes.count
    }

    private mutating func flush() throws(FileError) {
        guard gathered > 0 else { return }
        try file.write(gatheredBytes, at: range.lowerBound + flushed)
        noteFlushed()
    }

    private mutating func flushIfFree() throws(FileError) {
        if try file.writeIfFree(gatheredBytes, at: range.lowerBound + flushed) { noteFlushed() }
    }

    private var gatheredBytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: buffer[..<gathered]) }

    private mutating func noteFlushed() {
        flushed += Int64(gathered)
        gathered = 0
    }
}

extension BlockPool {
    /// A block of what others leave, 64 KiB at least; to be given back.
    func takeShare() -> UnsafeMutableRawBufferPointer {
        let block = take { others in
            let share = min(limit / (others.count + 1), limit - others.bytes)
            // A power of two, so that there are few sizes and idle ones fit.
            var size = 1 << 20
            while size > max(64 << 10, share) { size /= 2 }
            return size
        }
        guard let block else { preconditionFailure("there is no memory for a buffer") }
        return block
    }
}

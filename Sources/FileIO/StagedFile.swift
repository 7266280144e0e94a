public import Servables
public import SystemPackage

/// A file that is being assembled from ranges, in any order and by several writers at once.
///
/// Made by `Volume`, lent to a source for the time of one fetch. All members may be called from any thread.
public final class StagedFile: Sendable {
    public let path: FilePath
    /// Bytes of the whole file.
    public let size: Int64

    init(path: FilePath, size: Int64) {
        self.path = path
        self.size = size
    }

    /// The ranges that no finished extent covers yet, ascending, disjoint. Empty for a whole file (and for an empty one).
    public var missing: [Range<Int64>] { fatalError("skeleton") }

    /// Bytes covered by finished extents.
    public var stagedBytes: Int64 { fatalError("skeleton") }

    /// A writer of `range`, which must lie in one missing range and in no other writer's.
    /// - Parameter checksums: what to compute as the bytes pass; CRC-64/NVME always is.
    public func writer(for range: Range<Int64>, checksums: ChecksumSet) throws(FileError) -> RangeWriter {
        fatalError("skeleton")
    }

    /// Forgets every extent: the next writers write the file anew. No writer may be open.
    public func reset() throws(FileError) {
        fatalError("skeleton")
    }

    /// A CRC of the whole file, combined from its extents.
    /// - Returns: `nil` while a range is missing, or if some extent was written without this checksum.
    public func crc64nvme() -> UInt64? { fatalError("skeleton") }
    public func crc32c() -> UInt32? { fatalError("skeleton") }
    public func crc32() -> UInt32? { fatalError("skeleton") }

    /// A digest of the whole file, read back on the worker thread (from the page cache, when it was just written).
    public func digest(_ kind: DigestKind) async throws(FileError) -> [UInt8] { fatalError("skeleton") }
}

/// The sequential digests that a store may offer for a whole object.
public enum DigestKind: Hashable, Sendable {
    case md5
    case sha1
    case sha256
}

/// Writes one range of a staged file from its start on; owned by one thread, synchronous.
public struct RangeWriter: ~Copyable, Sendable {
    /// The bytes that were taken so far.
    public var written: Int64 { fatalError("skeleton") }

    /// Takes the next bytes of the range: checksums them, gathers them, writes.
    /// - Returns: `false`, taking nothing, when they would pass the end of the range.
    public mutating func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) -> Bool { fatalError("skeleton") }

    /// Writes what is gathered and records the extent, which may be shorter than the range if the body was cut.
    public consuming func finish() throws(FileError) { fatalError("skeleton") }
}

public import Servables
public import SystemPackage

/// A file that is being assembled from ranges, in any order and by several writers at once.
///
/// Made by `Volume`, lent to a source for the time of one fetch. All members may be called from any thread; those that read or
/// write the file block, but for what is about digests.
public final class StagedFile: Sendable {
    public let path: FilePath
    /// Bytes of the whole file.
    public let size: Int64

    /// Bytes of files here that are read or copied in one go: what a cancellation waits for, and what others wait for who use the same
    /// thread.
    public static let slice: Int64 = 64 << 20

    /// Extents of so many bytes go to the disk as soon as they are there, not all with the last sync. Not by whoever wrote them: it may
    /// have to wait for the disk's queue.
    private static let earlyWriteback: Int64 = 1 << 20

    /// Whether the disk has set aside the blocks of the whole file, so that it counts them as used already.
    public let isAllocated: Bool

    private let writesEarly: Bool
    private let fileSystem: FileSystem
    let reader: WorkerThread
    /// The digest that is computed behind what arrives, if any.
    let following = Lock<TrailingDigest?>(nil)
    private let extents: Lock<ExtentMap>
    /// What is written through, until `close`; the kernel lets one write to a file at a time, and those that wait spin.
    private let writing: Lock<Descriptor?>
    private let onExtent: @Sendable (Extent) throws(FileError) -> Void
    private let onReset: @Sendable () throws(FileError) -> Void

    /// Opens the file, or makes it: what is under its name without an extent to be trusted is not written to, since it may be a
    /// published file that is under another name, too.
    /// - `extents`: what an earlier process left in it, to be trusted.
    /// - `mode`: of a new file, less the process's umask; its owner may read and write it in any case.
    /// - `reader`: where digests are computed.
    /// - `writesEarly`: whether what arrives goes to the disk at once, so that a sync at the end waits for little; without one it would
    ///   only be in the way of others.
    /// - `onExtent`: called with each extent once its bytes are written, to record it.
    /// - `onReset`: called when all extents are forgotten.
    public init(
        path: FilePath, size: Int64, extents: [Extent] = [], mode: UInt16 = 0o600, fileSystem: FileSystem, reader: WorkerThread,
        writesEarly: Bool = true,
        onExtent: @escaping @Sendable (Extent) throws(FileError) -> Void = { _ in },
        onReset: @escaping @Sendable () throws(FileError) -> Void = {}
    ) throws(FileError) {
        self.path = path
        self.size = size
        self.fileSystem = fileSystem
        self.reader = reader
        self.writesEarly = writesEarly
        self.onExtent = onExtent
        self.onReset = onReset
        var map = ExtentMap()
        for extent in extents where extent.end <= size { _ = map.insert(extent) }
        let isNew = map.extents.isEmpty
        self.extents = Lock(map)
        let descriptor = isNew ? try fileSystem.createAnew(path, mode: mode | 0o600) : try fileSystem.open(path, .readWrite)
        isAllocated = isNew ? try StagedFile.extend(descriptor, size) : try descriptor.status().allocated >= size
        writing = Lock(descriptor)
    }

    /// Ends writing, once all is there: whoever still holds the file cannot put off that it is closed, which would be an event in a
    /// published directory.
    public func close() { writing.withLock { $0 = nil } }

    /// The ranges that no finished extent covers yet, ascending, disjoint. Empty for a whole file (and for an empty one).
    public var missing: [Range<Int64>] { extents.withLock { $0.missing(of: size) } }

    /// Bytes covered by finished extents.
    public var stagedBytes: Int64 { extents.withLock { $0.bytes } }

    /// A writer of `range`, which must lie in one missing range and in no other writer's.
    /// - `checksums`: what to compute as the bytes pass; CRC-64/NVME always is.
    public func writer(for range: Range<Int64>, checksums: ChecksumSet) -> RangeWriter {
        precondition(range.lowerBound >= 0 && range.upperBound <= size, "a writer stays within its file")
        return RangeWriter(file: self, range: range, checksums: checksums)
    }

    /// Writes a range that is missing with the same range of another file, as far as that reaches.
    public func copy(
        _ range: Range<Int64>, from source: borrowing Descriptor, onBytes: (Int64) -> Void = { _ in }
    ) throws(FileError) {
        var writer = writer(for: range, checksums: .crc64nvme)
        try fileSystem.forEachChunk(of: source, in: range) { (bytes) throws(FileError) in
            _ = try writer.append(bytes)
            onBytes(Int64(bytes.count))
        }
        try writer.finish()
    }

    /// Forgets every extent: the next writers write the file anew. No writer may be open.
    public func reset() throws(FileError) {
        extents.withLock { $0.removeAll() }
        beginFollowingAnew()
        try onReset()
        try writing.withLock { (held) throws(FileError) in
            try Self.use(held) { (file) throws(FileError) in
                try file.truncate(to: 0)
                try StagedFile.extend(file, size)
            }
        }
    }

    /// A CRC of the whole file, combined from its extents.
    /// - Returns: `nil` while a range is missing, or if some extent was written without this checksum.
    public func crc64nvme() -> UInt64? { extents.withLock { $0.whole(of: size)?.crc64nvme } }
    public func crc32c() -> UInt32? { extents.withLock { $0.whole(of: size)?.crc32c } }
    public func crc32() -> UInt32? { extents.withLock { $0.whole(of: size)?.crc32 } }

    /// A file of one write or two needs no room made for it: its space is reserved, and it is there at once.
    private static let smallest: Int64 = 64 << 10

    @discardableResult
    private static func extend(_ empty: borrowing Descriptor, _ size: Int64) throws(FileError) -> Bool {
        if size > smallest, try empty.preallocate(size) { return true }
        try empty.truncate(to: size)
        return false
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(FileError) {
        try writing.withLock { (held) throws(FileError) in
            try Self.use(held) { (file) throws(FileError) in try file.write(bytes, at: offset) }
        }
    }

    /// As `write`, unless another thread is writing.
    /// - Returns: whether it was done.
    func writeIfFree(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(FileError) -> Bool {
        try writing.withLockIfAvailable { (held) throws(FileError) in
            try Self.use(held) { (file) throws(FileError) in try file.write(bytes, at: offset) }
        }
    }

    private static func use(
        _ held: borrowing Descriptor?, _ body: (borrowing Descriptor) throws(FileError) -> Void
    ) throws(FileError) {
        switch held {
        case .some(let descriptor): try body(descriptor)
        case .none: preconditionFailure("a file that was closed is not written to")
        }
    }

    func add(_ extent: Extent) throws(FileError) {
        let isFresh = extents.withLock { $0.insert(extent) }
        precondition(isFresh, "two writers of one file never overlap")
        try onExtent(extent)
        if writesEarly, extent.length >= Self.earlyWriteback {
            // By a descriptor of its own, which may be closed late: what was not written to is no event.
            reader.enqueue { [fileSystem, path] in
                try? fileSystem.open(path, .read).startWriteback(extent.offset..<extent.end)
            }
        }
        if let trailing = following.withLock({ $0 }) { advance(trailing) }
    }

    /// What finished extents cover by now.
    var covered: ExtentMap { extents.withLock { $0 } }

    /// Reads a range that extents cover. Fewer bytes are an error: somebody else changes the file.
    func read(_ range: Range<Int64>, _ take: (UnsafeRawBufferPointer) -> Void) throws(FileError) {
        let count = try fileSystem.forEachChunk(of: fileSystem.open(path, .read), in: range) { take($0) }
        guard count == range.count else { throw FileError(FileOperation.read.rawValue, path, .ioError) }
    }
}

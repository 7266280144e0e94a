/// One file of a version, as its source lists it.
public struct FileEntry: Hashable, Sendable {
    /// Path below the version's directory, `/` between components; checked by the source to be safe (CONTRACT P10).
    public let path: String
    /// Bytes.
    public let size: Int64
    /// The source's change token, opaque (S3: the ETag with its quotes); empty where it has none.
    public let tag: String
    /// When the source says that the object was written.
    public let modified: Timestamp

    public init(path: String, size: Int64, tag: String, modified: Timestamp) {
        self.path = path
        self.size = size
        self.tag = tag
        self.modified = modified
    }
}

/// The files of one version, in the source's order: parallel arrays over one arena of bytes, about 100 bytes an entry.
public struct FileTable: Sendable {
    /// More files than this in one version are refused by the sources.
    public static let limit = 100_000
    private static let largestSize: Int64 = 1 << 60

    private var arena: [UInt8] = []
    private var pathEnds: [Int32] = []
    private var tagEnds: [Int32] = []
    private var sizes: [Int64] = []
    private var modifiedSeconds: [Int64] = []
    private var modifiedNanoseconds: [Int32] = []
    /// Directories that hold no file but shall exist (an S3 zero-byte key `dir/`).
    public private(set) var emptyDirectories: [String] = []
    /// Bytes of all files together; sizes that no disk could hold are cut off, so that sums of them do not overflow.
    public private(set) var totalSize: Int64 = 0
    /// When the newest file was written; `nil` while the table is empty.
    public private(set) var newest: Timestamp?

    public init() {}

    public var count: Int { sizes.count }
    public var isEmpty: Bool { sizes.isEmpty }
    public var indices: Range<Int> { sizes.indices }

    public mutating func append(_ entry: FileEntry) {
        arena.append(contentsOf: entry.path.utf8)
        pathEnds.append(Int32(arena.count))
        arena.append(contentsOf: entry.tag.utf8)
        tagEnds.append(Int32(arena.count))
        sizes.append(entry.size)
        modifiedSeconds.append(entry.modified.secondsSinceEpoch)
        modifiedNanoseconds.append(entry.modified.nanoseconds)
        totalSize = Swift.min(totalSize + Swift.min(entry.size, Self.largestSize), Self.largestSize)
        newest = Swift.max(newest ?? entry.modified, entry.modified)
    }

    public mutating func appendEmptyDirectory(_ path: String) {
        emptyDirectories.append(path)
    }

    public subscript(index: Int) -> FileEntry {
        let path = pathRange(index)
        return FileEntry(
            path: text(path), size: sizes[index], tag: text(path.upperBound..<Int(tagEnds[index])),
            modified: Timestamp(secondsSinceEpoch: modifiedSeconds[index], nanoseconds: modifiedNanoseconds[index]))
    }

    private func pathRange(_ index: Int) -> Range<Int> {
        (index == 0 ? 0 : Int(tagEnds[index - 1]))..<Int(pathEnds[index])
    }

    private func text(_ range: Range<Int>) -> String {
        arena.withUnsafeBufferPointer { String(decoding: UnsafeBufferPointer(rebasing: $0[range]), as: UTF8.self) }
    }
}

extension FileTable {
    /// Bytes of the file at `index`.
    public func size(_ index: Int) -> Int64 { sizes[index] }

    /// UTF-8 of the path of the file at `index`.
    public func pathBytes(_ index: Int) -> ArraySlice<UInt8> { arena[pathRange(index)] }
}

extension FileTable: Sequence {
    public struct Iterator: IteratorProtocol {
        fileprivate let table: FileTable
        fileprivate var index = 0

        public mutating func next() -> FileEntry? {
            guard index < table.count else { return nil }
            defer { index += 1 }
            return table[index]
        }
    }

    public func makeIterator() -> Iterator { Iterator(table: self) }
}

extension FileTable: Equatable {
    /// Equal when the source would give the same bytes: same paths, sizes and tags in the same order.
    public static func == (left: FileTable, right: FileTable) -> Bool {
        left.arena == right.arena && left.pathEnds == right.pathEnds && left.tagEnds == right.tagEnds
            && left.sizes == right.sizes && left.modifiedSeconds == right.modifiedSeconds
            && left.emptyDirectories == right.emptyDirectories
    }
}

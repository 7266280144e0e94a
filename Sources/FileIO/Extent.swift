import CChecksum

/// A range of a file that was written in one go, with the checksums of its bytes.
public struct Extent: Hashable, Sendable {
    /// Bytes from the file's start.
    public let offset: Int64
    /// Bytes; more than 0.
    public let length: Int64
    public let crc64nvme: UInt64
    /// `nil` where it was not asked for.
    public let crc32c: UInt32?
    public let crc32: UInt32?

    public var end: Int64 { offset + length }

    public init(offset: Int64, length: Int64, crc64nvme: UInt64, crc32c: UInt32?, crc32: UInt32?) {
        self.offset = offset
        self.length = length
        self.crc64nvme = crc64nvme
        self.crc32c = crc32c
        self.crc32 = crc32
    }

    /// This extent and the one that begins where it ends, as one: a CRC of a whole follows from those of its parts.
    func joined(_ next: Extent) -> Extent {
        let length = UInt64(next.length)
        return Extent(
            offset: offset, length: self.length + next.length,
            crc64nvme: aspired_crc64nvme_combine(crc64nvme, next.crc64nvme, length),
            crc32c: both(crc32c, next.crc32c).map { aspired_crc32c_combine($0, $1, length) },
            crc32: both(crc32, next.crc32).map { aspired_crc32_combine($0, $1, length) })
    }
}

private func both(_ left: UInt32?, _ right: UInt32?) -> (UInt32, UInt32)? {
    guard let left, let right else { return nil }
    return (left, right)
}

/// The extents of one file: disjoint, ascending, neighbours joined.
struct ExtentMap {
    private(set) var extents: [Extent] = []

    var bytes: Int64 { extents.reduce(0) { $0 + $1.length } }

    /// Adds an extent.
    /// - Returns: `false`, changing nothing, where it overlaps one that is there.
    mutating func insert(_ extent: Extent) -> Bool {
        let index = extents.firstIndex { $0.offset >= extent.offset } ?? extents.endIndex
        if index > 0, extents[index - 1].end > extent.offset { return false }
        if index < extents.endIndex, extent.end > extents[index].offset { return false }
        extents.insert(extent, at: index)
        join(at: index)
        if index > 0 { join(at: index - 1) }
        return true
    }

    private mutating func join(at index: Int) {
        guard index + 1 < extents.endIndex, extents[index].end == extents[index + 1].offset else { return }
        extents[index] = extents[index].joined(extents[index + 1])
        extents.remove(at: index + 1)
    }

    mutating func removeAll() { extents = [] }

    /// How far the bytes from `offset` on are covered without a gap; `offset` itself if they are not.
    func end(from offset: Int64) -> Int64 {
        extents.last { $0.offset <= offset }.map { max(offset, $0.end) } ?? offset
    }

    /// What no extent covers of a file of `size` bytes.
    func missing(of size: Int64) -> [Range<Int64>] {
        var missing: [Range<Int64>] = []
        var position: Int64 = 0
        for extent in extents {
            if position < extent.offset { missing.append(position..<extent.offset) }
            position = extent.end
        }
        if position < size { missing.append(position..<size) }
        return missing
    }

    /// The one extent that covers a whole file of `size` bytes.
    func whole(of size: Int64) -> Extent? {
        if size == 0 { return Extent(offset: 0, length: 0, crc64nvme: 0, crc32c: 0, crc32: 0) }
        guard extents.count == 1, let only = extents.first, only.offset == 0, only.length == size else { return nil }
        return only
    }
}

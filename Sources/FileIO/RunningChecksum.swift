import CChecksum
public import Servables

/// CRCs of bytes as they pass.
public struct RunningChecksum: Sendable {
    private let set: ChecksumSet
    public private(set) var crc64nvme: UInt64 = 0
    private(set) var crc32c: UInt32 = 0
    private(set) var crc32: UInt32 = 0
    /// Bytes that have passed.
    public private(set) var length: Int64 = 0

    /// - Parameter set: what to compute; CRC-64/NVME always is.
    public init(_ set: ChecksumSet = .crc64nvme) { self.set = set }

    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        crc64nvme = aspired_crc64nvme(crc64nvme, base, bytes.count)
        if set.contains(.crc32c) { crc32c = aspired_crc32c(crc32c, base, bytes.count) }
        if set.contains(.crc32) { crc32 = aspired_crc32(crc32, base, bytes.count) }
        length += Int64(bytes.count)
    }

    /// As `update`, and copies the bytes to `target`, which has room for them and is elsewhere, in one pass.
    mutating func copy(_ bytes: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer) {
        guard let base = bytes.baseAddress else { return }
        crc64nvme = aspired_crc64nvme_copy(crc64nvme, target, base, bytes.count)
        if set.contains(.crc32c) { crc32c = aspired_crc32c(crc32c, target, bytes.count) }
        if set.contains(.crc32) { crc32 = aspired_crc32(crc32, target, bytes.count) }
        length += Int64(bytes.count)
    }

    /// The extent of what has passed, if it began at `offset` of a file.
    public func extent(at offset: Int64) -> Extent {
        Extent(
            offset: offset, length: length, crc64nvme: crc64nvme,
            crc32c: set.contains(.crc32c) ? crc32c : nil, crc32: set.contains(.crc32) ? crc32 : nil)
    }
}

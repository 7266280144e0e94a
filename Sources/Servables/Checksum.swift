/// The whole-file checksums that can be computed range by range and combined.
public struct ChecksumSet: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// CRC-64/NVME: computed of every file, always.
    public static let crc64nvme = ChecksumSet(rawValue: 1)
    public static let crc32c = ChecksumSet(rawValue: 2)
    public static let crc32 = ChecksumSet(rawValue: 4)
    public static let all: ChecksumSet = [.crc64nvme, .crc32c, .crc32]
}

/// How the bytes of a file were compared with what the store says of them, strongest last.
public enum VerificationMethod: String, Hashable, Sendable, CaseIterable {
    /// Nothing but the length: the store offered nothing else.
    case size
    /// The ETag of a multipart upload: the MD5 of its parts' MD5s.
    case md5Multipart = "md5-multipart"
    /// Checksums of the checksums of a multipart upload's parts.
    case crc32Composite = "crc32-composite"
    case crc32cComposite = "crc32c-composite"
    case sha1Composite = "sha1-composite"
    case sha256Composite = "sha256-composite"
    case md5
    case crc32
    case crc32c
    case crc64nvme
    case sha1
    case sha256
    /// Compared byte for byte with a source that is a file itself.
    case bytes
}

/// What is known of a file once it is whole and verified; a manifest records it.
public struct Verification: Hashable, Sendable {
    /// CRC-64/NVME of the file, computed here as its bytes passed.
    public let crc64nvme: UInt64
    /// What of the store's own it was compared with.
    public let method: VerificationMethod

    public init(crc64nvme: UInt64, method: VerificationMethod) {
        self.crc64nvme = crc64nvme
        self.method = method
    }
}

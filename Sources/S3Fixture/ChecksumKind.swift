/// A checksum that S3 offers in `x-amz-checksum-…`; the raw value is the end of that header's name.
public enum ChecksumKind: String, CaseIterable, Sendable {
    case crc64nvme, crc32, crc32c, sha1, sha256

    /// The name in a listing's `ChecksumAlgorithm`.
    var algorithm: String { rawValue.uppercased() }

    var code: CRCCode? {
        switch self {
        case .crc64nvme: .crc64NVME
        case .crc32: .crc32
        case .crc32c: .crc32C
        case .sha1, .sha256: nil
        }
    }

    /// The check in network order.
    func bytes(ofCRC value: UInt64) -> [UInt8] {
        self == .crc64nvme ? bigEndianBytes(value) : bigEndianBytes(UInt32(truncatingIfNeeded: value))
    }

    /// Header value: Base64 of the check in network order.
    func text(ofCRC value: UInt64) -> String { base64(bytes(ofCRC: value)) }
}

/// The MD5 and every offered checksum of some content, in one pass over it.
struct ContentDigester: Sendable {
    struct Result: Sendable {
        let md5: [UInt8]
        /// In binary.
        let checksums: [ChecksumKind: [UInt8]]

        /// As their headers say them.
        var texts: [ChecksumKind: String] { checksums.mapValues(base64) }
    }

    private let kinds: [ChecksumKind]
    private var md5 = Digester<MD5>()
    private var sha1: Digester<SHA1>?
    private var sha256: Digester<SHA256>?
    private var crcs: [(kind: ChecksumKind, crc: CRC)]

    init(_ kinds: [ChecksumKind]) {
        self.kinds = kinds
        sha1 = kinds.contains(.sha1) ? Digester() : nil
        sha256 = kinds.contains(.sha256) ? Digester() : nil
        crcs = kinds.compactMap { kind in kind.code.map { (kind, CRC($0)) } }
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        md5.update(bytes)
        sha1?.update(bytes)
        sha256?.update(bytes)
        for index in crcs.indices { crcs[index].crc.update(bytes) }
    }

    /// Gives the digests of what came, and begins anew.
    mutating func finish() -> Result {
        defer { self = ContentDigester(kinds) }
        var checksums: [ChecksumKind: [UInt8]] = [:]
        for (kind, crc) in crcs { checksums[kind] = kind.bytes(ofCRC: crc.value) }
        checksums[.sha1] = sha1?.finish()
        checksums[.sha256] = sha256?.finish()
        return Result(md5: md5.finish(), checksums: checksums)
    }
}

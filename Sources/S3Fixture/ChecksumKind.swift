/// A checksum that S3 offers in `x-amz-checksum-…`; the raw value is the end of that header's name.
public enum ChecksumKind: String, CaseIterable, Sendable {
    case crc64nvme, crc32, crc32c, sha256

    /// The name in a listing's `ChecksumAlgorithm`.
    var algorithm: String { rawValue.uppercased() }

    var code: CRCCode? {
        switch self {
        case .crc64nvme: .crc64NVME
        case .crc32: .crc32
        case .crc32c: .crc32C
        case .sha256: nil
        }
    }

    /// Header value: Base64 of the check in network order.
    func text(ofCRC value: UInt64) -> String {
        base64(self == .crc64nvme ? bigEndianBytes(value) : bigEndianBytes(UInt32(truncatingIfNeeded: value)))
    }
}

/// The MD5 and every offered checksum of some content, in one pass over it.
struct ContentDigester: Sendable {
    private var md5 = Digester<MD5>()
    private var sha256: Digester<SHA256>?
    private var crcs: [(kind: ChecksumKind, crc: CRC)]

    init(_ kinds: [ChecksumKind]) {
        sha256 = kinds.contains(.sha256) ? Digester() : nil
        crcs = kinds.compactMap { kind in kind.code.map { (kind, CRC($0)) } }
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        md5.update(bytes)
        sha256?.update(bytes)
        for index in crcs.indices { crcs[index].crc.update(bytes) }
    }

    /// - Returns: the MD5 in binary, and the checksums by kind as their headers say them.
    mutating func finish() -> (md5: [UInt8], checksums: [ChecksumKind: String]) {
        var checksums: [ChecksumKind: String] = [:]
        for (kind, crc) in crcs { checksums[kind] = kind.text(ofCRC: crc.value) }
        if let digest = sha256?.finish() { checksums[.sha256] = base64(digest) }
        return (md5.finish(), checksums)
    }
}

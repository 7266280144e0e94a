import Digests
import FileIO
import Servables
import Transfer

/// The strongest thing that a store says of a whole object's bytes.
enum OfferedChecksum: Hashable, Sendable {
    case crc(CRC, value: UInt64)
    case digest(FileDigest, value: [UInt8])
    /// Of the parts that the object was uploaded in: a digest of the file once their sizes are known.
    case parts(OfferedParts)
    /// Nothing that could be compared: the length has to do.
    case none

    enum CRC: Hashable, Sendable {
        case crc32
        case crc32c
        case crc64nvme

        /// Of these bytes; `nil` where it was not computed.
        func value(of bytes: Extent) -> UInt64? {
            switch self {
            case .crc64nvme: bytes.crc64nvme
            case .crc32c: bytes.crc32c.map(UInt64.init)
            case .crc32: bytes.crc32.map(UInt64.init)
            }
        }
    }

    /// Chooses from the headers of an answer for the **whole** object: a plain GET's or a HEAD's. A range's or a part's answer must
    /// not be asked, since stores differ in what they send with it (reference, section 3).
    ///
    /// The order is that of `VerificationMethod`: what is of the whole first, then composite checksums, then multipart ETags.
    init(_ head: ResponseHead, _ object: S3Object) {
        let offer = Offer(head, object)
        if let value = offer.whole("x-amz-checksum-sha256", bytes: 32) {
            self = .digest(FileDigest(.sha256), value: value)
        } else if let value = offer.whole("x-amz-checksum-sha1", bytes: 20), DigestKind.sha1.isAvailable {
            self = .digest(FileDigest(.sha1), value: value)
        } else if let value = offer.whole("x-amz-checksum-crc64nvme", bytes: 8, isAlwaysWhole: true) {
            self = .crc(.crc64nvme, value: bigEndian(value))
        } else if let value = offer.whole("x-amz-checksum-crc32c", bytes: 4) {
            self = .crc(.crc32c, value: bigEndian(value))
        } else if let value = offer.whole("x-amz-checksum-crc32", bytes: 4) {
            self = .crc(.crc32, value: bigEndian(value))
        } else if let value = offer.tag.md5, offer.hasMD5 {
            self = .digest(FileDigest(.md5), value: value)
        } else if let parts = offer.composite ?? offer.multipart {
            self = .parts(parts)
        } else {
            self = .none
        }
    }

    /// Whether bytes in memory are the whole object's, as far as a checksum of the whole says anything.
    func isMet(by bytes: [UInt8]) -> Bool {
        switch self {
        case .crc(let crc, let value):
            var running = RunningChecksum(.all)
            bytes.withUnsafeBytes { running.update($0) }
            return crc.value(of: running.extent(at: 0)) == value
        case .digest(let digest, let value): return digest.hash.kind.map { $0.digest(of: bytes) == value } ?? true
        case .parts, .none: return true
        }
    }

    /// What has to be computed while the bytes pass. CRC-64/NVME always is.
    var computed: ChecksumSet {
        switch self {
        case .crc(.crc32, _): [.crc64nvme, .crc32]
        case .crc(.crc32c, _): [.crc64nvme, .crc32c]
        case .crc(.crc64nvme, _), .digest, .parts, .none: [.crc64nvme]
        }
    }

    var method: VerificationMethod {
        switch self {
        case .crc(.crc32, _): .crc32
        case .crc(.crc32c, _): .crc32c
        case .crc(.crc64nvme, _): .crc64nvme
        case .digest(let digest, _): digest.parts.isEmpty ? digest.hash.method : digest.hash.methodOfParts
        case .parts, .none: .size
        }
    }

    /// What was offered, in hexadecimal digits, for messages.
    var text: String {
        switch self {
        case .crc(let crc, let value): OfferedChecksum.hexadecimal(value, crc)
        case .digest(_, let value): Hex.encode(value)
        case .parts(let parts): Hex.encode(parts.value)
        case .none: "nothing"
        }
    }

    static func hexadecimal(_ value: UInt64, _ crc: CRC) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, (crc == .crc64nvme ? 16 : 8) - digits.count)) + digits
    }
}

extension FileDigest.Hash {
    var method: VerificationMethod {
        switch self {
        case .md5: .md5
        case .sha1: .sha1
        case .sha256: .sha256
        case .crc32: .crc32
        case .crc32c: .crc32c
        }
    }

    var methodOfParts: VerificationMethod {
        switch self {
        case .md5: .md5Multipart
        case .sha1: .sha1Composite
        case .sha256: .sha256Composite
        case .crc32: .crc32Composite
        case .crc32c: .crc32cComposite
        }
    }
}

private func bigEndian(_ bytes: [UInt8]) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }

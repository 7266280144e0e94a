import Digests
import FileIO
import Servables
import Transfer

/// The strongest thing that a store says of a whole object's bytes.
enum OfferedChecksum: Hashable, Sendable {
    case crc(CRC, value: UInt64)
    case digest(DigestKind, value: [UInt8])
    /// Nothing that could be compared: the length has to do.
    case none

    enum CRC: Hashable, Sendable {
        case crc32
        case crc32c
        case crc64nvme
    }

    /// Chooses from the headers of an answer for the **whole** object: a plain GET's or a HEAD's. A range's answer must not be
    /// asked, since stores differ in what they send with it (reference, section 3).
    ///
    /// The order is that of `VerificationMethod`. Composite checksums and multipart ETags are of the parts, not of the bytes, and
    /// say nothing here.
    init(_ head: ResponseHead, etag: String) {
        let type = head["x-amz-checksum-type"]
        // A store that names no type may give a composite value without its mark, as moto does: of an object that was uploaded in
        // parts only what says that it is of the whole is believed, and CRC-64/NVME, which always is.
        let isUploadedWhole = !ETag(head["etag"] ?? etag).opaque.contains("-")
        func offered(_ name: String, bytes count: Int, isAlwaysWhole: Bool = false) -> [UInt8]? {
            guard type.map({ $0 == "FULL_OBJECT" }) ?? (isUploadedWhole || isAlwaysWhole),
                let text = head["x-amz-checksum-\(name)"], !text.contains("-"), let bytes = Base64.decode(text),
                bytes.count == count
            else { return nil }
            return bytes
        }
        if let value = offered("sha256", bytes: 32) {
            self = .digest(.sha256, value: value)
        } else if let value = offered("sha1", bytes: 20) {
            self = .digest(.sha1, value: value)
        } else if let value = offered("crc64nvme", bytes: 8, isAlwaysWhole: true) {
            self = .crc(.crc64nvme, value: bigEndian(value))
        } else if let value = offered("crc32c", bytes: 4) {
            self = .crc(.crc32c, value: bigEndian(value))
        } else if let value = offered("crc32", bytes: 4) {
            self = .crc(.crc32, value: bigEndian(value))
        } else if let value = ETag(head["etag"] ?? etag).md5, OfferedChecksum.isMD5(head), DigestKind.md5.isAvailable {
            self = .digest(.md5, value: value)
        } else {
            self = .none
        }
    }

    /// An ETag of an object that is encrypted with a key of the customer's or of KMS is no MD5 (S3, `Object.ETag`).
    private static func isMD5(_ head: ResponseHead) -> Bool {
        let encryption = head["x-amz-server-side-encryption"]
        return (encryption == nil || encryption == "AES256") && head["x-amz-server-side-encryption-customer-algorithm"] == nil
    }

    /// What has to be computed while the bytes pass. CRC-64/NVME always is.
    var computed: ChecksumSet {
        switch self {
        case .crc(.crc32, _): [.crc64nvme, .crc32]
        case .crc(.crc32c, _): [.crc64nvme, .crc32c]
        case .crc(.crc64nvme, _), .digest, .none: [.crc64nvme]
        }
    }

    var method: VerificationMethod {
        switch self {
        case .crc(.crc32, _): .crc32
        case .crc(.crc32c, _): .crc32c
        case .crc(.crc64nvme, _): .crc64nvme
        case .digest(.md5, _): .md5
        case .digest(.sha1, _): .sha1
        case .digest(.sha256, _): .sha256
        case .none: .size
        }
    }

    /// What was offered, in hexadecimal digits, for messages.
    var text: String {
        switch self {
        case .crc(let crc, let value): OfferedChecksum.hexadecimal(value, crc)
        case .digest(_, let value): Hex.encode(value)
        case .none: "nothing"
        }
    }

    static func hexadecimal(_ value: UInt64, _ crc: CRC) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, (crc == .crc64nvme ? 16 : 8) - digits.count)) + digits
    }
}

private func bigEndian(_ bytes: [UInt8]) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }

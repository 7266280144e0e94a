import Digests
import FileIO
import Transfer

/// A checksum over the checksums of an object's parts: a composite checksum, or a multipart ETag.
struct OfferedParts: Hashable, Sendable {
    let hash: FileDigest.Hash
    let value: [UInt8]
    let count: Int
    /// Whether bytes that do not give this value are wrong ones: not for the ETag of a single part, since MinIO marks with `-1` those
    /// ETags of its that are no MD5 of anything; nor for a value of a single part without its mark, which may be the part's own.
    let isConclusive: Bool

    /// S3 takes no more (S3 user guide, "Amazon S3 multipart upload limits").
    static let maximumCount = 10_000

    /// Parts of one size, but for the last, which is not longer: `nil` where an object of this size would not have as many.
    func equal(first: Int64, of size: Int64) -> [Int64]? {
        guard first > 0 || size == 0, first <= size else { return nil }
        let before = first.multipliedReportingOverflow(by: Int64(count - 1))
        guard !before.overflow, before.partialValue <= size else { return nil }
        let last = size - before.partialValue
        guard last > 0 || size == 0, last <= first else { return nil }
        return Array(repeating: first, count: count - 1) + [last]
    }

    /// What uploaders make the parts of if nobody tells them otherwise, in MiB: the AWS command line and boto3 (8), rclone and the
    /// SDKs (5), MinIO's (16, 64), s5cmd (50), and their multiples for large objects.
    private static let usual: [Int64] = [8, 5, 16, 64, 50, 32, 10, 15, 20, 25, 100, 128, 256, 512, 1024]

    /// Guesses, for stores that do not tell: one proves the bytes where it gives the checksum, and nothing where it does not.
    func guesses(of size: Int64) -> [[Int64]] { Self.usual.compactMap { equal(first: $0 << 20, of: size) } }
}

/// What an answer for a whole object says of its bytes.
struct Offer {
    let tag: ETag
    private let head: ResponseHead
    private let object: S3Object
    private let type: String?
    /// Whether the tag is none of an upload in parts.
    private let isUploadedWhole: Bool

    init(_ head: ResponseHead, _ object: S3Object) {
        self.head = head
        self.object = object
        tag = ETag(head["etag"] ?? object.etag)
        type = head["x-amz-checksum-type"]
        isUploadedWhole = !tag.opaque.utf8.contains(UInt8(ascii: "-"))
    }

    /// A checksum of the whole object; `name` is its header's.
    func whole(_ name: String, bytes count: Int, isAlwaysWhole: Bool = false) -> [UInt8]? {
        // A store that names no type may give a composite value without its mark, as moto does: of an object that was uploaded in
        // parts only what says that it is of the whole is believed, and CRC-64/NVME, which always is.
        guard type.map({ $0 == "FULL_OBJECT" }) ?? (isUploadedWhole || isAlwaysWhole),
            let text = head[name], let bytes = Base64.decode(text), bytes.count == count
        else { return nil }
        return bytes
    }

    /// The strongest checksum of the parts' checksums: `VALUE-N`, or without the number, which the ETag has too.
    var composite: OfferedParts? {
        guard type ?? "COMPOSITE" == "COMPOSITE" else { return nil }
        let kinds: [(String, FileDigest.Hash, Int)] = [
            ("sha256", .sha256, 32), ("sha1", .sha1, 20), ("crc32c", .crc32c, 4), ("crc32", .crc32, 4),
        ]
        for (name, hash, length) in kinds {
            guard let text = head["x-amz-checksum-\(name)"], hash.kind?.isAvailable ?? true else { continue }
            let sides = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            let named = sides.count > 1 ? partCount(sides[1]) : nil
            // Without a type only the mark tells that it is composite.
            guard type != nil || named != nil, let value = Base64.decode(sides[0]), value.count == length else { continue }
            let ofTag = tag.multipart?.count
            guard let count = named ?? ofTag, ofTag == nil || ofTag == count else { continue }
            return OfferedParts(hash: hash, value: value, count: count, isConclusive: named != nil || count > 1)
        }
        return nil
    }

    /// The ETag as the MD5 of the parts' MD5s.
    var multipart: OfferedParts? {
        guard hasMD5, let (value, count) = tag.multipart else { return nil }
        return OfferedParts(hash: .md5, value: value, count: count, isConclusive: count > 1)
    }

    /// Whether ETags of this object are made of MD5s: not if it is encrypted with a key of the customer's or of KMS
    /// (S3, `Object.ETag`), nor in a directory bucket (S3 Express).
    var hasMD5: Bool {
        let encryption = head["x-amz-server-side-encryption"]
        return (encryption == nil || encryption == "AES256")
            && head["x-amz-server-side-encryption-customer-algorithm"] == nil
            && head["x-amz-storage-class"] != "EXPRESS_ONEZONE" && !object.bucket.hasSuffix("--x-s3")
            && DigestKind.md5.isAvailable
    }
}

extension ETag {
    /// The digest and the number of parts that the tag has, if it has the form of a multipart upload's.
    var multipart: (value: [UInt8], count: Int)? {
        let sides = opaque.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard sides.count == 2, sides[0].utf8.count == 32, let value = Hex.decode(sides[0]), let count = partCount(sides[1])
        else {
            return nil
        }
        return (value, count)
    }
}

/// Digits only, as `Int.init` would take a sign.
private func partCount(_ text: Substring) -> Int? {
    guard text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let count = Int(text) else { return nil }
    return 1...OfferedParts.maximumCount ~= count ? count : nil
}

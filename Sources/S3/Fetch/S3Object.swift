import Digests
import FileIO

/// One revision of an object, as it was listed: what is fetched, or nothing.
public struct S3Object: Hashable, Sendable {
    public let bucket: String
    public let key: String
    /// Bytes.
    public let size: Int64
    /// As it was listed. Every request is pinned to it; where a store lists none, the size alone tells a revision.
    public let etag: String
    /// Of its bytes, where somebody else than the store says so: compared instead of what the store offers, which cannot be
    /// stronger.
    public let sha256: [UInt8]?

    public init(bucket: String, key: String, size: Int64, etag: String, sha256: [UInt8]? = nil) {
        self.bucket = bucket
        self.key = key
        self.size = size
        self.etag = etag
        self.sha256 = sha256
    }

    var resource: S3Resource { S3Resource(bucket: bucket, key: key) }

    /// Whether an ETag has the form of a digest of an object's bytes, or of its parts' digests, so that it is another for other bytes.
    public static func isDigest(etag: String) -> Bool {
        let fields = ETag(etag).opaque.split(separator: "-", omittingEmptySubsequences: false)
        guard !etag.hasPrefix("W/"), let digest = fields.first, digest.utf8.count == 32, Hex.decode(digest) != nil else {
            return false
        }
        return fields.count == 1 || fields.count == 2 && (Int(fields[1]) ?? 0) > 0
    }

    /// What is compared whatever the store offers.
    var stated: OfferedChecksum? { sha256.map { .digest(FileDigest(.sha256), value: $0) } }

    /// The headers that make a store answer for this revision only.
    var pin: [(name: String, value: String)] { etag.isEmpty ? [] : [("if-match", ETag(etag).quoted)] }

    /// Whether an answer is about another revision: for stores that do not know `If-Match`.
    func isOther(etag other: String?) -> Bool {
        guard let other, other != etag, !etag.isEmpty, !other.isEmpty else { return false }
        return ETag(etag).opaque != ETag(other).opaque
    }
}

/// An entity tag, which some stores give without its quotes.
struct ETag: Hashable, Sendable {
    /// Without quotes and without the mark of a weak tag.
    let opaque: Substring

    init(_ text: String) {
        var rest = text.utf8[...]
        if rest.starts(with: "W/".utf8) { rest.removeFirst(2) }
        if rest.first == UInt8(ascii: "\"") { rest.removeFirst() }
        if rest.last == UInt8(ascii: "\"") { rest.removeLast() }
        opaque = Substring(rest)
    }

    var quoted: String { "\"\(opaque)\"" }

    /// The MD5 that the tag is, if it has the form of one. (Of a multipart upload it has a `-` and the number of parts.)
    var md5: [UInt8]? {
        opaque.utf8.count == 32 ? Hex.decode(opaque) : nil
    }
}

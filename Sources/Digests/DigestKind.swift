/// The sequential digests that a store may offer for a whole object.
public enum DigestKind: Hashable, Sendable, CaseIterable {
    /// RFC 1321: what an S3 ETag often is. It shows damage, not forgery.
    case md5
    /// FIPS 180-4.
    case sha1
    /// FIPS 180-4.
    case sha256

    /// The length of a digest.
    public var byteCount: Int {
        switch self {
        case .md5: 16
        case .sha1: 20
        case .sha256: 32
        }
    }

    /// Whether the libcrypto of this machine offers the digest: MD5 may be missing where only a FIPS provider is configured.
    ///
    /// To be asked before MD5 or SHA-1 is relied on; SHA-256 is always there.
    public var isAvailable: Bool { Algorithm.of(self) != nil }

    /// The digest of bytes that are all there, as ``MessageDigest`` of them.
    public func digest(of bytes: some Sequence<UInt8>) -> [UInt8] {
        var digest = MessageDigest(self)
        digest.update(bytes)
        return digest.finish()
    }
}

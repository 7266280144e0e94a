/// Keyed digests (RFC 2104).
///
/// Composed here of two digests: libcrypto's own interfaces look their algorithm up by name at each use, which takes three times as
/// long as the whole, and signing a request needs several.
public enum HMAC {
    /// HMAC-SHA256, 32 bytes.
    public static func sha256(of message: some Sequence<UInt8>, key: some Sequence<UInt8>) -> [UInt8] {
        let blockSize = 64
        var key = Array(key)
        if key.count > blockSize { key = DigestKind.sha256.digest(of: key) }
        key += repeatElement(0, count: blockSize - key.count)

        var inner = MessageDigest(.sha256)
        inner.update(key.map { $0 ^ 0x36 })
        inner.update(message)
        var outer = MessageDigest(.sha256)
        outer.update(key.map { $0 ^ 0x5C })
        outer.update(inner.finish())
        return outer.finish()
    }
}

import COpenSSL

/// libcrypto's implementations, fetched once for the life of the process: a fetch takes a lock and a search by name, several times
/// as long as the digest of a request to be signed.
enum Algorithm {
    static func of(_ kind: DigestKind) -> OpaquePointer? {
        switch kind {
        case .md5: md5
        case .sha1: sha1
        case .sha256: sha256
        }
    }

    // An `EVP_MD` is immutable once fetched, and may be used by all threads at once (EVP_MD_fetch(3)).
    // "-fips" asks for MD5 even where the configuration prefers FIPS providers, as Python's `usedforsecurity=False` does: here it
    // only tells whether bytes were damaged on their way.
    nonisolated(unsafe) private static let md5 = EVP_MD_fetch(nil, "MD5", "-fips")
    nonisolated(unsafe) private static let sha1 = EVP_MD_fetch(nil, "SHA1", nil)
    nonisolated(unsafe) private static let sha256 = EVP_MD_fetch(nil, "SHA256", nil)
}

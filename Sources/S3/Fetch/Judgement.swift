import Digests
import FileIO
import Servables

/// What a comparison of bytes with an offered digest says.
enum Judgement: Hashable {
    /// They are the object's, and this is how it is known.
    case equal(VerificationMethod)
    /// They are not: their digest is another one.
    case different(got: String)
    /// Nothing tells: the length has to do.
    case untold
}

extension OfferedChecksum {
    /// Compares a digest of the bytes with this one. Bytes are called wrong only where nothing but wrong bytes can be the reason: that
    /// all parts of an object are equal is a guess, so their sizes are asked for first. `sizes` are of the object's parts, where `value`
    /// is a checksum of them.
    static func judge(
        _ digest: FileDigest, _ value: [UInt8], sizes: PartSizes?,
        compute: (FileDigest) async throws(S3Error) -> [UInt8]
    ) async throws(S3Error) -> Judgement {
        var got = try await compute(digest)
        if got != value, let sizes {
            guard let exact = try await sizes.exact() else {
                for other in sizes.guesses(but: digest.parts) {
                    if try await compute(FileDigest(digest.hash, parts: other)) == value {
                        return .equal(OfferedChecksum.digest(digest, value: value).method)
                    }
                }
                return .untold
            }
            guard sizes.parts.isConclusive else { return .untold }
            if exact != digest.parts { got = try await compute(FileDigest(digest.hash, parts: exact)) }
        }
        return got == value ? .equal(OfferedChecksum.digest(digest, value: value).method) : .different(got: Hex.encode(got))
    }
}

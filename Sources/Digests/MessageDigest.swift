import COpenSSL

/// A digest of bytes that come piece by piece, in order.
///
/// Owned by one task or thread at a time; it may be handed on between pieces.
public struct MessageDigest: ~Copyable, @unchecked Sendable {
    public let kind: DigestKind
    /// An `EVP_MD_CTX` that is ours alone: what makes the struct `Sendable` is that it cannot be copied.
    private let context: OpaquePointer

    /// Begins a digest, which must be available on this machine (``DigestKind/isAvailable``).
    public init(_ kind: DigestKind) {
        guard let algorithm = Algorithm.of(kind) else {
            preconditionFailure("libcrypto offers no \(kind): ask isAvailable first")
        }
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex2(context, algorithm, nil) == 1 else {
            preconditionFailure("a digest cannot be begun: memory is exhausted")
        }
        self.kind = kind
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Takes the next bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        let updated = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(updated == 1, "a digest that was begun takes bytes")
    }

    /// Takes the next bytes; without a copy if they lie in one piece, as those of an array do.
    public mutating func update(_ bytes: some Sequence<UInt8>) {
        if bytes.withContiguousStorageIfAvailable({ update(UnsafeRawBufferPointer($0)) }) == nil {
            Array(bytes).withUnsafeBytes { update($0) }
        }
    }

    /// The digest of all bytes taken, ``DigestKind/byteCount`` long.
    public consuming func finish() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: kind.byteCount) { buffer, count in
            let finished = EVP_DigestFinal_ex(context, buffer.baseAddress, nil)
            precondition(finished == 1, "a digest that was begun can be finished")
            count = kind.byteCount
        }
    }
}

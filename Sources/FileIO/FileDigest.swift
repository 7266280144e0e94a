import CChecksum
public import Digests
public import SystemPackage

/// What stores compute of a file's bytes in order: a digest of the whole, or one over the digests of its parts, as S3 has of what was
/// uploaded in parts (a multipart ETag is the MD5 of the parts' MD5s, a composite checksum that of the parts' checksums).
public struct FileDigest: Hashable, Sendable {
    public enum Hash: Hashable, Sendable, CaseIterable {
        case md5, sha1, sha256
        /// CRCs of a whole are combined from ranges (`Extent`); here they are of parts. In network order, as digests are.
        case crc32, crc32c

        /// `nil` for a CRC.
        public var kind: DigestKind? {
            switch self {
            case .md5: .md5
            case .sha1: .sha1
            case .sha256: .sha256
            case .crc32, .crc32c: nil
            }
        }
    }

    public let hash: Hash
    /// Bytes of each part in order, all together the file; empty for a digest of the whole.
    public let parts: [Int64]

    public init(_ hash: Hash, parts: [Int64] = []) {
        self.hash = hash
        self.parts = parts
    }

    /// What is hashed by itself, of a file of `size` bytes.
    func sections(of size: Int64) -> [Range<Int64>] {
        guard !parts.isEmpty else { return [0..<size] }
        var start: Int64 = 0
        return parts.map { length in
            defer { start += length }
            return start..<start + length
        }
    }

    /// The digest of what the sections gave.
    func joined(_ results: [[UInt8]]) -> [UInt8] {
        guard !parts.isEmpty else { return results.first ?? [] }
        var running = RunningHash(hash)
        for result in results { result.withUnsafeBytes { running.update($0) } }
        return running.finish()
    }
}

/// A hash of bytes that come piece by piece, in order.
struct RunningHash: ~Copyable {
    private let hash: FileDigest.Hash
    private var digest: MessageDigest?
    private var crc: UInt32 = 0

    init(_ hash: FileDigest.Hash) {
        self.hash = hash
        digest = hash.kind.map { MessageDigest($0) }
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        switch hash {
        case .crc32: crc = aspired_crc32(crc, bytes.baseAddress, bytes.count)
        case .crc32c: crc = aspired_crc32c(crc, bytes.baseAddress, bytes.count)
        case .md5, .sha1, .sha256: digest?.update(bytes)
        }
    }

    consuming func finish() -> [UInt8] {
        if let digest { return digest.finish() }
        return withUnsafeBytes(of: crc.bigEndian) { Array($0) }
    }
}

extension FileSystem {
    /// A digest of a whole file, read from its start to its end.
    public func digest(_ digest: FileDigest, of path: FilePath, size: Int64) throws(FileError) -> [UInt8] {
        let file = try open(path, .read)
        var results: [[UInt8]] = []
        for section in digest.sections(of: size) {
            var running = RunningHash(digest.hash)
            try forEachChunk(of: file, in: section) { running.update($0) }
            results.append(running.finish())
        }
        return digest.joined(results)
    }
}

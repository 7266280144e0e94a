/// How objects came: a part at a time.
public struct UploadParts: Hashable, Sendable {
    /// Bytes of the parts in order; the last one repeats for as long as there are bytes.
    public var sizes: [Int]
    /// Whether checksums are of the parts' checksums (`COMPOSITE`) in place of the whole; CRC-64/NVME always is of the whole.
    public var isComposite: Bool

    public init(sizes: [Int], isComposite: Bool = false) {
        precondition(!sizes.isEmpty && sizes.allSatisfy { $0 > 0 }, "a part has a byte")
        self.sizes = sizes
        self.isComposite = isComposite
    }

    func size(_ index: Int) -> Int { sizes[min(index, sizes.count - 1)] }
}

/// A part that an object was uploaded in.
struct ObjectPart: Sendable {
    let size: Int
    let checksums: [String: String]
}

/// ETag and checksums of an object, in one pass over its content, as S3 has them of one uploaded in parts or in one piece.
struct ObjectDigester: Sendable {
    private let parts: UploadParts?
    private var whole: ContentDigester
    private var part: ContentDigester
    private var results: [(size: Int, result: ContentDigester.Result)] = []
    /// Bytes of the part that is not finished.
    private var count = 0

    init(_ kinds: [ChecksumKind], _ parts: UploadParts?) {
        self.parts = parts
        whole = ContentDigester(kinds)
        part = ContentDigester(kinds)
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        whole.update(bytes)
        guard let parts else { return }
        var rest = bytes
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(parts.size(results.count) - count))
            part.update(piece)
            count += piece.count
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
            if count == parts.size(results.count) { endPart() }
        }
    }

    private mutating func endPart() {
        results.append((count, part.finish()))
        count = 0
    }

    /// What is shorter than its first part is uploaded in one piece, as clients do.
    mutating func finish() -> DigestCache.Digests {
        let all = whole.finish()
        var digests = DigestCache.Digests(etag: hex(all.md5), checksums: named(all.texts))
        guard let parts, !results.isEmpty else { return digests }
        if count > 0 { endPart() }
        digests.etag = hex(Digester<MD5>.digest(results.flatMap(\.result.md5))) + "-\(results.count)"
        digests.parts = results.map { ObjectPart(size: $0.size, checksums: parts.isComposite ? named($0.result.texts) : [:]) }
        guard parts.isComposite else { return digests }
        digests.checksumType = "COMPOSITE"
        for kind in all.checksums.keys where kind != .crc64nvme {
            let joined = results.flatMap { $0.result.checksums[kind] ?? [] }
            digests.checksums[kind.rawValue] = base64(checksum(kind, of: joined)) + "-\(results.count)"
        }
        return digests
    }

    private func checksum(_ kind: ChecksumKind, of bytes: [UInt8]) -> [UInt8] {
        var digester = ContentDigester([kind])
        bytes.withUnsafeBytes { digester.update($0) }
        return digester.finish().checksums[kind] ?? []
    }

    private func named(_ checksums: [ChecksumKind: String]) -> [String: String] {
        Dictionary(uniqueKeysWithValues: checksums.map { ($0.key.rawValue, $0.value) })
    }
}

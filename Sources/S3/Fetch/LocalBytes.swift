public import FileIO
public import Servables

/// Bytes on this machine that may be an object's; what is asked of them is computed then.
public protocol LocalBytes: Sendable {
    /// All CRCs of the whole.
    func checksums() async throws(FileError) -> Extent
    /// A digest of the whole, or of its parts.
    func digest(_ digest: FileDigest) async throws(FileError) -> [UInt8]
}

extension S3Client {
    /// Compares bytes that are there already with what the store says of an object, by one HEAD.
    /// - Returns: `nil` where they differ, or where the store offers nothing but the length to tell by.
    public func compare(_ object: S3Object, with local: some LocalBytes) async throws(S3Error) -> Verification? {
        let head = try await retrying { (connection) async throws(FailedTry) in
            try await self.head(object.resource, pin: object.pin, by: connection)
        }
        guard head.size == object.size, !object.isOther(etag: head.etag) else { return nil }
        var offered = OfferedChecksum(head.head, object)
        var sizes: PartSizes?
        if case .parts(let parts) = offered {
            let asked = partSizes(of: object, parts)
            sizes = asked
            offered = try await asked.assumed().map { .digest(FileDigest(parts.hash, parts: $0), value: parts.value) } ?? .none
        }
        let checksums = try await bytes { () async throws(FileError) in try await local.checksums() }
        guard checksums.length == object.size else { return nil }
        let isEqual: Bool
        switch offered {
        case .none, .parts: isEqual = false
        case .crc(.crc64nvme, let value): isEqual = checksums.crc64nvme == value
        case .crc(.crc32c, let value): isEqual = checksums.crc32c.map(UInt64.init) == value
        case .crc(.crc32, let value): isEqual = checksums.crc32.map(UInt64.init) == value
        case .digest(let digest, let value):
            let judgement = try await OfferedChecksum.judge(digest, value, sizes: sizes) { (digest) async throws(S3Error) in
                try await bytes { () async throws(FileError) in try await local.digest(digest) }
            }
            isEqual = judgement == .equal(offered.method)
        }
        return isEqual ? Verification(crc64nvme: checksums.crc64nvme, method: offered.method) : nil

        func bytes<Value: Sendable>(_ body: () async throws(FileError) -> Value) async throws(S3Error) -> Value {
            do throws(FileError) {
                return try await body()
            } catch {
                throw S3Error(.headObject, object.resource, .file(error))
            }
        }
    }

    private func partSizes(of object: S3Object, _ parts: OfferedParts) -> PartSizes {
        PartSizes(
            object: object, parts: parts,
            ask: { (number) async throws(S3Error) in
                try await self.retrying { (connection) async throws(FailedTry) in
                    try await self.size(ofPart: number, parts, of: object, by: connection)
                }
            }, parallel: 2)
    }
}

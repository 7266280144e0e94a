public import Digests
public import FileIO
public import Servables

/// Bytes on this machine that may be an object's; what is asked of them is computed then.
public protocol LocalBytes: Sendable {
    /// All CRCs of the whole.
    func checksums() async throws(FileError) -> Extent
    /// A digest of the whole.
    func digest(_ kind: DigestKind) async throws(FileError) -> [UInt8]
}

extension S3Client {
    /// Compares bytes that are there already with what the store says of an object, by one HEAD.
    /// - Returns: `nil` where they differ, or where the store offers nothing but the length to tell by.
    public func compare(_ object: S3Object, with local: some LocalBytes) async throws(S3Error) -> Verification? {
        let head = try await retrying { () async throws(FailedTry) in
            try await self.head(object.resource, pin: object.pin)
        }
        guard head.size == object.size, !object.isOther(etag: head.etag) else { return nil }
        let offered = OfferedChecksum(head.head, etag: object.etag)
        do throws(FileError) {
            let checksums = try await local.checksums()
            guard checksums.length == object.size else { return nil }
            let isEqual: Bool
            switch offered {
            case .none: isEqual = false
            case .crc(.crc64nvme, let value): isEqual = checksums.crc64nvme == value
            case .crc(.crc32c, let value): isEqual = checksums.crc32c.map(UInt64.init) == value
            case .crc(.crc32, let value): isEqual = checksums.crc32.map(UInt64.init) == value
            case .digest(let kind, let value): isEqual = try await local.digest(kind) == value
            }
            return isEqual ? Verification(crc64nvme: checksums.crc64nvme, method: offered.method) : nil
        } catch {
            throw S3Error(.headObject, object.resource, .file(error))
        }
    }
}

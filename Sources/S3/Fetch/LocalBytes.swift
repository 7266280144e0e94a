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
        let comparison = try await Comparison(OfferedChecksum(head.head, object), of: object, parallel: 2) {
            (number, parts) async throws(S3Error) in
            try await self.retrying { (connection) async throws(FailedTry) in
                try await self.size(ofPart: number, parts, of: object, by: connection)
            }
        }
        let offered = comparison.offered
        let checksums = try await bytes { () async throws(FileError) in try await local.checksums() }
        guard checksums.length == object.size else { return nil }
        let isEqual: Bool
        switch offered {
        case .none, .parts: isEqual = false
        case .crc(let crc, let value): isEqual = crc.value(of: checksums) == value
        case .digest(let digest, let value):
            let judgement = try await OfferedChecksum.judge(digest, value, sizes: comparison.sizes) {
                (digest) async throws(S3Error) in
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
}

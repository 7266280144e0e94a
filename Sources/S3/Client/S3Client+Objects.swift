import Servables
import Transfer

/// What a store says of an object without giving it.
public struct ObjectHead: Hashable, Sendable {
    /// Bytes.
    public let size: Int64
    /// Empty where the store gives none.
    public let etag: String
    /// All that was answered, checksums included.
    let head: ResponseHead
}

extension S3Client {
    /// Asks once for an object's size, ETag and checksums; `pin` are headers that make the answer one about a certain revision.
    /// With a `part`, counted from 1, the size is that part's (206), or the whole object's where a store knows no parts.
    func head(
        _ resource: S3Resource, pin: [(name: String, value: String)] = [], part: Int? = nil,
        by connection: HTTPRequest.Connection
    ) async throws(FailedTry) -> ObjectHead {
        let call = S3Call(
            operation: .headObject, resource: resource, query: part.map { [("partNumber", String($0))] } ?? [],
            headers: pin + [("x-amz-checksum-mode", "ENABLED")])
        return try await attempt(call, by: connection) { (request) async throws(TransportError) -> S3Answer<ObjectHead> in
            let response = try await self.http.send(request, limit: 0)
            guard response.head.status == 200 || part != nil && response.head.status == 206 else {
                return S3Answer(refusal: response)
            }
            guard let size = response.head.contentLength else {
                return S3Answer(response.head, .failure(.unintelligible("it has no Content-Length", mayHeal: false)))
            }
            return S3Answer(
                response.head, .success(ObjectHead(size: size, etag: response.head["etag"] ?? "", head: response.head)))
        }
    }

    /// Asks once for what a store says of the revision of an object that was listed.
    /// - Throws: ``S3Error/isObjectChanged`` where it has another by now.
    func head(_ object: S3Object, by connection: HTTPRequest.Connection) async throws(FailedTry) -> ObjectHead {
        let answer: ObjectHead
        do throws(FailedTry) {
            answer = try await head(object.resource, pin: object.pin, by: connection)
        } catch {
            throw error.asChange()
        }
        guard answer.size == object.size, !object.isOther(etag: answer.etag) else {
            throw FailedTry(
                error: S3Error(
                    .headObject, object.resource,
                    .objectChanged("it has been replaced: \(answer.size) bytes, ETag \(answer.etag)")))
        }
        return answer
    }

    /// Asks for an object's size and ETag.
    /// - Parameters:
    ///   - bucket: its name.
    ///   - key: of the object.
    /// - Returns: what the store says of the object.
    /// - Throws: a failure of kind `notFound` where there is no such object, or `denied` if it may not even be asked for.
    public func head(bucket: String, key: String) async throws(S3Error) -> ObjectHead {
        try await retrying { (connection) async throws(FailedTry) in
            try await self.head(S3Resource(bucket: bucket, key: key), by: connection)
        }
    }

    /// Asks what the CRC-64/NVME of an object's bytes is.
    /// - Returns: `nil` where the store does not say it, or has something stronger to compare.
    /// - Throws: ``S3Error/isObjectChanged`` where the object is no longer the listed one.
    public func crc64nvme(of object: S3Object) async throws(S3Error) -> UInt64? {
        let head = try await retrying { (connection) async throws(FailedTry) in
            try await self.head(object, by: connection)
        }
        guard case .crc(.crc64nvme, let value) = OfferedChecksum(head.head, object) else { return nil }
        return value
    }

    /// Whether there is such a bucket. Throws where that cannot be told, as without the permission to list it.
    public func bucketExists(_ bucket: String) async throws(S3Error) -> Bool {
        do throws(S3Error) {
            return try await retrying { (connection) async throws(FailedTry) in
                try await self.attempt(S3Call(operation: .headBucket, resource: S3Resource(bucket: bucket)), by: connection) {
                    (request) async throws(TransportError) -> S3Answer<Bool> in
                    let response = try await self.http.send(request, limit: 0)
                    return response.head.status == 200
                        ? S3Answer(response.head, .success(true)) : S3Answer(refusal: response)
                }
            }
        } catch {
            if case .refused(let refusal) = error.cause, refusal.status == 404 { return false }
            throw error
        }
    }
}

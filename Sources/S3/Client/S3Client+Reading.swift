import FileIO
import Servables
import Transfer

extension S3Client {
    /// Reads bytes of one revision of an object into memory: for small objects, and for a look into large ones.
    /// - Parameters:
    ///   - object: the revision that was listed.
    ///   - range: within the object.
    /// - Returns: exactly these bytes; those of a whole object compared with the checksum of the whole that it comes with, if any.
    /// - Throws: ``S3Error/isObjectChanged`` where the object is no longer the listed one.
    public func read(_ object: S3Object, _ range: Range<Int64>) async throws(S3Error) -> [UInt8] {
        precondition(range.lowerBound >= 0 && range.upperBound <= object.size, "a read stays within its object")
        // There are no bytes to be asked for.
        if range.isEmpty { return [] }
        let wanted = Wanted(object: object, range: range, isWhole: range == 0..<object.size)
        return try await retrying { (connection) async throws(FailedTry) in
            do throws(FailedTry) {
                return try await self.read(wanted, by: connection)
            } catch {
                throw error.asChange()
            }
        }
    }

    /// Reads an object whole, whichever revision is there.
    /// - Parameters:
    ///   - bucket: its bucket.
    ///   - key: its key.
    ///   - etag: of the revision that is known already.
    ///   - limit: bytes at most.
    /// - Returns: its bytes, compared with the checksum of the whole that it comes with, if any, and its ETag; `nil` where it is still
    ///   the revision of `etag`.
    /// - Throws: an object of more than `limit` bytes is a failure that does not heal.
    public func read(
        bucket: String, key: String, unless etag: String?, limit: Int
    ) async throws(S3Error) -> (bytes: [UInt8], etag: String?)? {
        var call = S3Call(operation: .getObject, resource: S3Resource(bucket: bucket, key: key))
        call.headers = [("x-amz-checksum-mode", "ENABLED")]
        if let etag { call.headers.append(("if-none-match", etag)) }
        return try await retrying { [call] (connection) async throws(FailedTry) in
            try await self.attempt(call, by: connection) { (request) async throws(TransportError) in
                let response = try await self.http.send(request, limit: limit)
                let head = response.head
                if head.status == 304, etag != nil { return S3Answer(head, .success(nil)) }
                guard head.isSuccess else { return S3Answer(refusal: response) }
                let object = S3Object(
                    bucket: bucket, key: key, size: Int64(response.body.count), etag: head["etag"] ?? "")
                let offered = OfferedChecksum(head, object)
                guard offered.isMet(by: response.body) else { return S3Answer(head, .failure(.unmet(offered))) }
                return S3Answer(head, .success((response.body, head["etag"])))
            }
        }
    }

    private func read(_ wanted: Wanted, by connection: HTTPRequest.Connection) async throws(FailedTry) -> [UInt8] {
        try await attempt(wanted.call, by: connection) { (request) async throws(TransportError) -> S3Answer<[UInt8]> in
            let (body, count) = (Lock<[UInt8]>([]), wanted.range.count)
            let response = try await self.http.stream(request) { bytes in
                body.withLock { body in
                    // One more than was asked for shows that there are more.
                    body.append(contentsOf: bytes.prefix(count + 1 - body.count))
                    return body.count <= count
                }
            }
            guard response.head.isSuccess else { return S3Answer(refusal: response) }
            if case .refuse(let cause) = wanted.verdict(on: response.head) { return S3Answer(response.head, .failure(cause)) }
            let bytes = body.withLock { $0 }
            guard bytes.count == count else {
                return S3Answer(
                    response.head,
                    .failure(.unintelligible("\(bytes.count) bytes came where \(count) were asked for", mayHeal: true)))
            }
            if wanted.isWhole {
                let offered = OfferedChecksum(response.head, wanted.object)
                guard offered.isMet(by: bytes) else { return S3Answer(response.head, .failure(.unmet(offered))) }
            }
            return S3Answer(response.head, .success(bytes))
        }
    }
}

extension S3Error.Cause {
    fileprivate static func unmet(_ offered: OfferedChecksum) -> S3Error.Cause {
        .unintelligible("its bytes do not give the \(offered.method.rawValue) that comes with them", mayHeal: true)
    }
}

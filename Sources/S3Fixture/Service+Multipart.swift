import NIOCore
import NIOHTTP1

/// An upload in parts that is not complete; the parts wait in memory.
struct MultipartUpload: Sendable {
    let bucket: String
    let key: ObjectKey
    /// The checksum that the client chose, and whether it is one of the parts' checksums.
    let checksum: ChecksumKind?
    let isComposite: Bool
    var parts: [Int: ByteBuffer] = [:]
}

extension Service {
    func createUpload(_ request: S3Request) -> Response {
        let id = "upload-\(nextRequestID())"
        let algorithm = request.headers.first(name: "x-amz-checksum-algorithm")?.lowercased()
        let checksum = algorithm.flatMap(ChecksumKind.init(rawValue:))
        // CRC-64/NVME is of the whole only; the others are of the parts unless the client says otherwise.
        let type = request.headers.first(name: "x-amz-checksum-type") ?? (checksum == .crc64nvme ? "FULL_OBJECT" : "COMPOSITE")
        let upload = MultipartUpload(
            bucket: request.bucket, key: request.key, checksum: checksum, isComposite: checksum != nil && type == "COMPOSITE")
        uploads.withLock { $0[id] = upload }
        var xml = XMLText(root: "InitiateMultipartUploadResult", namespace: XMLText.s3Namespace)
        xml.element("Bucket", request.bucket)
        xml.element("Key", request.key.text)
        xml.element("UploadId", id)
        var response = Response(status: 200)
        response.setBody(xml.finish())
        return response
    }

    func uploadPart(_ request: S3Request) throws(S3Error) -> Response {
        let id = try uploadID(request)
        let asked = request.parameter("partNumber") ?? ""
        guard let number = Int(asked), (1...10_000).contains(number) else {
            throw .invalidArgument(
                "Part number must be an integer between 1 and 10000, inclusive", name: "partNumber", value: asked)
        }
        let md5 = try checkBody(request)
        uploads.withLock { $0[id]?.parts[number] = request.body }
        var response = Response(status: 200)
        response.headers.add(name: "ETag", value: "\"\(md5)\"")
        return response
    }

    /// Joins all parts that came, in order of their numbers; the list in the body is not read.
    func completeUpload(_ request: S3Request) throws(S3Error) -> Response {
        let id = try uploadID(request)
        try checkCreation(request)
        let upload = uploads.withLock { $0.removeValue(forKey: id) }
        let parts = (upload?.parts ?? [:]).sorted { $0.key < $1.key }.map(\.value)
        guard !parts.isEmpty else { throw S3Error(400, "MalformedXML", "An upload needs at least one part.") }
        var data = ByteBuffer()
        data.reserveCapacity(parts.reduce(0) { $0 + $1.readableBytes })
        for part in parts { data.writeImmutableBuffer(part) }
        let digests = store.upload(
            request.bucket, request.key, data,
            parts: UploadParts(sizes: parts.map { max(1, $0.readableBytes) }, isComposite: upload?.isComposite ?? false),
            kinds: upload?.checksum.map { [$0] } ?? store.kinds, now: now)
        var xml = XMLText(root: "CompleteMultipartUploadResult", namespace: XMLText.s3Namespace)
        xml.element("Bucket", request.bucket)
        xml.element("Key", request.key.text)
        xml.element("ETag", "\"\(digests.etag)\"")
        var response = Response(status: 200)
        response.setBody(xml.finish())
        return response
    }

    func abortUpload(_ request: S3Request) throws(S3Error) -> Response {
        let id = try uploadID(request)
        uploads.withLock { _ = $0.removeValue(forKey: id) }
        return Response(status: 204)
    }

    private func uploadID(_ request: S3Request) throws(S3Error) -> String {
        let id = request.parameter("uploadId") ?? ""
        let isOfKey = uploads.withLock { $0[id]?.bucket == request.bucket && $0[id]?.key == request.key }
        guard isOfKey else {
            throw S3Error(404, "NoSuchUpload", "The specified multipart upload does not exist.", [("UploadId", id)])
        }
        return id
    }
}

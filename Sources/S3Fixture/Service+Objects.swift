import NIOCore
import NIOHTTP1

extension Service {
    /// `GetObject` and `HeadObject`.
    func get(_ request: S3Request, ignoresRange: Bool, _ options: FixtureOptions) throws(S3Error) -> Response {
        guard let object = store.object(request.bucket, request.key) else { throw .noSuchKey(request.key) }
        let head = object.head
        if let condition = request.headers.first(name: "if-match"), !etagMatches(condition, head.etag) {
            throw .preconditionFailed
        }
        if let condition = request.headers.first(name: "if-none-match"), etagMatches(condition, head.etag) {
            var response = Response(status: 304)
            response.headers.add(name: "ETag", value: "\"\(head.etag)\"")
            response.headers.add(name: "Last-Modified", value: head.lastModified.httpDate)
            return response
        }
        if request.operation == .get, ["GLACIER", "DEEP_ARCHIVE"].contains(head.storageClass) {
            throw S3Error(
                403, "InvalidObjectState", "The operation is not valid for the object's storage class",
                [("StorageClass", head.storageClass)])
        }
        let part = try requestedPart(request, head)
        let asked = ignoresRange ? nil : try requestedRange(request.headers.first(name: "range"), size: head.size)
        let range = part?.range ?? asked
        var response = Response(status: range == nil ? 200 : 206)
        response.content = object.content
        response.range = range ?? 0..<head.size
        response.headers.add(name: "ETag", value: "\"\(head.etag)\"")
        response.headers.add(name: "Last-Modified", value: head.lastModified.httpDate)
        response.headers.add(name: "Accept-Ranges", value: "bytes")
        response.headers.add(name: "Content-Type", value: "binary/octet-stream")
        if head.storageClass != "STANDARD" { response.headers.add(name: "x-amz-storage-class", value: head.storageClass) }
        if let range {
            let text = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(head.size)"
            response.headers.add(name: "Content-Range", value: text)
        }
        if part != nil { response.headers.add(name: "x-amz-mp-parts-count", value: String(head.parts.count)) }
        // An arbitrary range has none; a part has its own, if it was uploaded with any.
        let checksums = part?.checksums ?? (range == nil ? head.checksums : [:])
        if request.headers.first(name: "x-amz-checksum-mode")?.uppercased() == "ENABLED", !checksums.isEmpty {
            for (name, value) in checksums.sorted(by: { $0.key < $1.key }) {
                response.headers.add(name: "x-amz-checksum-\(name)", value: value)
            }
            response.headers.add(name: "x-amz-checksum-type", value: head.checksumType)
        }
        return response
    }

    /// The part that `partNumber` asks for; `nil` for none, and for the one part of what was not uploaded in parts.
    private func requestedPart(
        _ request: S3Request, _ head: ObjectHead
    ) throws(S3Error) -> (range: Range<Int>, checksums: [String: String])? {
        guard let text = request.parameter("partNumber"), !(head.parts.isEmpty && text == "1") else { return nil }
        guard let number = Int(text), let range = head.range(ofPart: number) else {
            throw S3Error(
                416, "InvalidPartNumber", "The requested partnumber is not satisfiable", [("PartNumberRequested", text)])
        }
        return (range, head.parts[number - 1].checksums)
    }

    /// `PutObject`.
    func put(_ request: S3Request) throws(S3Error) -> Response {
        guard request.headers.first(name: "x-amz-copy-source") == nil else {
            throw S3Error(501, "NotImplemented", "s3-fixture does not copy.")
        }
        try checkCreation(request)
        let etag = try checkBody(request)
        store.upload(request.bucket, request.key, request.body, parts: nil, kinds: store.kinds, now: now)
        var response = Response(status: 200)
        response.headers.add(name: "ETag", value: "\"\(etag)\"")
        return response
    }

    /// `If-None-Match: *` creates an object only once.
    func checkCreation(_ request: S3Request) throws(S3Error) {
        if request.headers.first(name: "if-none-match") == "*", store.object(request.bucket, request.key) != nil {
            throw .preconditionFailed
        }
    }

    /// Compares a body with the checksums that came with it.
    /// - Returns: its MD5 in hexadecimal.
    func checkBody(_ request: S3Request) throws(S3Error) -> String {
        let claimed = ChecksumKind.allCases.filter { request.headers.contains(name: "x-amz-checksum-\($0.rawValue)") }
        var digester = ContentDigester(claimed)
        request.body.withUnsafeReadableBytes { digester.update($0) }
        let digests = digester.finish()
        var claims = [("content-md5", base64(digests.md5))]
        claims += digests.texts.map { ("x-amz-checksum-\($0.key.rawValue)", $0.value) }
        for (name, value) in claims {
            guard let claim = request.headers.first(name: name), claim != value else { continue }
            throw S3Error(
                400, "BadDigest", "The \(name) you specified did not match what we received.",
                [("ExpectedDigest", claim), ("CalculatedDigest", value)])
        }
        return hex(digests.md5)
    }

    private func etagMatches(_ condition: String, _ etag: String) -> Bool {
        condition == "*"
            || condition.split(separator: ",").contains { $0.filter { $0 != " " && $0 != "\"" } == etag }
    }

    /// The one range of a `Range` header; `nil` for none, or for one that S3 does not understand and thus ignores.
    private func requestedRange(_ field: String?, size: Int) throws(S3Error) -> Range<Int>? {
        guard let field, field.hasPrefix("bytes="), !field.contains(",") else { return nil }
        let ends = field.dropFirst(6).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard ends.count == 2 else { return nil }
        let range: Range<Int>
        switch (Int(ends[0]), Int(ends[1])) {
        case (let first?, let last?) where first <= last: range = first..<max(first, min(last, size - 1) + 1)
        case (let first?, nil) where ends[1].isEmpty: range = first..<max(first, size)
        case (nil, let count?) where ends[0].isEmpty: range = (size - min(count, size))..<size
        default: return nil
        }
        guard !range.isEmpty else {
            var error = S3Error(
                416, "InvalidRange", "The requested range is not satisfiable",
                [("RangeRequested", field), ("ActualObjectSize", String(size))])
            error.headers = [("Content-Range", "bytes */\(size)")]
            throw error
        }
        return range
    }
}

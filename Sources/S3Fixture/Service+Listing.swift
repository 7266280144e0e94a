import NIOCore

extension Service {
    /// `ListObjectsV2`.
    func list(_ request: S3Request, repeatsToken: Bool, _ options: FixtureOptions) throws(S3Error) -> Response {
        let asked = request.parameter("max-keys") ?? "1000"
        guard let maxKeys = Int(asked), maxKeys >= 0 else {
            throw .invalidArgument("Provided max-keys not an integer or within integer range", name: "max-keys", value: asked)
        }
        let token = request.parameter("continuation-token")
        let startAfter = request.parameter("start-after") ?? ""
        var floor = ListingPage.Floor.after(Array(startAfter.utf8))
        if let token {
            guard let parsed = ListingPage.Floor(token: token) else {
                throw .invalidArgument(
                    "The continuation token provided is incorrect", name: "continuation-token", value: token)
            }
            floor = parsed
        }
        let prefix = Array((request.parameter("prefix") ?? "").utf8)
        let delimiter = Array((request.parameter("delimiter") ?? "").utf8)
        var page = ListingPage(
            prefix: prefix, delimiter: delimiter, limit: min(maxKeys, 1000, options.pageSize), floor: floor)
        store.list(request.bucket, into: &page)

        let isEncoded = request.parameter("encoding-type") == "url"
        func text(_ bytes: [UInt8]) -> String { isEncoded ? formEncoded(bytes) : String(decoding: bytes, as: UTF8.self) }
        var xml = XMLText(root: "ListBucketResult", namespace: XMLText.s3Namespace)
        xml.element("Name", request.bucket)
        xml.element("Prefix", text(prefix))
        if !delimiter.isEmpty { xml.element("Delimiter", text(delimiter)) }
        if let token { xml.element("ContinuationToken", token) }
        if request.parameter("start-after") != nil { xml.element("StartAfter", text(Array(startAfter.utf8))) }
        xml.element("MaxKeys", String(min(maxKeys, 1000)))
        if isEncoded { xml.element("EncodingType", "url") }
        xml.element("IsTruncated", String(page.isTruncated || repeatsToken))
        if page.isTruncated || repeatsToken {
            xml.element("NextContinuationToken", repeatsToken ? token ?? page.floor.token : page.floor.token)
        }
        let objects = writeContents(of: page, bucket: request.bucket, into: &xml, text)
        let groups = writeCommonPrefixes(of: page, into: &xml, text)
        xml.element("KeyCount", String(objects + groups))
        var response = Response(status: 200)
        response.setBody(xml.finish())
        return response
    }

    /// - Returns: how many were written; an object that vanished since its name was read is not.
    private func writeContents(
        of page: ListingPage, bucket: String, into xml: inout XMLText, _ text: ([UInt8]) -> String
    ) -> Int {
        var count = 0
        for case .key(let key) in page.items {
            guard let head = store.head(bucket, key) else { continue }
            count += 1
            xml.begin("Contents")
            xml.element("Key", text(key.bytes))
            xml.element("LastModified", head.lastModified.listingDate)
            xml.element("ETag", "\"\(head.etag)\"")
            for algorithm in head.checksums.keys.sorted() { xml.element("ChecksumAlgorithm", algorithm.uppercased()) }
            if !head.checksums.isEmpty { xml.element("ChecksumType", head.checksumType) }
            xml.element("Size", String(head.size))
            xml.element("StorageClass", head.storageClass)
            xml.end()
        }
        return count
    }

    private func writeCommonPrefixes(of page: ListingPage, into xml: inout XMLText, _ text: ([UInt8]) -> String) -> Int {
        var count = 0
        for case .commonPrefix(let prefix) in page.items {
            count += 1
            xml.begin("CommonPrefixes")
            xml.element("Prefix", text(prefix))
            xml.end()
        }
        return count
    }
}

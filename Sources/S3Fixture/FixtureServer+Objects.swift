import NIOCore
import NIOPosix

extension FixtureServer {
    /// Makes a bucket: a folder where the server has a root, else in memory.
    public func createBucket(_ name: String) { service.store.createBucket(name) }

    /// Puts an object into memory, under any key; makes the bucket if there is none.
    /// - Parameters:
    ///   - bucket: its name.
    ///   - key: anything, what no folder could hold too.
    ///   - data: the content.
    ///   - lastModified: since 1970; the server's time if `nil`.
    ///   - etag: without quotes; the MD5 of `data` if `nil`.
    ///   - checksums: by the end of their headers' names (`crc64nvme`), as the headers shall say them; those that the server offers
    ///     if `nil`, and none if empty.
    ///   - checksumType: `FULL_OBJECT` or `COMPOSITE`; as it follows from how it was uploaded if `nil`.
    ///   - parts: how it was uploaded, if not as all are.
    ///   - storageClass: `GLACIER` and `DEEP_ARCHIVE` cannot be got.
    public func put(
        bucket: String, key: String, data: some Sequence<UInt8>, lastModified: Duration? = nil, etag: String? = nil,
        checksums: [String: String]? = nil, checksumType: String? = nil, parts: UploadParts? = nil,
        storageClass: String = "STANDARD"
    ) {
        var object = service.store.objectInMemory(
            ByteBuffer(bytes: data), lastModified: lastModified.map(UnixTime.init(sinceEpoch:)) ?? service.now, parts: parts)
        if let etag { object.head.etag = etag }
        if let checksums { object.head.checksums = checksums }
        if let checksumType { object.head.checksumType = checksumType }
        object.head.storageClass = storageClass
        service.store.putInMemory(bucket, ObjectKey(key), object)
    }

    /// Puts an object whose content is computed as it is sent, with the cyclic checksums that the server offers and an ETag shaped
    /// like a multipart upload's. `lastModified` is since 1970, or the server's time if `nil`.
    public func put(bucket: String, key: String, synthetic content: SyntheticContent, lastModified: Duration? = nil) {
        var checksums: [String: String] = [:]
        for kind in service.store.kinds {
            if let code = kind.code { checksums[kind.rawValue] = kind.text(ofCRC: content.crc(code)) }
        }
        let head = ObjectHead(
            size: content.size, etag: content.etag,
            lastModified: lastModified.map(UnixTime.init(sinceEpoch:)) ?? service.now, checksums: checksums)
        service.store.putInMemory(bucket, ObjectKey(key), StoredObject(head: head, content: .synthetic(content)))
    }

    /// Removes an object, from memory and from the folder.
    public func remove(bucket: String, key: String) { service.store.remove(bucket, ObjectKey(key)) }

    /// The ETag of an object without quotes, or `nil` if there is none.
    public func etag(bucket: String, key: String) -> String? { service.store.head(bucket, ObjectKey(key))?.etag }

    /// The checksums of an object by the end of their headers' names.
    public func checksums(bucket: String, key: String) -> [String: String] {
        service.store.head(bucket, ObjectKey(key))?.checksums ?? [:]
    }

    /// Reads all files of the folder once, so that no request has to wait for a first ETag.
    public func precomputeDigests() async throws {
        let store = service.store
        try await NIOThreadPool.singleton.runIfActive { store.precomputeDigests() }
    }
}

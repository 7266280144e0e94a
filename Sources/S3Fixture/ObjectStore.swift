import Glibc
import NIOCore

/// The buckets: a folder each, and over it objects in memory, which hide files of the same key.
final class ObjectStore: Sendable {
    struct Bucket: Sendable {
        var objects: [ObjectKey: StoredObject] = [:]
        /// The keys in order; `nil` since the last change.
        var order: [ObjectKey]?
    }

    let root: FolderPath?
    let kinds: [ChecksumKind]
    private let parts: UploadParts?
    private let digests: DigestCache
    private let folders = FolderReader()
    private let memory = Lock<[String: Bucket]>([:])

    init(root: String?, kinds: [ChecksumKind], parts: UploadParts?) {
        self.root = root.map(FolderPath.init)
        self.kinds = kinds
        self.parts = parts
        digests = DigestCache(kinds, parts)
    }

    // MARK: Buckets

    func hasBucket(_ name: String) -> Bool {
        if memory.withLock({ $0[name] != nil }) { return true }
        return (folder(of: name)?.status?.st_mode ?? 0) & S_IFMT == S_IFDIR
    }

    func createBucket(_ name: String) {
        if let folder = folder(of: name), mkdir(folder.cString, 0o755) == 0 || errno == EEXIST { return }
        memory.withLock { $0[name, default: Bucket()].order = nil }
    }

    /// The folder that a bucket has or would have; `nil` where there is no root or the name is none of a bucket.
    private func folder(of bucket: String) -> FolderPath? {
        // The characters of S3's oldest bucket names; none leads out of the root.
        let allowed = bucket.unicodeScalars.allSatisfy { scalar in
            "0"..."9" ~= scalar || "A"..."Z" ~= scalar || "a"..."z" ~= scalar || "-._".unicodeScalars.contains(scalar)
        }
        guard allowed, !bucket.isEmpty, !bucket.hasPrefix("."), bucket.utf8.count <= 63 else { return nil }
        return root?.appending(bucket)
    }

    // MARK: Objects

    /// Opens an object. Reads a file's content through once if it is new.
    func object(_ bucket: String, _ key: ObjectKey) -> StoredObject? {
        if let object = memory.withLock({ $0[bucket]?.objects[key] }) { return object }
        guard key.isFilePath, let path = folder(of: bucket)?.appending(key.bytes), let file = OpenFile(path),
            let digests = digests.digests(of: file)
        else { return nil }
        return StoredObject(head: head(file.identity, digests), content: .file(file))
    }

    /// What a listing says of an object; opens a file only if it is new.
    func head(_ bucket: String, _ key: ObjectKey) -> ObjectHead? {
        if let object = memory.withLock({ $0[bucket]?.objects[key] }) { return object.head }
        guard key.isFilePath, let path = folder(of: bucket)?.appending(key.bytes), let status = path.status,
            let identity = FileIdentity(regularFile: status)
        else { return nil }
        if let known = digests.known(identity) { return head(identity, known) }
        return object(bucket, key)?.head
    }

    private func head(_ identity: FileIdentity, _ digests: DigestCache.Digests) -> ObjectHead {
        ObjectHead(size: identity.size, lastModified: identity.lastModified, digests)
    }

    /// Puts an object into memory, and its bucket too if there is none.
    func putInMemory(_ bucket: String, _ key: ObjectKey, _ object: StoredObject) {
        memory.withLock { buckets in
            buckets[bucket, default: Bucket()].objects[key] = object
            buckets[bucket]?.order = nil
        }
    }

    /// An object of these bytes as it would be stored in memory; `parts` in place of how objects come in general.
    func objectInMemory(_ data: ByteBuffer, lastModified: UnixTime, parts: UploadParts? = nil) -> StoredObject {
        StoredObject(
            head: ObjectHead(size: data.readableBytes, lastModified: lastModified, digests(of: data, kinds, parts ?? self.parts)),
            content: .memory(data))
    }

    private func digests(of data: ByteBuffer, _ kinds: [ChecksumKind], _ parts: UploadParts?) -> DigestCache.Digests {
        var digester = ObjectDigester(kinds, parts)
        data.withUnsafeReadableBytes { digester.update($0) }
        return digester.finish()
    }

    /// Stores what a client uploaded: as a file where the bucket has a folder and the key is a path, else in memory. `parts` are
    /// those of a multipart upload, which has checksums of these `kinds`.
    /// - Returns: what is known of it.
    @discardableResult
    func upload(
        _ bucket: String, _ key: ObjectKey, _ data: ByteBuffer, parts: UploadParts?, kinds: [ChecksumKind], now: UnixTime
    ) -> DigestCache.Digests {
        let digests = digests(of: data, kinds, parts)
        if let path = folder(of: bucket)?.appending(key.bytes), key.isFilePath, write(data, to: path) {
            memory.withLock { buckets in
                buckets[bucket]?.objects[key] = nil
                buckets[bucket]?.order = nil
            }
            if let file = OpenFile(path) { self.digests.set(digests, of: file) }
        } else {
            let head = ObjectHead(size: data.readableBytes, lastModified: now, digests)
            putInMemory(bucket, key, StoredObject(head: head, content: .memory(data)))
        }
        return digests
    }

    func remove(_ bucket: String, _ key: ObjectKey) {
        memory.withLock { buckets in
            buckets[bucket]?.objects[key] = nil
            buckets[bucket]?.order = nil
        }
        if key.isFilePath, let path = folder(of: bucket)?.appending(key.bytes) { unlink(path.cString) }
    }

    /// Written beside the buckets first and renamed, so that no listing shows a part.
    private func write(_ data: ByteBuffer, to path: FolderPath) -> Bool {
        guard let root else { return false }
        let parts = path.bytes.indices.filter { $0 > root.bytes.count && path.bytes[$0] == UInt8(ascii: "/") }
        for end in parts {
            let folder = path.bytes[..<end].map { CChar(bitPattern: $0) } + [0]
            guard mkdir(folder, 0o755) == 0 || errno == EEXIST else { return false }
        }
        var name = root.appending(".s3-fixture-XXXXXX").cString
        let descriptor = mkstemp(&name)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let whole = data.withUnsafeReadableBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                let count = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: offset), bytes.count - offset)
                guard count > 0 else { return false }
                offset += count
            }
            return true
        }
        guard whole, fchmod(descriptor, 0o644) == 0, rename(name, path.cString) == 0 else {
            unlink(name)
            return false
        }
        return true
    }

    // MARK: Listing

    /// Fills `page` with the bucket's keys in order.
    func list(_ bucket: String, into page: inout ListingPage) {
        let inMemory: [ObjectKey] = memory.withLock { buckets in
            guard let found = buckets[bucket] else { return [] }
            let order = found.order ?? found.objects.keys.sorted()
            buckets[bucket]?.order = order
            return order
        }
        var pending = inMemory[...]
        if let folder = folder(of: bucket) { _ = walk(folder, start: [], into: &page, pending: &pending) }
        while let key = pending.popFirst(), page.add(key) {}
    }

    func precomputeDigests() {
        guard let root else { return }
        for entry in folders.entries(of: root) where entry.isFolder {
            let bucket = String(decoding: entry.name, as: UTF8.self)
            var page = ListingPage(prefix: [], delimiter: [], limit: .max, floor: .after([]))
            list(bucket, into: &page)
            for case .key(let key) in page.items { _ = head(bucket, key) }
        }
    }

    private func walk(
        _ folder: FolderPath, start: [UInt8], into page: inout ListingPage, pending: inout ArraySlice<ObjectKey>
    ) -> Bool {
        for entry in folders.entries(of: folder) {
            let path = start + entry.name
            if entry.isFolder {
                let inside = path + [UInt8(ascii: "/")]
                guard page.mayHold(keysBeginningWith: inside) else { continue }
                guard walk(folder.appending(entry.name), start: inside, into: &page, pending: &pending) else { return false }
            } else {
                let key = ObjectKey(path)
                while let next = pending.first, next <= key {
                    pending.removeFirst()
                    guard page.add(next) else { return false }
                }
                guard page.add(key) else { return false }
            }
        }
        return true
    }
}

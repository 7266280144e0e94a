import Digests
public import FileIO
public import S3
public import Servables

/// A model whose versions lie in a bucket: `s3://bucket/prefix/VERSION/…`.
public struct S3Source: ModelSource {
    private let bucket: String
    /// Ends with a slash, or is empty.
    private let prefix: String
    private let client: S3Client
    private let scheduler: FetchScheduler
    private let ready: ReadinessRule
    private let settle: Duration
    private let files: NamePatterns
    private let model: String
    private let telemetry: any Telemetry
    private let time: any TimeSource
    private let memory = ReadinessMemory()
    /// Where the pages of a version's last listing ended.
    private let cuts = Lock<[Version: [String]]>([:])

    /// `prefix` is without a slash at its ends and may be empty; `scheduler` is the process's one; `model` names whose checksum
    /// failures are counted; `files` are taken from beside the versions.
    public init(
        bucket: String, prefix: String, client: S3Client, scheduler: FetchScheduler, ready: ReadinessRule, settle: Duration,
        files: NamePatterns = .none, model: String, telemetry: any Telemetry, time: any TimeSource
    ) {
        self.bucket = bucket
        self.prefix = prefix.isEmpty ? "" : prefix + "/"
        self.client = client
        self.scheduler = scheduler
        self.ready = ready
        self.settle = settle
        self.files = files
        self.model = model
        self.telemetry = telemetry
        self.time = time
    }

    public var location: String { "s3://\(bucket)/\(prefix.dropLast())" }

    /// One LIST with a delimiter, paged, however many files the versions hold.
    public func listing() async throws(SourceError) -> ModelListing {
        var names: [String] = []
        var beside = BesideVersions(files, in: location)
        // Of a bucket full of other things only what could be a version is kept.
        func add(_ prefix: String) {
            // By bytes: a combining mark behind the prefix's slash would be one Character with it.
            let name = prefix.utf8.dropFirst(self.prefix.utf8.count).dropLast()
            guard names.count <= FileTable.limit, name.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else { return }
            names.append(String(decoding: name, as: UTF8.self))
        }
        do throws(S3Error) {
            try await client.list(bucket: bucket, prefix: prefix, delimiter: "/") { item in
                switch item {
                case .prefix(let prefix): add(prefix)
                case .object(let object):
                    let name = String(decoding: object.key.utf8.dropFirst(self.prefix.utf8.count), as: UTF8.self)
                    if beside.wants(name) { beside.add(FileEntry(object, path: name)) }
                }
            }
        } catch {
            throw SourceError(error)
        }
        guard names.count <= FileTable.limit else {
            throw SourceError(
                Failure(.badData, "list \(location): it has more than \(FileTable.limit) versions; remove old ones"))
        }
        let versions = try ModelSources.versions(among: names, in: location)
        cuts.withLock { cuts in cuts = cuts.filter { versions.contains($0.key) } }
        return ModelListing(versions: versions, files: beside.result)
    }

    public func contents(of version: Version) async throws(SourceError) -> VersionContents {
        let (listing, now) = try await list(version)
        return try await check(version, now).contents(listing)
    }

    public func difference(of version: Version, from published: FileTable) async throws(SourceError) -> String? {
        let (listing, now) = try await list(version)
        return try await check(version, now).difference(listing, from: published)
    }

    public func fetch(
        _ entry: FileEntry, of version: Version?, into file: StagedFile, isUrgent: Bool,
        onBytes: @escaping @Sendable (Int64) -> Void
    ) async throws(SourceError) -> Verification {
        do throws(S3Error) {
            let party = FetchParty(model, isUrgent: isUrgent)
            return try await scheduler.fetch(object(entry, of: version), from: client, into: file, for: party) { event in
                switch event {
                case .bytes(let bytes): onBytes(bytes)
                case .checksumMismatch(let error):
                    telemetry.record(.checksumMismatch(model: model))
                    telemetry.record(.warning(failure(error, entry).message))
                }
            }
        } catch {
            throw SourceError(failure(error, entry), isStale: error.isObjectChanged)
        }
    }

    public func read(_ entry: FileEntry, of version: Version, _ range: Range<Int64>) async throws(SourceError) -> [UInt8] {
        do throws(S3Error) { return try await client.read(object(entry, of: version), range) } catch {
            throw SourceError(error)
        }
    }

    /// The SHA-256 that the manifest of its version names, or its ETag if that has the form of a digest of its bytes: others count
    /// writes, or are times.
    public func content(of entry: FileEntry, in location: String) -> String? {
        if let sha256 = entry.sha256 { return Hex.encode(sha256) }
        guard location.hasPrefix("s3://") else { return nil }
        let etag = EntryTag(entry.tag).etag
        return S3Object.isDigest(etag: etag) ? "\(location.dropFirst(5).prefix { $0 != "/" }) \(etag)" : nil
    }

    public func crc64nvme(of entry: FileEntry, of version: Version) async throws(SourceError) -> UInt64? {
        guard entry.sha256 == nil, scheduler.comparesChecksums else { return nil }
        do throws(S3Error) { return try await client.crc64nvme(of: object(entry, of: version)) } catch {
            throw SourceError(failure(error, entry), isStale: error.isObjectChanged)
        }
    }

    public func verify(
        _ entry: FileEntry, of version: Version, against local: LocalFile
    ) async throws(SourceError) -> Verification? {
        // What the manifest says is of these bytes, whatever the store says of them.
        if let sha256 = entry.sha256 { return try await local.verification(sha256: sha256) }
        do throws(S3Error) {
            return try await client.compare(object(entry, of: version), with: local)
        } catch {
            throw SourceError(error)
        }
    }

    private func object(_ entry: FileEntry, of version: Version?) -> S3Object {
        let tag = EntryTag(entry.tag)
        let directory = version.map { "\(prefix)\($0)/" } ?? prefix
        return S3Object(
            bucket: bucket, key: directory + entry.path, size: entry.size, etag: tag.etag, sha256: tag.sha256)
    }

    /// The store's own checksum was not asked where the manifest has one.
    private func failure(_ error: S3Error, _ entry: FileEntry) -> Failure {
        guard entry.sha256 != nil, case .checksumMismatch(_, let expected, let got) = error.cause else { return error.failure }
        return .unlike(manifest: expected, got: got, "\(error.operation.rawValue) \(error.resource)")
    }

    /// - Returns: also the store's clock.
    private func list(_ version: Version) async throws(SourceError) -> (VersionListing, now: Timestamp) {
        let known = cuts.withLock { $0[version] } ?? []
        if let found = try await list(version, known) { return found }
        guard let found = try await list(version, []) else { preconditionFailure("page by page any order will do") }
        return found
    }

    /// From one cut to the next; `nil` where that cannot be done with this store.
    private func list(
        _ version: Version, _ known: [String]
    ) async throws(SourceError) -> (VersionListing, now: Timestamp)? {
        let marker: String? = if case .marker(let name) = ready { name } else { nil }
        var listing = KeyListing(location: "\(location)/\(version)", prefix: "\(prefix)\(version)/", marker: marker)
        let summary: ListingSummary?
        do throws(S3Error) {
            summary = try await client.list(
                bucket: bucket, prefix: listing.prefix, cuts: known, until: { listing.isRefused },
                each: { item in
                    if case .object(let object) = item { listing.add(object) }
                })
        } catch {
            throw SourceError(error)
        }
        guard let summary else { return nil }
        cuts.withLock { $0[version] = summary.cuts.isEmpty ? nil : summary.cuts }
        return (try listing.finish(), summary.storeTime ?? time.now())
    }

    private func check(_ version: Version, _ now: Timestamp) -> ReadinessCheck {
        ReadinessCheck(
            rule: ready, settle: settle, now: now, location: "\(location)/\(version)", memory: memory,
            read: { (entry, range) async throws(SourceError) in try await read(entry, of: version, range) })
    }
}

extension SourceError {
    init(_ error: S3Error) { self.init(error.failure, isStale: error.isObjectChanged) }
}

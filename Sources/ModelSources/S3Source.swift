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
    private let model: String
    private let telemetry: any Telemetry
    private let time: any TimeSource

    /// `prefix` is without a slash at its ends and may be empty; `scheduler` is the process's one; `model` names whose checksum
    /// failures are counted.
    public init(
        bucket: String, prefix: String, client: S3Client, scheduler: FetchScheduler, ready: ReadinessRule, settle: Duration,
        model: String, telemetry: any Telemetry, time: any TimeSource
    ) {
        self.bucket = bucket
        self.prefix = prefix.isEmpty ? "" : prefix + "/"
        self.client = client
        self.scheduler = scheduler
        self.ready = ready
        self.settle = settle
        self.model = model
        self.telemetry = telemetry
        self.time = time
    }

    public var location: String { "s3://\(bucket)/\(prefix.dropLast())" }

    /// One LIST with a delimiter, paged, however many files the versions hold.
    public func versions() async throws(SourceError) -> Set<Version> {
        var names: [String] = []
        do throws(S3Error) {
            try await client.list(bucket: bucket, prefix: prefix, delimiter: "/") { item in
                if case .prefix(let name) = item { names.append(String(name.dropFirst(prefix.count).dropLast())) }
            }
        } catch {
            throw SourceError(error)
        }
        return try ModelSources.versions(among: names, in: location)
    }

    public func contents(of version: Version) async throws(SourceError) -> VersionContents {
        let marker: String? = if case .marker(let name) = ready { name } else { nil }
        var listing = KeyListing(location: "\(location)/\(version)", prefix: "\(prefix)\(version)/", marker: marker)
        let summary: ListingSummary
        do throws(S3Error) {
            summary = try await client.list(bucket: bucket, prefix: listing.prefix) { item in
                if case .object(let object) = item { listing.add(object) }
            }
        } catch {
            throw SourceError(error)
        }
        let table = try listing.finish()
        let check = ReadinessCheck(rule: ready, settle: settle, now: summary.storeTime ?? time.now())
        return check.contents(table, hasMarker: listing.hasMarker)
    }

    public func fetch(
        _ entry: FileEntry, of version: Version, into file: StagedFile, onBytes: @escaping @Sendable (Int64) -> Void
    ) async throws(SourceError) -> Verification {
        do throws(S3Error) {
            return try await scheduler.fetch(object(entry, of: version), from: client, into: file) { event in
                switch event {
                case .bytes(let bytes): onBytes(bytes)
                case .checksumMismatch(let error):
                    telemetry.record(.checksumMismatch(model: model))
                    telemetry.record(.warning(error.description))
                }
            }
        } catch {
            throw SourceError(error)
        }
    }

    public func verify(
        _ entry: FileEntry, of version: Version, against local: LocalFile
    ) async throws(SourceError) -> Verification? {
        do throws(S3Error) {
            return try await client.compare(object(entry, of: version), with: local)
        } catch {
            throw SourceError(error)
        }
    }

    private func object(_ entry: FileEntry, of version: Version) -> S3Object {
        S3Object(bucket: bucket, key: "\(prefix)\(version)/\(entry.path)", size: entry.size, etag: entry.tag)
    }
}

extension SourceError {
    init(_ error: S3Error) { self.init(error.failure, isStale: error.isObjectChanged) }
}

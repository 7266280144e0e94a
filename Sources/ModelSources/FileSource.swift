import Digests
public import FileIO
public import Servables
public import SystemPackage

/// A model whose versions are directories: `file:///dir`.
///
/// The change token of a file is its inode, size and times; a file that changes while it is copied is refused.
public struct FileSource: ModelSource {
    private let directory: FilePath
    private let ready: ReadinessRule
    private let settle: Duration
    private let files: NamePatterns
    private let fileSystem: FileSystem
    private let reader: WorkerThread
    private let time: any TimeSource
    private let memory = ReadinessMemory()

    /// `directory` is absolute; `files` are taken from beside the versions; `reader` is where files are read.
    public init(
        directory: FilePath, ready: ReadinessRule, settle: Duration, files: NamePatterns = .none, fileSystem: FileSystem,
        reader: WorkerThread, time: any TimeSource
    ) {
        self.directory = directory
        self.ready = ready
        self.settle = settle
        self.files = files
        self.fileSystem = fileSystem
        self.reader = reader
        self.time = time
    }

    public var location: String { "file://\(directory)" }

    public func listing() async throws(SourceError) -> ModelListing {
        let (names, beside) = try await reading("list \(directory)") { () throws(FileError) in
            var names: [String] = []
            var beside = BesideVersions(files, in: location)
            for name in try fileSystem.list(directory) {
                let isWanted = beside.wants(name)
                guard isWanted || Version(name) != nil, let status = try fileSystem.status(directory.appending(name)) else {
                    continue
                }
                switch status.kind {
                case .directory where !isWanted: names.append(name)
                case .file where isWanted:
                    beside.add(FileEntry(path: name, size: status.size, tag: status.token, modified: status.modified))
                default: break
                }
            }
            return (names, beside)
        }
        return ModelListing(versions: try versions(among: names, in: location), files: beside.result)
    }

    public func contents(of version: Version) async throws(SourceError) -> VersionContents {
        try await check(version).contents(try await list(version))
    }

    public func difference(of version: Version, from published: FileTable) async throws(SourceError) -> String? {
        try await check(version).difference(try await list(version), from: published)
    }

    public func fetch(
        _ entry: FileEntry, of version: Version?, into file: StagedFile, isUrgent: Bool,
        onBytes: @escaping @Sendable (Int64) -> Void
    ) async throws(SourceError) -> Verification {
        let path = (version.map { directory.appending($0.name) } ?? directory).appending(entry.path)
        for range in file.missing {
            for start in stride(from: range.lowerBound, to: range.upperBound, by: Int(StagedFile.slice)) {
                if Task.isCancelled {
                    throw SourceError(Failure(.busy, "copy \(path): stopped"))
                }
                try await copy(path, entry, start..<min(start + StagedFile.slice, range.upperBound), into: file, onBytes: onBytes)
            }
        }
        guard let checksum = file.crc64nvme() else { throw changed(path) }
        guard let sha256 = entry.sha256 else { return Verification(crc64nvme: checksum, method: .bytes) }
        let got: [UInt8]
        do throws(FileError) { got = try await file.digest(FileDigest(.sha256)) } catch {
            throw SourceError(failure("copy \(path)", error))
        }
        guard got == sha256 else {
            throw SourceError(
                .unlike(manifest: Hex.encode(sha256), got: Hex.encode(got), "copy \(path)"), isMismatch: true)
        }
        return Verification(crc64nvme: checksum, method: .sha256)
    }

    /// The token is of one file: only of another name of the same one it is equal.
    public func content(of entry: FileEntry, in location: String) -> String? {
        location.hasPrefix("file:") ? entry.sha256.map(Hex.encode) ?? entry.token : nil
    }

    public func crc64nvme(of entry: FileEntry, of version: Version) -> UInt64? { nil }

    public func verify(
        _ entry: FileEntry, of version: Version, against local: LocalFile
    ) async throws(SourceError) -> Verification? {
        if let sha256 = entry.sha256 { return try await local.verification(sha256: sha256) }
        let path = directory.appending(version.name).appending(entry.path)
        let theirs = LocalFile(path: path, size: entry.size, fileSystem: fileSystem, reader: reader)
        let one: Extent
        do throws(FileError) { one = try await local.checksums() } catch {
            throw SourceError(Failure(.volume, "compare \(local.path) with \(path): \(error)", isTransient: true))
        }
        do throws(FileError) {
            return one == (try await theirs.checksums()) ? Verification(crc64nvme: one.crc64nvme, method: .bytes) : nil
        } catch {
            throw error.errno == .noSuchFileOrDirectory ? changed(path) : SourceError(failure("compare \(path)", error))
        }
    }

    // MARK: - Reading

    private func check(_ version: Version) -> ReadinessCheck {
        ReadinessCheck(
            rule: ready, settle: settle, now: time.now(), location: "\(location)/\(version)", memory: memory,
            read: { (entry, range) async throws(SourceError) in try await read(entry, of: version, range) })
    }

    private func list(_ version: Version) async throws(SourceError) -> VersionListing {
        let place = directory.appending(version.name)
        let marker: String? = if case .marker(let name) = ready { name } else { nil }
        let walked = try await reading("list \(place)") { () throws(FileError) in
            guard try fileSystem.status(place)?.kind == .directory else { return nil as DirectoryWalk? }
            var walk = DirectoryWalk(place, location: location, marker: marker, fileSystem: fileSystem)
            try walk.run()
            return walk
        }
        guard let walked else {
            throw SourceError(
                Failure(.notFound, "list \(place): it went away since it was listed; it is looked for again", isTransient: true))
        }
        if let fault = walked.fault { throw SourceError(Failure(.badData, fault)) }
        return walked.listing
    }

    public func read(_ entry: FileEntry, of version: Version, _ range: Range<Int64>) async throws(SourceError) -> [UInt8] {
        let path = directory.appending(version.name).appending(entry.path)
        let bytes = try await reading("read \(path)") { () throws(FileError) in
            guard let status = try fileSystem.status(path), status.token == entry.token else { return nil as [UInt8]? }
            let file = try fileSystem.open(path, .read)
            var bytes: [UInt8] = []
            bytes.reserveCapacity(range.count)
            try fileSystem.forEachChunk(of: file, in: range) { bytes.append(contentsOf: $0) }
            return try file.status().token == entry.token && bytes.count == range.count ? bytes : nil
        }
        guard let bytes else { throw changed(path) }
        return bytes
    }

    /// Copies one range, and makes sure that the file was the listed one before and after.
    private func copy(
        _ path: FilePath, _ entry: FileEntry, _ range: Range<Int64>, into staged: StagedFile,
        onBytes: @escaping @Sendable (Int64) -> Void
    ) async throws(SourceError) {
        let isSame = try await reading("copy \(path)") { () throws(FileError) in
            // Opening anything else could block, or follow a link.
            guard let status = try fileSystem.status(path), status.token == entry.token else { return false }
            let source = try fileSystem.open(path, .read)
            guard try source.status().token == entry.token else { return false }
            try staged.copy(range, from: source, onBytes: onBytes)
            return try source.status().token == entry.token
        }
        guard isSame else { throw changed(path) }
    }

    private func changed(_ path: FilePath) -> SourceError {
        SourceError(
            Failure(.unavailable, "read \(path): it is not what was listed any more; it is listed again", isTransient: true),
            isStale: true)
    }

    private func reading<Result: Sendable>(
        _ what: String, _ body: @escaping @Sendable () throws(FileError) -> Result
    ) async throws(SourceError) -> Result {
        do throws(FileError) {
            return try await reader.run(body)
        } catch {
            throw SourceError(failure(what, error))
        }
    }

    private func failure(_ what: String, _ error: FileError) -> Failure {
        if error.operation == FileOperation.write.rawValue || error.operation == FileOperation.fallocate.rawValue {
            return Failure(.volume, "\(what): \(error)", isTransient: true)
        }
        switch error.errno {
        case .noSuchFileOrDirectory, .notDirectory:
            return Failure(.notFound, "\(what): \(error.errno); check the path of the model's file:// source")
        case .permissionDenied, .notPermitted:
            return Failure(.denied, "\(what): \(error.errno); give the uid that aspired runs as the right to read it")
        default: return Failure(.unavailable, "\(what): \(error)", isTransient: true)
        }
    }
}

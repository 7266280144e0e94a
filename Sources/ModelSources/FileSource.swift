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
    private let fileSystem: FileSystem
    private let reader: WorkerThread
    private let time: any TimeSource

    /// - Parameters:
    ///   - directory: absolute.
    ///   - reader: where files are read.
    public init(
        directory: FilePath, ready: ReadinessRule, settle: Duration, fileSystem: FileSystem, reader: WorkerThread,
        time: any TimeSource
    ) {
        self.directory = directory
        self.ready = ready
        self.settle = settle
        self.fileSystem = fileSystem
        self.reader = reader
        self.time = time
    }

    public var location: String { "file://\(directory)" }

    public func versions() async throws(SourceError) -> Set<Version> {
        let names = try await reading("list \(directory)") { () throws(FileError) in
            var names: [String] = []
            for name in try fileSystem.list(directory) where Version(name) != nil {
                if try fileSystem.status(directory.appending(name))?.kind == .directory { names.append(name) }
            }
            return names
        }
        return try ModelSources.versions(among: names, in: location)
    }

    public func contents(of version: Version) async throws(SourceError) -> VersionContents {
        let place = directory.appending(version.name)
        let marker: String? = if case .marker(let name) = ready { name } else { nil }
        let listing = try await reading("list \(place)") { () throws(FileError) in
            var listing = Listing(marker: marker)
            try walk(place, prefix: "", into: &listing)
            return listing
        }
        if let fault = listing.fault { throw SourceError(Failure(.badData, fault)) }
        let check = ReadinessCheck(rule: ready, settle: settle, now: time.now())
        return check.contents(listing.table, hasMarker: listing.hasMarker)
    }

    public func fetch(
        _ entry: FileEntry, of version: Version, into file: StagedFile, onBytes: @escaping @Sendable (Int64) -> Void
    ) async throws(SourceError) -> Verification {
        let path = directory.appending(version.name).appending(entry.path)
        for range in file.missing {
            try await copy(path, entry, range, into: file, onBytes: onBytes)
            if Task.isCancelled {
                throw SourceError(Failure(.unavailable, "copy \(path): cancelled", isTransient: true))
            }
        }
        guard let checksum = file.crc64nvme() else {
            throw SourceError(Failure(.unavailable, "copy \(path): it became shorter; it will be listed again", isTransient: true), isStale: true)
        }
        return Verification(crc64nvme: checksum, method: .bytes)
    }

    public func verify(
        _ entry: FileEntry, of version: Version, against local: LocalFile
    ) async throws(SourceError) -> Verification? {
        let path = directory.appending(version.name).appending(entry.path)
        let theirs = LocalFile(path: path, size: entry.size, fileSystem: fileSystem, reader: reader)
        do throws(FileError) {
            let (one, other) = (try await local.checksums(), try await theirs.checksums())
            return one == other ? Verification(crc64nvme: one.crc64nvme, method: .bytes) : nil
        } catch {
            throw SourceError(failure("compare \(path)", error))
        }
    }

    // MARK: - Reading

    private struct Listing: Sendable {
        let marker: String?
        var table = FileTable()
        var hasMarker = false
        var fault: String?
    }

    private func walk(_ path: FilePath, prefix: String, into listing: inout Listing) throws(FileError) {
        let names = try fileSystem.list(path)
        if names.isEmpty, !prefix.isEmpty { listing.table.appendEmptyDirectory(String(prefix.dropLast())) }
        for name in names {
            let relative = prefix + name
            let child = path.appending(name)
            guard listing.fault == nil, let status = try fileSystem.status(child) else { continue }
            if let fault = PathRules.fault(of: relative) {
                listing.fault = "\"\(PathRules.printable(child.string))\" cannot be a file of a version: \(fault); the whole version is refused"
            } else if relative == listing.marker {
                listing.hasMarker = true
            } else if relative == ReadinessCheck.manifestName {
                continue
            } else if status.kind == .directory {
                try walk(child, prefix: relative + "/", into: &listing)
            } else if status.kind == .file {
                // A copy that keeps the old times is told by the time of its change.
                let written = max(status.modified, status.changed)
                listing.table.append(FileEntry(path: relative, size: status.size, tag: tag(status), modified: written))
                if listing.table.count > FileTable.limit {
                    listing.fault = "\(location): a version holds more than \(FileTable.limit) files; pack them into fewer"
                }
            } else {
                listing.fault = "\"\(child)\" is neither file nor directory (symlinks are not followed); the whole version is refused"
            }
        }
    }

    private func tag(_ status: FileStatus) -> String {
        "\(status.device):\(status.inode):\(status.modified.secondsSinceEpoch).\(status.modified.nanoseconds)"
            + ":\(status.changed.secondsSinceEpoch).\(status.changed.nanoseconds)"
    }

    /// Copies one range, and makes sure that the file was the listed one before and after.
    private func copy(
        _ path: FilePath, _ entry: FileEntry, _ range: Range<Int64>, into staged: StagedFile,
        onBytes: @escaping @Sendable (Int64) -> Void
    ) async throws(SourceError) {
        let isSame = try await reading("copy \(path)") { () throws(FileError) in
            let source = try fileSystem.open(path, .read)
            guard try tag(source.status()) == entry.tag else { return false }
            var writer = staged.writer(for: range, checksums: .crc64nvme)
            try fileSystem.forEachChunk(of: source, in: range) { (bytes) throws(FileError) in
                _ = try writer.append(bytes)
                onBytes(Int64(bytes.count))
            }
            try writer.finish()
            return try tag(source.status()) == entry.tag
        }
        guard isSame else {
            throw SourceError(
                Failure(.unavailable, "copy \(path): it changed since it was listed; it will be listed again", isTransient: true),
                isStale: true)
        }
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

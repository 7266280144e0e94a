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
    /// Bytes that are copied in one go: what a cancellation waits for, and what others wait for who use the same thread.
    static let slice: Int64 = 64 << 20

    /// `directory` is absolute; `reader` is where files are read.
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
        let listing: Listing? = try await reading("list \(place)") { () throws(FileError) in
            guard try fileSystem.status(place)?.kind == .directory else { return nil }
            var listing = Listing(marker: marker)
            try walk(place, prefix: "", into: &listing)
            return listing
        }
        guard let listing else {
            throw SourceError(
                Failure(.notFound, "list \(place): it went away since it was listed; it is looked for again", isTransient: true))
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
            for start in stride(from: range.lowerBound, to: range.upperBound, by: Int(Self.slice)) {
                if Task.isCancelled {
                    throw SourceError(Failure(.unavailable, "copy \(path): cancelled", isTransient: true))
                }
                try await copy(path, entry, start..<min(start + Self.slice, range.upperBound), into: file, onBytes: onBytes)
            }
        }
        guard let checksum = file.crc64nvme() else { throw changed(path) }
        return Verification(crc64nvme: checksum, method: .bytes)
    }

    public func verify(
        _ entry: FileEntry, of version: Version, against local: LocalFile
    ) async throws(SourceError) -> Verification? {
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
            if listing.fault != nil { return }
            guard let status = try fileSystem.status(child) else {
                // Removed since, or a name whose bytes no text can hold.
                if relative.unicodeScalars.contains("\u{fffd}") {
                    listing.fault =
                        "\"\(PathRules.printable(child.string))\": its name is not UTF-8; the whole version is refused"
                }
                continue
            }
            if let fault = PathRules.fault(of: relative) {
                listing.fault =
                    "\"\(PathRules.printable(child.string))\" cannot be a file of a version: \(fault); the whole version is refused"
            } else if relative == listing.marker {
                listing.hasMarker = true
            } else if relative == ReadinessCheck.manifestName {
                continue
            } else if status.kind == .directory {
                try walk(child, prefix: relative + "/", into: &listing)
            } else if status.kind == .file {
                if listing.table.count == FileTable.limit {
                    listing.fault = "list \(location): a version holds more than \(FileTable.limit) files; pack them into fewer"
                    return
                }
                // The time of its change: a copy may keep the old times of its files, or bring some from the future.
                listing.table.append(FileEntry(path: relative, size: status.size, tag: tag(status), modified: status.changed))
            } else {
                listing.fault =
                    "\"\(child)\" is neither file nor directory (symlinks are not followed); the whole version is refused"
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
            // Opening anything else could block, or follow a link.
            guard let status = try fileSystem.status(path), tag(status) == entry.tag else { return false }
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

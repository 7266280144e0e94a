import FileIO
import Glibc
public import Servables
import SystemPackage

/// What came of syncing a version that was published before it was synced.
public enum LateSync: Hashable, Sendable {
    /// The disk has all of it; its manifest does not say so yet.
    case synced
    /// What the disk has is not what was published, or nobody can tell: it must go and be fetched again. One clause.
    case lost(reason: String)
    /// Told to stop before it was done.
    case stopped
}

extension ManifestHeader {
    /// Whether the disk has all of the version.
    public var isSynced: Bool { summary.isSynced }
}

// MARK: - `--sync after`: a version is synced once it is visible (CONTRACT P5)

extension Volume {
    /// Files that are synced between two looks whether to stop.
    private static let filesAtOnce = 256

    /// Whether the machine may have gone down since a version was published and before it was synced, so that nobody knows what the disk
    /// has of it.
    public func isDoubtful(_ summary: ManifestSummary) -> Bool {
        guard let published = summary.unsyncedBoot else { return false }
        return published != boot
    }

    /// Makes a version durable that was published before it was synced. What another boot published is read first and compared with the
    /// checksums of its manifest. Changes nothing: what comes of it is ``noteSynced(_:_:)``'s or ``prune(_:_:)``'s to write down.
    /// - `bytesAtOnce`: of a file, between two looks whether to stop, since a thread that waits for the disk holds up the end of the
    ///   process, too. No more are on their way at once, so that what else is read and written does not wait behind them.
    /// - `isStopped`: whether to stop.
    public func sync(
        _ model: String, _ version: Version, bytesAtOnce: Int64 = 16 << 20, isStopped: @escaping @Sendable () -> Bool
    ) throws(VolumeError) -> LateSync {
        if isStopped() { return .stopped }
        guard let published = try published(model, version), let summary = try summary(model, version), !summary.isSynced else {
            return .synced
        }
        let place = try doing("look for \(model) \(version)") { () throws(FileError) in try self.place(of: version, model) }
        do throws(FileError) {
            if isDoubtful(summary), let end = try compare(published, in: place, bytesAtOnce, isStopped) { return end }
            return try syncTree(published.table, in: place, bytesAtOnce, isStopped)
        } catch {
            if let reason = loss(error) { return .lost(reason: reason) }
            throw .file(error, doing: "sync \(place)")
        }
    }

    /// Notes in its manifest that the disk has all of a version.
    public func noteSynced(_ model: String, _ version: Version) throws(VolumeError) {
        try doing("write the manifest of \(model) \(version)") { () throws(FileError) in
            try manifests.update(model, version) { $0.unsyncedBoot = nil }
        }
    }

    private func summary(_ model: String, _ version: Version) throws(VolumeError) -> ManifestSummary? {
        try doing("read the manifest of \(model) \(version)") { () throws(FileError) in
            try manifests.header(model, version)?.summary
        }
    }

    /// What an error says of the data itself. After a failed sync the kernel may have dropped it, and a second call would lie; files that
    /// are gone, or that the disk cannot read, are no files of ours any more. Anything else may pass.
    private func loss(_ error: FileError) -> String? {
        let isSync = [FileOperation.fsync.rawValue, FileOperation.writeback.rawValue].contains(error.operation)
        return isSync || tellsOfData(error) ? "\(error)" : nil
    }

    /// Whether an error says that a file is gone, or that the disk cannot read it.
    func tellsOfData(_ error: FileError) -> Bool {
        [.noSuchFileOrDirectory, .notDirectory, .ioError, .badMessage, Errno(rawValue: EUCLEAN)].contains(error.errno)
    }

    /// Compares every file with what is recorded of it; what a server may have added is no damage.
    /// - Returns: `nil` where all is as it was published.
    private func compare(
        _ published: PublishedVersion, in place: FilePath, _ bytesAtOnce: Int64, _ isStopped: () -> Bool
    ) throws(FileError) -> LateSync? {
        for path in published.table.emptyDirectories where try fileSystem.status(place.appending(path))?.kind != .directory {
            return .lost(reason: "\(path) is missing")
        }
        // What a crash takes first is lengths: seen without reading.
        for entry in published.table {
            let status = try fileSystem.status(place.appending(entry.path))
            guard let status, status.kind == .file else { return .lost(reason: "\(entry.path) is missing") }
            guard status.size == entry.size else {
                return .lost(reason: "\(entry.path) has \(status.size) bytes instead of \(entry.size)")
            }
        }
        for (entry, verification) in zip(published.table, published.verifications) {
            let file = try fileSystem.open(place.appending(entry.path), .read)
            var checksum = RunningChecksum()
            while checksum.length < entry.size {
                if isStopped() { return .stopped }
                let range = checksum.length..<min(checksum.length + bytesAtOnce, entry.size)
                let count = try fileSystem.forEachChunk(of: file, in: range) { checksum.update($0) }
                if count == 0 { break }
            }
            guard checksum.length == entry.size, checksum.crc64nvme == verification.crc64nvme else {
                return .lost(reason: "\(entry.path) does not have the bytes that were published")
            }
        }
        return nil
    }

    /// Files, then directories from the deepest up, then the one that holds the version, as before a rename.
    private func syncTree(
        _ table: FileTable, in place: FilePath, _ bytesAtOnce: Int64, _ isStopped: () -> Bool
    ) throws(FileError) -> LateSync {
        for entry in table where entry.size > bytesAtOnce {
            let file = try fileSystem.open(place.appending(entry.path), .read)
            for start in stride(from: 0, to: entry.size, by: Int(bytesAtOnce)) {
                if isStopped() { return .stopped }
                try file.writeBack(start..<min(start + bytesAtOnce, entry.size))
            }
        }
        for start in stride(from: 0, to: table.count, by: Self.filesAtOnce) {
            if isStopped() { return .stopped }
            try fileSystem.sync(min(Self.filesAtOnce, table.count - start)) { place.appending(table[start + $0].path) }
        }
        for directory in expectedDirectories(table).reversed() { try fileSystem.syncDirectory(place.pushing(directory)) }
        for directory in [place, place.removingLastComponent()] { try fileSystem.syncDirectory(directory) }
        return .synced
    }
}

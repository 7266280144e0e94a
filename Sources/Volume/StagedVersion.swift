public import FileIO
public import Servables
import SystemPackage

/// A version that is being assembled: a private tree beside a record of what is in it, both kept over a restart.
public final class StagedVersion: Sendable {
    public let model: String
    public let version: Version
    public let table: FileTable
    /// Where it comes from, for the manifest.
    public let source: String

    /// What is renamed into the base path.
    let tree: FilePath
    let fileSystem: FileSystem
    private let reader: WorkerThread
    /// That of published files.
    private let fileMode: UInt16
    let journal: Journal
    let reservation: SpaceReservation
    /// Whether its files lie in memory, so that no call on them waits for a disk.
    public let isInMemory: Bool
    private let writesEarly: Bool
    /// Files that are whole and verified, and extents of others, by the table's index.
    let progress: Lock<StagedProgress>
    /// What published versions of the model have of it.
    let reusable: Reusable
    /// What was done to make it durable, once all of it was there.
    let sealed = Lock<SyncTime?>(nil)

    init(
        model: String, version: Version, table: FileTable, source: String, tree: FilePath, fileSystem: FileSystem,
        reader: WorkerThread, fileMode: UInt16, journal: Journal, reservation: SpaceReservation, progress: [Int: FileProgress],
        reusable: Reusable, isInMemory: Bool, writesEarly: Bool
    ) {
        self.model = model
        self.version = version
        self.table = table
        self.source = source
        self.tree = tree
        self.fileSystem = fileSystem
        self.reader = reader
        self.fileMode = fileMode
        self.journal = journal
        self.reservation = reservation
        self.progress = Lock(StagedProgress(progress, count: table.count))
        self.reusable = reusable
        self.isInMemory = isInMemory
        self.writesEarly = writesEarly
    }

    /// How the file at `index` was verified, if it is whole.
    public func verification(_ index: Int) -> Verification? { progress.withLock { $0[index]?.verification } }

    /// Bytes that need not be fetched any more.
    public var stagedBytes: Int64 {
        progress.withLock { progress in
            table.indices.reduce(0) { $0 + (progress.isWhole($1) ? table.size($1) : progress[$1]?.bytes ?? 0) }
        }
    }

    /// The files that are not whole yet, in the table's order.
    public var incomplete: [Int] {
        progress.withLock { progress in table.indices.filter { !progress.isWhole($0) } }
    }

    /// Bytes of a file whose arrival is not recorded before it is verified: what a kill in between costs is less than a record of it.
    private static let small: Int64 = 64 << 10

    /// Opens a file to be assembled, with what an earlier attempt left of it. Not twice at once.
    public func open(_ index: Int) throws(VolumeError) -> StagedFile {
        try doing("stage \(tree.appending(table[index].path))") { () throws(FileError) in try file(index) }
    }

    func file(_ index: Int) throws(FileError) -> StagedFile {
        let entry = table[index]
        let path = tree.appending(entry.path)
        let extents = progress.withLock { $0[index]?.extents ?? [] }
        // Named in the record by the write that says the first of it.
        let isNamed = Lock(!extents.isEmpty)
        let (journal, progress, reservation) = (journal, progress, reservation)
        let isAllocated = Lock(false)
        let file = try StagedFile(
            path: path, size: entry.size, extents: extents, mode: fileMode, fileSystem: fileSystem, reader: reader,
            writesEarly: writesEarly,
            onExtent: { (extent) throws(FileError) in
                progress.withLock { $0[index, default: FileProgress()].extents.append(extent) }
                if !isAllocated.withLock({ $0 }) { reservation.use(extent.length) }
                // It is about to be verified, or else soon fetched again.
                if extent.length == entry.size, entry.size <= Self.small { return }
                let line = ProgressRecord.extent(index: index, extent).line
                try isNamed.withLock { (isNamed) throws(FileError) in
                    if isNamed { return try journal.append(line) }
                    try journal.append(ProgressRecord.file(index: index, entry: entry).line, line)
                    isNamed = true
                }
            },
            onReset: { () throws(FileError) in
                let forgotten = progress.withLock { $0.removeValue(forKey: index)?.bytes ?? 0 }
                if !isAllocated.withLock({ $0 }) { reservation.use(-forgotten) }
                try journal.append(ProgressRecord.reset(index: index).line)
            })
        isAllocated.withLock { $0 = file.isAllocated }
        if extents.isEmpty, file.isAllocated { reservation.use(entry.size) }
        return file
    }

    /// Notes that a file is whole and verified: it will not be fetched again.
    public func complete(_ index: Int, _ verification: Verification) throws(VolumeError) {
        try doing("record the progress of \(tree)") { () throws(FileError) in
            // Of a small one no extent may have named it.
            guard table.size(index) > Self.small else { return try note(index, verification) }
            try journal.append(ProgressRecord.verified(index: index, verification).line)
            progress.withLock { $0[index] = FileProgress(verification: verification) }
        }
    }

    /// As `complete`, of a file that the record does not name yet.
    func note(_ index: Int, _ verification: Verification) throws(FileError) {
        try journal.append(
            ProgressRecord.file(index: index, entry: table[index]).line, ProgressRecord.verified(index: index, verification).line)
        progress.withLock { $0[index] = FileProgress(verification: verification) }
    }

    /// It is published, or given up: its space is counted where it is now.
    func end() { reservation.end() }
}

/// How far a file of a staged version is.
struct FileProgress: Hashable, Sendable {
    var extents: [Extent] = []
    var verification: Verification?

    /// Bytes of the extents.
    var bytes: Int64 { extents.reduce(0) { $0 + $1.length } }

    /// The same of a file of `size` bytes, but that a whole one of which only the length was compared is to be compared again: there
    /// may be something to compare it with now, or somebody who insists on that.
    func withoutGuess(of size: Int64) -> FileProgress {
        guard let verification, verification.method == .size, size > 0 else { return self }
        return FileProgress(
            extents: [Extent(offset: 0, length: size, crc64nvme: verification.crc64nvme, crc32c: nil, crc32: nil)])
    }
}

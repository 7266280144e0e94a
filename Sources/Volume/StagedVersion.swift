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
    private let fileSystem: FileSystem
    private let reader: WorkerThread
    private let journal: Journal
    private let reservation: SpaceReservation
    /// Files that are whole and verified, and extents of others, by the table's index.
    private let progress: Lock<[Int: FileProgress]>
    /// What an earlier boot left is compared before it is used.
    private let isDoubtful: Bool

    init(
        model: String, version: Version, table: FileTable, source: String, tree: FilePath, fileSystem: FileSystem,
        reader: WorkerThread, journal: Journal, reservation: SpaceReservation, progress: [Int: FileProgress], isDoubtful: Bool
    ) {
        self.model = model
        self.version = version
        self.table = table
        self.source = source
        self.tree = tree
        self.fileSystem = fileSystem
        self.reader = reader
        self.journal = journal
        self.reservation = reservation
        self.progress = Lock(progress)
        self.isDoubtful = isDoubtful
    }

    /// How the file at `index` was verified, if it is whole.
    public func verification(_ index: Int) -> Verification? { progress.withLock { $0[index]?.verification } }

    /// Bytes that need not be fetched any more.
    public var stagedBytes: Int64 {
        progress.withLock { progress in
            progress.reduce(0) { $0 + ($1.value.verification != nil ? table[$1.key].size : $1.value.extents.reduce(0) { $0 + $1.length }) }
        }
    }

    /// The files that are not whole yet, in the table's order.
    public var incomplete: [Int] {
        let whole = progress.withLock { Set($0.filter { $0.value.verification != nil }.keys) }
        return table.indices.filter { !whole.contains($0) }
    }

    /// Opens a file to be assembled, with what an earlier process left of it.
    public func open(_ index: Int) throws(VolumeError) -> StagedFile {
        let entry = table[index]
        let path = tree.appending(entry.path)
        let extents = progress.withLock { $0[index]?.extents ?? [] }
        return try doing("stage \(path)") { () throws(FileError) in
            if extents.isEmpty {
                // Said before the file is there, so that no file is in the tree that the record does not know.
                try journal.append(ProgressRecord.file(index: index, entry: entry).line)
                reservation.use(entry.size)
            }
            let journal = journal
            let file = try StagedFile(
                path: path, size: entry.size, extents: extents, fileSystem: fileSystem, reader: reader,
                onExtent: { (extent) throws(FileError) in
                    try journal.append(ProgressRecord.extent(index: index, extent).line)
                },
                onReset: { () throws(FileError) in try journal.append(ProgressRecord.reset(index: index).line) })
            if isDoubtful { try file.recheck() }
            return file
        }
    }

    /// Notes that a file is whole and verified: it will not be fetched again.
    public func complete(_ index: Int, _ verification: Verification) throws(VolumeError) {
        try doing("record the progress of \(tree)") { () throws(FileError) in
            try journal.append(ProgressRecord.verified(index: index, verification).line)
        }
        progress.withLock { $0[index] = FileProgress(extents: [], verification: verification) }
    }

    /// Whether a whole file of an earlier boot still has the bytes that it had.
    func recheck(_ index: Int) throws(FileError) -> Bool {
        guard isDoubtful, let verification = verification(index) else { return true }
        let entry = table[index]
        let file = try fileSystem.open(tree.appending(entry.path), .read)
        var checksum = RunningChecksum()
        try fileSystem.forEachChunk(of: file) { checksum.update($0) }
        if checksum.length == entry.size, checksum.crc64nvme == verification.crc64nvme { return true }
        progress.withLock { $0[index] = nil }
        return false
    }
}

/// How far a file of a staged version is.
struct FileProgress: Hashable, Sendable {
    var extents: [Extent]
    var verification: Verification?
}

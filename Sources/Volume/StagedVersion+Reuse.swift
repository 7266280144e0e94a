import FileIO
import Servables
import SystemPackage

extension StagedVersion {
    /// The files that were put into place from published versions when it was staged, and their bytes.
    public var reused: (files: Int, bytes: Int64) {
        (reusable.proven.count, reusable.proven.keys.reduce(0) { $0 + table.size($1) })
    }

    /// The files that are in place, as names of what published versions have, and were not read yet.
    public var unproven: [Int] { reusable.unproven.keys.sorted() }

    /// The work of having the file at `index` from a published version whose file has its content; `nil` where none has.
    public func reuse(_ index: Int) -> FileReuse? {
        if let file = reusable.unproven[index] { return FileReuse(index, of: self, from: file, .unproven) }
        return reusable.copyable[index].map { FileReuse(index, of: self, from: $0, .copyable) }
    }

    /// Whether the file at `index` may be had from a published version.
    public func mayBeReused(_ index: Int) -> Bool {
        reusable.unproven[index] != nil || reusable.copyable[index] != nil || mayBeThere(index)
    }

    /// Whether a published version has a file that is as long, so that it is worth asking for the checksum of the one at `index`.
    public func mayBeThere(_ index: Int) -> Bool { reusable.bySize[table.size(index)] != nil }

    /// The work of having the file at `index` from a published version's file with this CRC-64/NVME; `nil` where none has it.
    public func reuse(_ index: Int, crc64nvme: UInt64) throws(VolumeError) -> FileReuse? {
        guard let file = reusable.bySize[table.size(index)]?.first(where: { $0.verification.crc64nvme == crc64nvme }),
            var sharing = reusable.sharing
        else { return nil }
        let known = PublishedFile(
            path: file.path, verification: Verification(crc64nvme: crc64nvme, method: .crc64nvme), stamp: file.stamp,
            isSynced: file.isSynced)
        let entry = table[index]
        let target = tree.appending(entry.path)
        return try doing("stage \(target)") { () throws(FileError) in
            // What an earlier attempt has of it is not worth more than the whole.
            guard progress.withLock({ $0[index] }) == nil else { return nil }
            let outcome = try sharing.place(known, size: entry.size, at: target)
            return outcome == .none ? nil : FileReuse(index, of: self, from: known, outcome)
        }
    }
}

/// One file that is had from a published version: read where it lies, or copied, piece by piece, and compared with what the
/// manifest says of it.
public final class FileReuse: Sendable {
    private let index: Int
    private let staged: StagedVersion
    private let published: PublishedFile
    /// What came of the try to put it into place.
    private let outcome: FileSharing.Outcome
    /// Of the bytes read so far, where it is in place.
    private let checksum = Lock(RunningChecksum())
    /// Where it is copied to.
    private let copy = Lock<StagedFile?>(nil)

    fileprivate init(_ index: Int, of staged: StagedVersion, from file: PublishedFile, _ outcome: FileSharing.Outcome) {
        self.index = index
        self.staged = staged
        published = file
        self.outcome = outcome
    }

    public enum Progress: Hashable, Sendable {
        /// There is more to do.
        case goesOn
        /// The file is whole and verified.
        case done
        /// The published file is not what its manifest says. Nothing of it is staged.
        case differs(path: String)
        /// The published file was pruned meanwhile. Nothing of it is staged.
        case gone
    }

    /// Does the next piece. Not twice at once.
    public func step() throws(VolumeError) -> Progress {
        try doing("take \(published.path) for \(staged.model) \(staged.version)") { () throws(FileError) in
            let progress: Progress
            switch outcome {
            case .proven, .none: progress = .done
            case .unproven: progress = try readOn()
            case .copyable: progress = try copyOn()
            }
            if progress == .done { try staged.note(index, published.verification) }
            return progress
        }
    }

    private func readOn() throws(FileError) -> Progress {
        let path = staged.tree.appending(staged.table[index].path)
        let size = staged.table.size(index)
        let start = checksum.withLock { $0.length }
        let file = try staged.fileSystem.open(path, .read)
        let count = try staged.fileSystem.forEachChunk(of: file, in: start..<min(start + StagedFile.slice, size)) { bytes in
            checksum.withLock { $0.update(bytes) }
        }
        let read = checksum.withLock { $0 }
        if read.length < size, count > 0 { return .goesOn }
        guard read.length == size, read.crc64nvme == published.verification.crc64nvme else {
            try staged.fileSystem.removeFile(path)
            // It was not counted as missing.
            staged.reservation.use(-size)
            return .differs(path: "\(published.path)")
        }
        return .done
    }

    private func copyOn() throws(FileError) -> Progress {
        let file: StagedFile
        if let known = copy.withLock({ $0 }) {
            file = known
        } else {
            file = try staged.file(index)
            copy.withLock { $0 = file }
        }
        if let range = file.missing.first {
            guard let source = try staged.fileSystem.openIfThere(published.path) else {
                try file.reset()
                return .gone
            }
            let before = file.stagedBytes
            try file.copy(range.lowerBound..<min(range.lowerBound + StagedFile.slice, range.upperBound), from: source)
            if file.stagedBytes > before, !file.missing.isEmpty { return .goesOn }
        }
        guard file.crc64nvme() == published.verification.crc64nvme else {
            try file.reset()
            return .differs(path: "\(published.path)")
        }
        file.close()
        return .done
    }
}

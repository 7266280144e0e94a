import FileIO
import Glibc
import Servables
import SystemPackage

/// A file of a published version that may serve a new one.
struct PublishedFile: Sendable {
    let path: FilePath
    /// What its version's manifest says of it.
    let verification: Verification
    /// As it was when that was written; `nil` where nobody noted it.
    let stamp: FileStamp?
    /// Whether its version is on the disk, so that a further name of the file needs nothing more.
    let isSynced: Bool
}

/// Puts files of published versions into a staged tree without reading them.
struct FileSharing: Sendable {
    let fileSystem: FileSystem
    /// Permission bits that a file must have to get a further name, and that a clone gets.
    let mode: UInt16
    let owner: UInt32
    let group: UInt32
    /// What is tried still; what the file system cannot do at all is given up with the first try.
    private(set) var ways: [ReuseMode]

    /// - `tree`: where to; new files in it get its group if its setgid bit says so.
    init(_ ways: [ReuseMode], into tree: FilePath, mode: UInt16, fileSystem: FileSystem) throws(FileError) {
        self.fileSystem = fileSystem
        self.mode = mode
        self.ways = ways
        owner = geteuid()
        let directory = try fileSystem.status(tree)
        group = directory.flatMap { $0.mode & 0o2000 != 0 ? $0.group : nil } ?? getegid()
    }

    enum Outcome: Hashable {
        /// It is in place, untouched since its manifest was written.
        case proven
        /// It is in place, and somebody touched it since, or nothing tells: it is to be read before it counts.
        case unproven
        /// It is not in place; its bytes may be copied.
        case copyable
        /// It does not serve.
        case none
    }

    /// - `target`: nothing must be there.
    mutating func place(_ file: PublishedFile, size: Int64, at target: FilePath) throws(FileError) -> Outcome {
        guard let status = try fileSystem.status(file.path), status.kind == .file, status.size == size else { return .none }
        let (fileSystem, mode) = (fileSystem, mode)
        let outcome: Outcome = status.stamp == file.stamp ? .proven : .unproven
        if ways.contains(.hardlink), file.isSynced, hasSameRights(status),
            try attempt(.hardlink, { () throws(FileError) in try fileSystem.link(file.path, as: target) })
        {
            // What was looked at is what has the new name; only its time of change is another, by that.
            if let linked = try fileSystem.status(target), linked.inode == status.inode, linked.modified == status.modified {
                return outcome
            }
            try fileSystem.removeFile(target)
            return .none
        }
        if ways.contains(.reflink),
            try attempt(.reflink, { () throws(FileError) in try fileSystem.clone(file.path, as: target, mode: mode) })
        {
            if let cloned = try fileSystem.status(target), cloned.size == size, try fileSystem.status(file.path) == status {
                return outcome
            }
            try fileSystem.removeFile(target)
            return .none
        }
        return ways.contains(.copy) ? .copyable : .none
    }

    /// Whether a file is as one that is fetched would be, so that a further name of it will do.
    func hasSameRights(_ status: FileStatus) -> Bool {
        status.mode == mode && status.owner == owner && status.group == group
    }

    /// - Returns: `false` where it cannot be done so; where the disk fails, no other way would do better.
    private mutating func attempt(_ way: ReuseMode, _ body: () throws(FileError) -> Void) throws(FileError) -> Bool {
        do throws(FileError) {
            try body()
            return true
        } catch {
            switch error.errno {
            case .noSpace, .diskQuotaExceeded, .readOnlyFileSystem, .ioError: throw error
            case .noSuchFileOrDirectory, .tooManyLinks, .fileExists: return false
            default:
                ways.removeAll { $0 == way }
                return false
            }
        }
    }
}

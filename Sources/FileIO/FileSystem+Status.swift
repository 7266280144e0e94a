import CLinux
import Glibc
public import Servables
public import SystemPackage

/// What `lstat(2)` tells of a name, as far as it matters here.
public struct FileStatus: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        case file, directory, symlink, other
    }

    public let kind: Kind
    /// Bytes.
    public let size: Int64
    /// Bytes of the blocks that it takes on the disk; less than `size` where nothing was written or reserved yet.
    public let allocated: Int64
    /// The permission bits with setuid, setgid and sticky.
    public let mode: UInt16
    public let device: UInt64
    public let inode: UInt64
    public let owner: UInt32
    public let group: UInt32
    /// Names that the file has.
    public let links: UInt64
    public let modified: Timestamp
    public let changed: Timestamp

    init(_ raw: stat) {
        kind =
            switch raw.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFLNK: .symlink
            default: .other
            }
        size = Int64(raw.st_size)
        allocated = Int64(raw.st_blocks) * 512
        mode = UInt16(raw.st_mode & 0o7777)
        device = UInt64(raw.st_dev)
        inode = UInt64(raw.st_ino)
        owner = raw.st_uid
        group = raw.st_gid
        links = UInt64(raw.st_nlink)
        modified = Timestamp(secondsSinceEpoch: Int64(raw.st_mtim.tv_sec), nanoseconds: Int32(raw.st_mtim.tv_nsec))
        changed = Timestamp(secondsSinceEpoch: Int64(raw.st_ctim.tv_sec), nanoseconds: Int32(raw.st_ctim.tv_nsec))
    }
}

/// What shows that nobody has touched a file since it was looked at: any write, change of mode or further name gives it another
/// time of change, which no call sets back.
public struct FileStamp: Hashable, Sendable {
    public let inode: UInt64
    public let modified: Timestamp
    public let changed: Timestamp

    public init(inode: UInt64, modified: Timestamp, changed: Timestamp) {
        self.inode = inode
        self.modified = modified
        self.changed = changed
    }
}

extension FileStatus {
    public var stamp: FileStamp { FileStamp(inode: inode, modified: modified, changed: changed) }
}

/// What a volume has room for.
public struct VolumeSpace: Hashable, Sendable {
    /// Bytes that this process may still use.
    public let available: Int64
    /// Bytes of the whole file system.
    public let capacity: Int64
    /// Whether it is a tmpfs, whose files lie in memory.
    public let isInMemory: Bool
}

extension FileSystem {
    /// The status of a name itself, never of what a symlink points to.
    /// - Returns: `nil` where there is nothing of that name.
    public func status(_ path: FilePath) throws(FileError) -> FileStatus? {
        var raw = stat()
        do throws(FileError) {
            try call(.stat, path) { path.withPlatformString { lstat($0, &raw) } }
        } catch {
            guard error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory else { throw error }
            return nil
        }
        return FileStatus(raw)
    }

    /// Free and total bytes of the file system that holds `path`.
    public func space(at path: FilePath) throws(FileError) -> VolumeSpace {
        var raw = statvfs()
        try call(.statvfs, path) { path.withPlatformString { statvfs($0, &raw) } }
        return VolumeSpace(
            available: bytes(UInt64(raw.f_bavail), of: UInt64(raw.f_frsize)),
            capacity: bytes(UInt64(raw.f_blocks), of: UInt64(raw.f_frsize)),
            isInMemory: path.withPlatformString { aspired_filesystem_magic_at($0) } == tmpfsMagic)
    }

    /// The bytes of all regular files below a directory, as far as they are still there when they are looked at; 0 where it is not.
    /// - `counted`: the inodes of files with several names that were counted already, in this tree or others; they are once.
    public func treeSize(_ path: FilePath, counted: inout Set<UInt64>) throws(FileError) -> Int64 {
        var size: Int64 = 0
        try eachFile(below: path) { status in
            if status.links == 1 || counted.insert(status.inode).inserted { size += status.size }
        }
        return size
    }

    /// Hands out the regular files below a directory, as far as they are still there when they are looked at; none where it is not.
    public func eachFile(below path: FilePath, _ body: (FileStatus) throws(FileError) -> Void) throws(FileError) {
        var waiting = [path]
        while let path = waiting.popLast() {
            switch try status(path) {
            case let status? where status.kind == .file: try body(status)
            case let status? where status.kind == .directory:
                do throws(FileError) {
                    for name in try list(path) { waiting.append(path.appending(name)) }
                } catch {
                    guard error.errno == .noSuchFileOrDirectory else { throw error }
                }
            default: break
            }
        }
    }

    /// The entries of a directory, sorted by name, without `.` and `..`.
    public func list(_ path: FilePath) throws(FileError) -> [String] {
        let directory = try openDirectory(path)
        return try directory.entries().sorted()
    }
}

/// Network file systems that know no bounds report more than fits.
func bytes(_ blocks: UInt64, of unit: UInt64) -> Int64 {
    let (product, overflows) = blocks.multipliedReportingOverflow(by: unit)
    return overflows ? .max : Int64(clamping: product)
}

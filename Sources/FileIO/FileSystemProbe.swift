public import SystemPackage

/// The kinds of system calls that `FileSystem` makes, named as their manual pages are.
public enum FileOperation: String, Hashable, Sendable, CaseIterable {
    case open, close, read, write, writeback, fsync, truncate, fallocate, stat, list, mkdir, rename, link, ficlone, unlink, rmdir,
        chmod, flock, statvfs
}

/// One system call that is about to be made.
public struct FileCall: Hashable, Sendable {
    public let operation: FileOperation
    public let path: FilePath
    /// The second path of a rename, and the new one of a link or clone.
    public let target: FilePath?
    /// The bytes that a read or write asks for; 0 otherwise.
    public let length: Int
}

/// What a probe has the file system do with a call.
public enum ProbeVerdict: Hashable, Sendable {
    case proceed
    /// The call is not made and fails with this.
    case fail(Errno)
    /// A write takes no more than this many bytes.
    case shorten(Int)
}

/// Sees every call before it is made: tests record calls, fail the n-th, or shorten it. Production has none.
public protocol FileSystemProbe: Sendable {
    func willMake(_ call: FileCall) -> ProbeVerdict
}

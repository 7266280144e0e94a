public import SystemPackage

/// A system call on a file that failed.
public struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The call, as its manual page is named: `open`, `pwrite`, `renameat2`.
    public let operation: String
    public let path: FilePath
    public let errno: Errno

    public init(_ operation: String, _ path: FilePath, _ errno: Errno) {
        self.operation = operation
        self.path = path
        self.errno = errno
    }

    public var description: String { "\(operation) \(path): \(errno)" }
}

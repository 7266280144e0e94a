import CLinux
import Glibc
public import SystemPackage

/// The only place with system calls on files (DESIGN section 2). Blocking: not for the cooperative pool.
public struct FileSystem: Sendable {
    let probe: (any FileSystemProbe)?

    /// - Parameter probe: sees every call first; `nil` in production.
    public init(probe: (any FileSystemProbe)? = nil) { self.probe = probe }

    /// Makes one call: asks the probe, repeats after a signal, turns `-1` into an error with the path.
    @discardableResult
    func call(
        _ operation: FileOperation, _ path: FilePath, target: FilePath? = nil, _ body: () -> CInt
    ) throws(FileError) -> CInt {
        if let probe,
            case .fail(let errno) = probe.willMake(FileCall(operation: operation, path: path, target: target, length: 0))
        {
            throw FileError(operation.rawValue, path, errno)
        }
        while true {
            let result = body()
            if result != -1 { return result }
            if Glibc.errno != EINTR { throw FileError(operation.rawValue, path, Errno(rawValue: Glibc.errno)) }
        }
    }
}

// MARK: - Opening

extension FileSystem {
    /// How `open` is asked for a file.
    public enum Access: Sendable {
        case read
        /// Created if missing, for reading and writing, never through a symlink.
        case readWrite
        /// Created; fails if anything of that name exists.
        case createNew
        /// Created if missing; each write goes to the end.
        case append
    }

    /// Opens a regular file.
    public func open(_ path: FilePath, _ access: Access, mode: UInt16 = 0o600) throws(FileError) -> Descriptor {
        let flags: CInt =
            switch access {
            case .read: O_RDONLY
            case .readWrite: O_RDWR | O_CREAT | O_NOFOLLOW
            case .createNew: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW
            case .append: O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW
            }
        let descriptor = try call(.open, path) {
            path.withPlatformString { aspired_open($0, flags | O_CLOEXEC, mode_t(mode)) }
        }
        return Descriptor(rawValue: descriptor, path: path, fileSystem: self)
    }

    /// Opens a regular file for reading; `nil` where there is nothing of that name.
    public func openIfThere(_ path: FilePath) throws(FileError) -> Descriptor? {
        do throws(FileError) {
            return try open(path, .read)
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return nil
        }
    }

    /// Makes an empty file in place of what may be under its name.
    func createAnew(_ path: FilePath, mode: UInt16) throws(FileError) -> Descriptor {
        do throws(FileError) {
            return try open(path, .createNew, mode: mode)
        } catch {
            guard error.errno == .fileExists else { throw error }
            try removeFile(path)
            return try open(path, .createNew, mode: mode)
        }
    }

    /// Opens a directory, to sync it, to lock it, or to ask about its mount.
    public func openDirectory(_ path: FilePath) throws(FileError) -> Descriptor {
        let descriptor = try call(.open, path) {
            path.withPlatformString { aspired_open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
        }
        return Descriptor(rawValue: descriptor, path: path, fileSystem: self)
    }

    /// Makes the names in a directory durable.
    public func syncDirectory(_ path: FilePath) throws(FileError) {
        let directory = try openDirectory(path)
        try directory.sync()
    }
}

// MARK: - Names

extension FileSystem {
    /// Makes a directory and sets its mode by call, since the umask would take bits away (DESIGN, hard rule 8).
    /// - `mode`: an inherited setgid bit is kept.
    /// - Returns: `false` when a directory of that name exists already; its mode is left alone.
    @discardableResult
    public func makeDirectory(_ path: FilePath, mode: UInt16) throws(FileError) -> Bool {
        do throws(FileError) {
            try call(.mkdir, path) { path.withPlatformString { mkdir($0, mode_t(mode)) } }
        } catch {
            guard error.errno == .fileExists, try status(path)?.kind == .directory else { throw error }
            return false
        }
        let inherited = try status(path)?.mode ?? 0
        let wanted = mode | (inherited & 0o2000)
        if inherited & 0o7777 != wanted { try setMode(path, wanted) }
        return true
    }

    public func setMode(_ path: FilePath, _ mode: UInt16) throws(FileError) {
        try call(.chmod, path) { path.withPlatformString { chmod($0, mode_t(mode)) } }
    }

    /// Renames without ever replacing anything: `EEXIST` where the target exists.
    ///
    /// Where the file system knows no flags (NFS: EINVAL; old kernels: ENOSYS) the target is looked at first, which is safe under
    /// the one-writer lock: a plain rename refuses a directory that is not empty.
    public func renameWithoutReplacing(_ source: FilePath, _ target: FilePath) throws(FileError) {
        do throws(FileError) {
            try call(.rename, source, target: target) {
                source.withPlatformString { from in target.withPlatformString { aspired_rename_noreplace(from, $0) } }
            }
        } catch {
            guard error.errno == .invalidArgument || error.errno == .noFunction else { throw error }
            guard try status(target) == nil else { throw FileError(FileOperation.rename.rawValue, target, .fileExists) }
            try renameReplacing(source, target)
        }
    }

    /// Renames, replacing a file of the target's name.
    public func renameReplacing(_ source: FilePath, _ target: FilePath) throws(FileError) {
        try call(.rename, source, target: target) {
            source.withPlatformString { from in target.withPlatformString { Glibc.rename(from, $0) } }
        }
    }

    /// Removes a file or symlink. `false` when there was none.
    @discardableResult
    public func removeFile(_ path: FilePath) throws(FileError) -> Bool {
        do throws(FileError) {
            try call(.unlink, path) { path.withPlatformString { unlink($0) } }
            return true
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return false
        }
    }

    /// Removes an empty directory. `false` when there was none.
    @discardableResult
    public func removeDirectory(_ path: FilePath) throws(FileError) -> Bool {
        do throws(FileError) {
            try call(.rmdir, path) { path.withPlatformString { rmdir($0) } }
            return true
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return false
        }
    }

    /// Gives a file its whole content: written beside it, synced, renamed over it, and the directory synced.
    public func replaceFile(_ path: FilePath, with content: [UInt8], mode: UInt16) throws(FileError) {
        try replaceFile(path, mode: mode) { (file: borrowing Descriptor) throws(FileError) in
            try file.write(content, at: 0)
        }
    }

    /// As `replaceFile(_:with:mode:)`, for content that is too long to be held: `write` fills the new file.
    public func replaceFile(
        _ path: FilePath, mode: UInt16, _ write: (borrowing Descriptor) throws(FileError) -> Void
    ) throws(FileError) {
        let temporary = FilePath(path.string + ".new")
        try removeFile(temporary)
        do throws(FileError) {
            let file = try open(temporary, .createNew)
            try file.setMode(mode)
            try write(file)
            try file.sync()
            try renameReplacing(temporary, path)
        } catch {
            _ = try? removeFile(temporary)
            throw error
        }
        try syncDirectory(path.removingLastComponent())
    }
}

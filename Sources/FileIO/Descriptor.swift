import CLinux
import Glibc
public import SystemPackage

/// An open file or directory; closed when it goes.
public struct Descriptor: ~Copyable, Sendable {
    let rawValue: CInt
    /// What it was opened as, for messages.
    public let path: FilePath
    private let fileSystem: FileSystem

    init(rawValue: CInt, path: FilePath, fileSystem: FileSystem) {
        self.rawValue = rawValue
        self.path = path
        self.fileSystem = fileSystem
    }

    // An error of close(2) says nothing that fsync(2) has not said before, and all that matters is synced.
    deinit { Glibc.close(rawValue) }

    /// Writes all of `bytes` at `offset`.
    public borrowing func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(FileError) {
        var done = 0
        while done < bytes.count {
            done += try transfer(.write, bytes.count - done) { length in
                pwrite(rawValue, bytes.baseAddress.map { $0 + done }, length, off_t(offset) + off_t(done))
            }
        }
    }

    /// Writes all of `bytes` at `offset`.
    public borrowing func write(_ bytes: [UInt8], at offset: Int64) throws(FileError) {
        // The closure cannot capture a borrowed value, so the outcome is carried out of it.
        let length = bytes.count
        var done = 0
        while done < length {
            done += try transfer(.write, length - done) { count in
                bytes.withUnsafeBytes { pwrite(rawValue, $0.baseAddress.map { $0 + done }, count, off_t(offset) + off_t(done)) }
            }
        }
    }

    /// Writes all of `bytes` at the end of a file opened with `.append`, in one call if the system takes it so.
    public borrowing func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        var done = 0
        while done < bytes.count {
            done += try transfer(.write, bytes.count - done) { length in
                Glibc.write(rawValue, bytes.baseAddress.map { $0 + done }, length)
            }
        }
    }

    /// Reads up to `buffer.count` bytes from `offset`.
    /// - Returns: the bytes read; less than asked for only at the end of the file.
    public borrowing func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int {
        var done = 0
        while done < buffer.count {
            let count = try transfer(.read, buffer.count - done) { length in
                pread(rawValue, buffer.baseAddress.map { $0 + done }, length, off_t(offset) + off_t(done))
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    private borrowing func transfer(_ operation: FileOperation, _ length: Int, _ body: (Int) -> Int) throws(FileError) -> Int {
        var length = length
        if let probe = fileSystem.probe {
            switch probe.willMake(FileCall(operation: operation, path: path, target: nil, length: length)) {
            case .proceed: break
            case .fail(let errno): throw FileError(operation.rawValue, path, errno)
            case .shorten(let count): length = min(length, max(1, count))
            }
        }
        while true {
            let count = body(length)
            if count >= 0 { return count }
            if Glibc.errno != EINTR { throw FileError(operation.rawValue, path, Errno(rawValue: Glibc.errno)) }
        }
    }

    /// Has the kernel begin to write a range to the disk (sync_file_range(2)), so that a later `sync` waits for little. A hint: whether
    /// anything can be written, that will say.
    public borrowing func startWriteback(_ range: Range<Int64>) {
        _ = try? fileSystem.call(.writeback, path) {
            aspired_start_writeback(rawValue, off_t(range.lowerBound), off_t(range.upperBound - range.lowerBound))
        }
    }

    /// Writes a range to the disk and waits for it (sync_file_range(2)), so that a later `sync` waits for little. After a failure of the
    /// device the data is as lost as after one of `sync`, which then may not tell it again; where the file system knows no ranges
    /// nothing happens.
    public borrowing func writeBack(_ range: Range<Int64>) throws(FileError) {
        do throws(FileError) {
            try fileSystem.call(.writeback, path) {
                aspired_write_back(rawValue, off_t(range.lowerBound), off_t(range.upperBound - range.lowerBound))
            }
        } catch {
            guard [.noFunction, .invalidArgument, .illegalSeek, .notSupported].contains(error.errno) else { throw error }
        }
    }

    /// fsync(2). After a failure the kernel may have dropped the data and a second call would lie: throw the file away.
    public borrowing func sync() throws(FileError) {
        try fileSystem.call(.fsync, path) { fsync(rawValue) }
    }

    public borrowing func setMode(_ mode: UInt16) throws(FileError) {
        try fileSystem.call(.chmod, path) { fchmod(rawValue, mode_t(mode)) }
    }

    /// Cuts or extends the file.
    public borrowing func truncate(to size: Int64) throws(FileError) {
        try fileSystem.call(.truncate, path) { ftruncate(rawValue, off_t(size)) }
    }

    public borrowing func status() throws(FileError) -> FileStatus {
        var raw = stat()
        try fileSystem.call(.stat, path) { fstat(rawValue, &raw) }
        return FileStatus(raw)
    }

    /// Reserves the blocks of a file that is about to be written, so that a full disk is known before the first byte.
    ///
    /// Not on tmpfs, whose pages would be charged to our memory at once, and not where the file system cannot
    /// (DESIGN, hard rule 9: never `posix_fallocate`, which then writes zeros).
    /// - Returns: whether the blocks are reserved.
    @discardableResult
    public borrowing func preallocate(_ size: Int64) throws(FileError) -> Bool {
        guard size > 0 else { return true }
        guard aspired_filesystem_magic(rawValue) != tmpfsMagic else { return false }
        do throws(FileError) {
            try fileSystem.call(.fallocate, path) { aspired_fallocate(rawValue, 0, off_t(size)) }
            return true
        } catch {
            guard error.errno == .notSupported || error.errno == .noFunction || error.errno == .invalidArgument else {
                throw error
            }
            return false
        }
    }

    /// Takes the lock of the open file (flock(2)) without waiting. `false` when another process holds it.
    /// - `shared`: only as one of several that keep it from being taken alone.
    public borrowing func tryLock(shared: Bool = false) throws(FileError) -> Bool {
        do throws(FileError) {
            try fileSystem.call(.flock, path) { flock(rawValue, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) }
            return true
        } catch {
            guard error.errno == .resourceTemporarilyUnavailable else { throw error }
            return false
        }
    }

    /// Which mount the directory was reached through: two bind mounts of one file system differ, and rename(2) refuses to
    /// cross them. Falls back to the device where the kernel does not tell mounts (before Linux 5.8).
    public borrowing func mountIdentity() throws(FileError) -> UInt64 {
        var id: UInt64 = 0
        if aspired_mount_id(rawValue, &id) == 0 { return id }
        return try status().device
    }

    /// The names in an open directory, in no order, without `.` and `..`. A name that is no UTF-8 comes repaired, and so does
    /// not name its file any more.
    public borrowing func entries() throws(FileError) -> [String] {
        try rawEntries().map(\.string)
    }

    /// How many `entries()` there are.
    public borrowing func entryCount() throws(FileError) -> Int {
        var count = 0
        try forEachEntry { _ in count += 1 }
        return count
    }

    /// As `entries()`, byte for byte.
    borrowing func rawEntries() throws(FileError) -> [FilePath] {
        var names: [FilePath] = []
        try forEachEntry { names.append(FilePath(platformString: $0)) }
        return names
    }

    private borrowing func forEachEntry(_ body: (UnsafePointer<CChar>) -> Void) throws(FileError) {
        // fdopendir takes the descriptor over, so it gets one of its own.
        let duplicate = try fileSystem.call(.list, path) { fcntl(rawValue, F_DUPFD_CLOEXEC, 0) }
        guard let stream = fdopendir(duplicate) else {
            let errno = Errno(rawValue: Glibc.errno)
            Glibc.close(duplicate)
            throw FileError(FileOperation.list.rawValue, path, errno)
        }
        defer { closedir(stream) }
        rewinddir(stream)
        while true {
            Glibc.errno = 0
            guard let entry = readdir(stream) else {
                if Glibc.errno == 0 { return }
                throw FileError(FileOperation.list.rawValue, path, Errno(rawValue: Glibc.errno))
            }
            withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: 256) { name in
                    if strcmp(name, ".") != 0, strcmp(name, "..") != 0 { body(name) }
                }
            }
        }
    }
}

/// statfs(2): TMPFS_MAGIC.
let tmpfsMagic = 0x0102_1994

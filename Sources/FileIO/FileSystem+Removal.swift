import CLinux
import Glibc
public import SystemPackage

extension FileSystem {
    /// Removes a directory with all that is in it, or a file; nothing where nothing is.
    ///
    /// Goes by descriptor (`openat`, `unlinkat`) and never follows a symlink, so that nothing outside `path` can be reached
    /// whatever another process puts in the way; does not enter other file systems (CONTRACT P7).
    public func removeTree(_ path: FilePath) throws(FileError) {
        guard let status = try status(path) else { return }
        guard status.kind == .directory else {
            try removeFile(path)
            return
        }
        do {
            let directory = try openForRemoval(path, at: AT_FDCWD, name: path)
            try removeEntries(of: directory, device: status.device)
        }
        try removeDirectory(path)
    }

    private func removeEntries(of directory: borrowing Descriptor, device: UInt64) throws(FileError) {
        let parent = directory.rawValue
        for name in try directory.rawEntries() {
            let path = directory.path.appending(name.string)
            var raw = stat()
            try call(.stat, path) { name.withPlatformString { fstatat(parent, $0, &raw, AT_SYMLINK_NOFOLLOW) } }
            guard raw.st_mode & S_IFMT == S_IFDIR else {
                try call(.unlink, path) { name.withPlatformString { unlinkat(parent, $0, 0) } }
                continue
            }
            guard UInt64(raw.st_dev) == device else { throw FileError(FileOperation.rmdir.rawValue, path, .improperLink) }
            do {
                let child = try openForRemoval(path, at: parent, name: name)
                try removeEntries(of: child, device: device)
            }
            try call(.rmdir, path) { name.withPlatformString { unlinkat(parent, $0, AT_REMOVEDIR) } }
        }
    }

    /// Opens a directory that is about to be emptied, giving its owner the rights for it if they are missing.
    private func openForRemoval(_ path: FilePath, at parent: CInt, name: FilePath) throws(FileError) -> Descriptor {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        func attempt() throws(FileError) -> Descriptor {
            let opened = try call(.open, path) { name.withPlatformString { aspired_openat(parent, $0, flags, 0) } }
            return Descriptor(rawValue: opened, path: path, fileSystem: self)
        }
        do throws(FileError) {
            let directory = try attempt()
            let mode = try directory.status().mode
            if mode & 0o300 != 0o300 { try directory.setMode(mode | 0o700) }
            return directory
        } catch {
            guard error.errno == .permissionDenied else { throw error }
            // Only a directory of our own can be changed so; another's stays refused.
            try call(.chmod, path) { name.withPlatformString { fchmodat(parent, $0, 0o700, 0) } }
            return try attempt()
        }
    }
}

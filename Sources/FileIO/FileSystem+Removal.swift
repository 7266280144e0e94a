import CLinux
import Glibc
public import SystemPackage

extension FileSystem {
    /// Removes a directory with all that is in it, or a file; nothing where nothing is.
    ///
    /// Goes by descriptor (`openat`, `unlinkat`) and never follows a symlink, so that nothing outside `path` can be reached
    /// whatever another process puts in the way; does not enter what is mounted in it, be it of the same file system (CONTRACT P7):
    /// `EBUSY` then. What lies deep is moved up
    /// before it is emptied, so that a depth of a thousand takes no more descriptors or stack than one of two.
    public func removeTree(_ path: FilePath) throws(FileError) {
        guard let status = try status(path) else { return }
        guard status.kind == .directory else {
            try removeFile(path)
            return
        }
        do {
            let top = try openForRemoval(path, at: AT_FDCWD, name: path, mount: nil)
            let place = Place(device: status.device, mount: try top.mountIdentity())
            var moved = 0
            while true {
                let names = try top.rawEntries()
                if names.isEmpty { break }
                for name in names { try removeEntry(name, of: top, place, moved: &moved) }
            }
        }
        try removeDirectory(path)
    }

    /// What must not be left.
    private struct Place {
        let device: UInt64
        /// A bind mount is of the same device.
        let mount: UInt64
    }

    /// Removes an entry of the topmost directory; the directories in it become entries of the topmost one.
    private func removeEntry(
        _ name: FilePath, of top: borrowing Descriptor, _ place: Place, moved: inout Int
    ) throws(FileError) {
        let path = top.path.appending(name.string)
        guard try isDirectory(name, in: top.rawValue, path, place) else {
            try unlink(name, in: top.rawValue, path)
            return
        }
        do {
            let directory = try openForRemoval(path, at: top.rawValue, name: name, mount: place.mount)
            for name in try directory.rawEntries() {
                let path = directory.path.appending(name.string)
                if try !isDirectory(name, in: directory.rawValue, path, place) {
                    try unlink(name, in: directory.rawValue, path)
                } else if try !removeEmpty(name, in: directory.rawValue, path) {
                    // A directory that is moved must be writable itself.
                    _ = try openForRemoval(path, at: directory.rawValue, name: name, mount: place.mount)
                    try moveUp(name, of: directory, to: top, &moved)
                }
            }
        }
        let parent = top.rawValue
        try call(.rmdir, path) { name.withPlatformString { unlinkat(parent, $0, AT_REMOVEDIR) } }
    }

    /// Removes a directory if nothing is in it.
    private func removeEmpty(_ name: FilePath, in parent: CInt, _ path: FilePath) throws(FileError) -> Bool {
        do throws(FileError) {
            try call(.rmdir, path) { name.withPlatformString { unlinkat(parent, $0, AT_REMOVEDIR) } }
            return true
        } catch {
            guard error.errno == .directoryNotEmpty || error.errno == .fileExists else { throw error }
            return false
        }
    }

    private func isDirectory(_ name: FilePath, in parent: CInt, _ path: FilePath, _ place: Place) throws(FileError) -> Bool {
        var raw = stat()
        try call(.stat, path) { name.withPlatformString { fstatat(parent, $0, &raw, AT_SYMLINK_NOFOLLOW) } }
        guard raw.st_mode & S_IFMT == S_IFDIR else { return false }
        guard UInt64(raw.st_dev) == place.device else { throw FileError(FileOperation.rmdir.rawValue, path, .resourceBusy) }
        return true
    }

    private func unlink(_ name: FilePath, in parent: CInt, _ path: FilePath) throws(FileError) {
        try call(.unlink, path) { name.withPlatformString { unlinkat(parent, $0, 0) } }
    }

    private func moveUp(
        _ name: FilePath, of directory: borrowing Descriptor, to top: borrowing Descriptor, _ moved: inout Int
    ) throws(FileError) {
        let (from, to) = (directory.rawValue, top.rawValue)
        while true {
            moved += 1
            let target = FilePath("moved-up.\(moved)")
            do throws(FileError) {
                try call(.rename, directory.path.appending(name.string), target: top.path.appending(target.string)) {
                    name.withPlatformString { old in target.withPlatformString { renameat(from, old, to, $0) } }
                }
                return
            } catch {
                // Something of that name was there: it goes as well, the next number does.
                guard [.fileExists, .directoryNotEmpty, .notDirectory].contains(error.errno) else { throw error }
            }
        }
    }

    /// Opens a directory that is about to be emptied, giving its owner the rights for it if they are missing.
    /// `mount` is the one that it must be of; `nil`: any.
    private func openForRemoval(
        _ path: FilePath, at parent: CInt, name: FilePath, mount: UInt64?
    ) throws(FileError) -> Descriptor {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        func attempt() throws(FileError) -> Descriptor {
            let opened = try call(.open, path) { name.withPlatformString { aspired_openat(parent, $0, flags, 0) } }
            let directory = Descriptor(rawValue: opened, path: path, fileSystem: self)
            if let mount, try directory.mountIdentity() != mount {
                throw FileError(FileOperation.rmdir.rawValue, path, .resourceBusy)
            }
            return directory
        }
        do throws(FileError) {
            let directory = try attempt()
            let mode = try directory.status().mode
            if mode & 0o300 != 0o300 { try directory.setMode(mode | 0o700) }
            return directory
        } catch {
            guard error.errno == .permissionDenied else { throw error }
            // Only a directory of our own can be changed so; another's stays refused.
            try call(.chmod, path) { name.withPlatformString { fchmodat(parent, $0, 0o700, AT_SYMLINK_NOFOLLOW) } }
            return try attempt()
        }
    }
}

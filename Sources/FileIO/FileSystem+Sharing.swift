import CLinux
import Glibc
public import SystemPackage

// MARK: - One content under several names

extension FileSystem {
    /// Gives a file a further name (link(2)): never what a symlink points to, and never in place of anything.
    public func link(_ path: FilePath, as new: FilePath) throws(FileError) {
        try call(.link, path, target: new) {
            path.withPlatformString { old in new.withPlatformString { linkat(AT_FDCWD, old, AT_FDCWD, $0, 0) } }
        }
    }

    /// Makes a new file that has the bytes of another and shares its blocks until one of them is written (ioctl_ficlone(2)). Nothing
    /// of it is left where that fails.
    public func clone(_ path: FilePath, as new: FilePath, mode: UInt16) throws(FileError) {
        let source = try open(path, .read)
        let target = try open(new, .createNew)
        do throws(FileError) {
            try call(.ficlone, path, target: new) { aspired_clone(target.rawValue, source.rawValue) }
            try target.setMode(mode)
        } catch {
            _ = try? removeFile(new)
            throw error
        }
    }
}

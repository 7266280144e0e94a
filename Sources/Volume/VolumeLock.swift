import FileIO
import Glibc
import SystemPackage

/// The one-writer lock: flock(2) on `--root` and on `--state-dir` (CONTRACT P6). Held as long as this lives; the kernel lets go of it
/// when the process dies, however it dies.
struct VolumeLock: ~Copyable, Sendable {
    private let root: Descriptor
    private let state: Descriptor

    /// Takes both locks, or none.
    /// - Returns: `nil` when another process holds one.
    static func take(_ layout: VolumeLayout, fileSystem: FileSystem) throws(FileError) -> VolumeLock? {
        let root = try fileSystem.openDirectory(layout.root)
        guard try root.tryLock() else { return nil }
        let state = try fileSystem.openDirectory(layout.state)
        guard try state.tryLock() else { return nil }
        return VolumeLock(root: root, state: state)
    }

    /// Which of the two directories is not the locked one any more; `nil` where both are.
    borrowing func missing(_ layout: VolumeLayout, fileSystem: FileSystem) -> FilePath? {
        if !root.isOpen(at: layout.root, fileSystem) { return layout.root }
        return state.isOpen(at: layout.state, fileSystem) ? nil : layout.state
    }

    private init(root: consuming Descriptor, state: consuming Descriptor) {
        self.root = root
        self.state = state
    }
}

extension Descriptor {
    /// Whether this directory is what the path leads to.
    fileprivate borrowing func isOpen(at path: FilePath, _ fileSystem: FileSystem) -> Bool {
        guard let ours = try? status(), let theirs = try? fileSystem.openDirectory(path).status() else { return false }
        return ours.inode == theirs.inode && ours.device == theirs.device
    }
}

/// What `holder` says: `pid host`.
enum Holder {
    static func own() -> String {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "pid \(getpid()) on \(host)"
    }
}

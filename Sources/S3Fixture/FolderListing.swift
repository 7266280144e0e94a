import Glibc

/// The entries of folders in S3's order, read again only when a folder's modification time says so.
final class FolderReader: Sendable {
    struct Entry: Sendable {
        let name: [UInt8]
        let isFolder: Bool
    }

    private struct Identity: Hashable {
        let device: UInt64
        let inode: UInt64
        let seconds: Int
        let nanoseconds: Int
    }

    private let known = Lock<[Identity: [Entry]]>([:])

    /// Files and folders (hidden ones too), a folder sorted as if its name ended with a slash, as its keys do.
    func entries(of folder: FolderPath) -> [Entry] {
        guard let status = folder.status, status.st_mode & S_IFMT == S_IFDIR else { return [] }
        let identity = Identity(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), seconds: Int(status.st_mtim.tv_sec),
            nanoseconds: Int(status.st_mtim.tv_nsec))
        if let entries = known.withLock({ $0[identity] }) { return entries }
        let entries = read(folder)
        // Two changes within one tick of the kernel's clock leave one modification time: only what is older is kept.
        if UnixTime.now().milliseconds - UnixTime(status.st_mtim).milliseconds > 2000 {
            known.withLock { known in
                if known.count >= 256 { known.removeAll() }
                known[identity] = entries
            }
        }
        return entries
    }

    private func read(_ folder: FolderPath) -> [Entry] {
        guard let stream = opendir(folder.cString) else { return [] }
        defer { closedir(stream) }
        var entries: [(sortKey: [UInt8], entry: Entry)] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            guard !name.elementsEqual(".".utf8), !name.elementsEqual("..".utf8) else { continue }
            switch CInt(entry.pointee.d_type) {
            case CInt(DT_REG):
                entries.append((name, Entry(name: name, isFolder: false)))
            case CInt(DT_DIR):
                entries.append((name + [UInt8(ascii: "/")], Entry(name: name, isFolder: true)))
            default:
                // A symlink, or a file system that does not tell.
                let mode = (folder.appending(name).status?.st_mode ?? 0) & S_IFMT
                if mode == S_IFREG { entries.append((name, Entry(name: name, isFolder: false))) }
                if mode == S_IFDIR { entries.append((name + [UInt8(ascii: "/")], Entry(name: name, isFolder: true))) }
            }
        }
        entries.sort { $0.sortKey.lexicographicallyPrecedes($1.sortKey) }
        return entries.map(\.entry)
    }
}

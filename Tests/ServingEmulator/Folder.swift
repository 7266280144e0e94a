import Glibc

/// The system calls on files that the server makes.
enum Folder {
    /// - Throws: the status of a path at which there is nothing, or a symlink to nothing.
    static func requireExists(_ path: String) throws(ServingStatus) {
        // Whatever the error, this is what the server calls it.
        guard access(path, F_OK) == 0 else { throw ServingStatus(.notFound, "\(path) not found") }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func isFolder(_ path: String) -> Bool { status(path).map { $0.st_mode & S_IFMT == S_IFDIR } ?? false }

    /// The names in a folder in the order of their bytes. Those that are no UTF-8 are left out: they can be no version.
    static func children(of path: String) throws(ServingStatus) -> [String] {
        guard let stream = opendir(path) else { throw .io(path, errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            guard let name = String(validating: bytes, as: UTF8.self), name != ".", name != ".." else { continue }
            names.append(name)
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Looks at a folder and all below it, as the server does to know how large a version is.
    /// - Returns: the paths of its files, relative to it.
    /// - Throws: the status of the first thing that cannot be looked at; what vanishes meanwhile is such a thing.
    static func files(below path: String) throws(ServingStatus) -> [String] {
        try requireExists(path)
        var files: [String] = []
        var folders = [""]
        while let folder = folders.popLast() {
            for child in try children(of: join(path, folder)) {
                let relative = join(folder, child)
                if isFolder(join(path, relative)) {
                    folders.append(relative)
                } else {
                    guard status(join(path, relative)) != nil else { throw .io(join(path, relative), errno) }
                    files.append(relative)
                }
            }
        }
        return files.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Reads a file to its end, a piece of at most 64 KiB at a time: each but the last is of that size.
    static func read(_ path: String, _ body: (UnsafeRawBufferPointer) -> Void) throws(ServingStatus) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .io(path, errno) }
        defer { close(file) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            var filled = 0
            while filled < buffer.count {
                let count = Glibc.read(file, buffer.baseAddress.map { $0 + filled }, buffer.count - filled)
                if count < 0 && errno == EINTR { continue }
                guard count >= 0 else { throw .io(path, errno) }
                if count == 0 { break }
                filled += count
            }
            if filled > 0 { body(UnsafeRawBufferPointer(rebasing: buffer[..<filled])) }
            if filled < buffer.count { return }
        }
    }

    static func join(_ folder: String, _ name: String) -> String {
        if folder.isEmpty { return name }
        if name.isEmpty { return folder }
        return folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
    }

    private static func status(_ path: String) -> stat? {
        var status = stat()
        return stat(path, &status) == 0 ? status : nil
    }
}

import Glibc

/// What lies below a directory, at one instant and without it.
struct FileTree: Equatable {
    enum Kind: Hashable {
        case file, directory, symlink, other
    }

    struct Entry: Hashable {
        let kind: Kind
        /// Permission bits, setuid, setgid and sticky included.
        let mode: UInt32
        let owner: UInt32
        let group: UInt32
        let inode: UInt64
        let size: Int
        let modified: Int
        let changed: Int
        let content: [UInt8]
    }

    /// The directory itself.
    let directory: Entry
    /// By path relative to the directory.
    private(set) var entries: [String: Entry] = [:]

    init(_ directory: String) throws {
        self.directory = try FileTree.entry(directory)
        try walk(directory, below: "")
    }

    /// Files' content and the names of all else, in which two copies of one thing are alike.
    var shape: [String: [UInt8]?] { entries.mapValues { $0.kind == .file ? $0.content : nil } }

    var paths: [String] { entries.keys.sorted() }

    var files: [String: [UInt8]] { entries.filter { $0.value.kind == .file }.mapValues(\.content) }

    private mutating func walk(_ directory: String, below prefix: String) throws {
        for name in try names(in: directory) {
            let entry = try FileTree.entry("\(directory)/\(name)")
            entries[prefix + name] = entry
            if entry.kind == .directory { try walk("\(directory)/\(name)", below: "\(prefix)\(name)/") }
        }
    }

    private static func entry(_ path: String) throws -> Entry {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw SystemFault("look at \(path)", errno) }
        let kind: Kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFLNK: .symlink
            default: .other
            }
        return Entry(
            kind: kind, mode: status.st_mode & 0o7777, owner: status.st_uid, group: status.st_gid,
            inode: UInt64(status.st_ino), size: kind == .directory ? 0 : Int(status.st_size),
            modified: status.st_mtim.nanoseconds, changed: status.st_ctim.nanoseconds,
            content: kind == .file ? try readFile(path) : [])
    }
}

extension timespec {
    fileprivate var nanoseconds: Int { Int(tv_sec) * 1_000_000_000 + Int(tv_nsec) }
}

/// The entries of a directory.
func names(in directory: String) throws -> [String] {
    guard let stream = opendir(directory) else { throw SystemFault("list \(directory)", errno) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
}

/// Whether there is anything of this name, be it a symlink that leads nowhere.
func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
}

func readFile(_ path: String) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemFault("open \(path)", errno) }
    defer { close(descriptor) }
    var status = stat()
    fstat(descriptor, &status)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(status.st_size))
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(descriptor, &chunk, chunk.count)
        guard count >= 0 else { throw SystemFault("read \(path)", errno) }
        if count == 0 { return bytes }
        bytes += chunk[..<count]
    }
}

func writeFile(_ path: String, _ bytes: some Sequence<UInt8>) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw SystemFault("write \(path)", errno) }
    defer { close(descriptor) }
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else { throw SystemFault("write \(path)", errno) }
        rest = rest.dropFirst(count)
    }
}

/// Makes a directory and those above it.
func makeDirectory(_ path: String) throws {
    var made = ""
    for part in path.split(separator: "/") {
        made += "/\(part)"
        guard mkdir(made, 0o755) == 0 || errno == EEXIST else { throw SystemFault("make \(made)", errno) }
    }
}

func moveFile(_ source: String, to target: String) throws {
    guard rename(source, target) == 0 else { throw SystemFault("rename \(source)", errno) }
}

func removeTree(_ path: String) throws {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
        for name in try names(in: path) { try removeTree("\(path)/\(name)") }
        guard rmdir(path) == 0 else { throw SystemFault("remove \(path)", errno) }
    } else {
        guard unlink(path) == 0 else { throw SystemFault("remove \(path)", errno) }
    }
}

/// A directory that is there as long as `body` runs, under `TMPDIR` where nothing else is said.
func withScratch<Result>(
    under parent: String? = nil, isolation: isolated (any Actor)? = #isolation, _ body: (String) async throws -> Result
) async throws -> Result {
    let parent = parent ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/aspired-e2e-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemFault("make a directory in \(parent)", errno) }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // Other users' processes look into it, too.
    chmod(path, 0o755)
    do {
        let result = try await body(path)
        try removeTree(path)
        return result
    } catch {
        try? removeTree(path)
        throw error
    }
}

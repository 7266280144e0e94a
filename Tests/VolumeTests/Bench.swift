import FileIO
import Glibc
import Servables
import SystemPackage

@testable import Volume

/// The files of one version, as a source would have them.
struct Content: Sendable {
    var files: [(path: String, bytes: [UInt8], tag: String)]
    var emptyDirectories: [String] = []

    /// - `seed`: two versions of one seed are equal.
    static func some(_ seed: Int) -> Content {
        var dice = Dice(seed: UInt64(seed))
        return Content(
            files: [
                ("saved_model.pb", dice.bytes(1_000 + seed), "\"a\(seed)\""),
                ("variables/variables.data-00000-of-00001", dice.bytes(5_000), "\"b\(seed)\""),
                ("variables/variables.index", [], "\"c\(seed)\""),
                ("assets/deep/vocab.txt", dice.bytes(10), "\"d\(seed)\""),
            ],
            emptyDirectories: ["assets.extra"])
    }

    var table: FileTable {
        var table = FileTable()
        for (number, file) in files.enumerated() {
            table.append(
                FileEntry(
                    path: file.path, size: Int64(file.bytes.count), tag: file.tag,
                    modified: Timestamp(secondsSinceEpoch: 1_700_000_000 + Int64(number), nanoseconds: 5_000_000)))
        }
        for path in emptyDirectories { table.appendEmptyDirectory(path) }
        return table
    }

    var bytes: Int64 { files.reduce(0) { $0 + Int64($1.bytes.count) } }
}

/// A clock that stands still.
struct StoppedTime: TimeSource {
    func now() -> Timestamp { Timestamp(secondsSinceEpoch: 1_800_000_000, nanoseconds: 250_000_000) }
    func uptime() -> Duration { .zero }
    func sleep(for duration: Duration) async throws {}
    func random() -> Double { 0.5 }
}

/// A volume in a directory of its own.
struct Bench: Sendable {
    static let source = "s3://bucket/m"
    static let reader = WorkerThread(name: "bench")

    let directory: FilePath
    let fileSystem = FileSystem()
    var layout: VolumeLayout { VolumeLayout(root: directory.appending("models"), state: directory.appending("models/.aspired")) }
    var base: FilePath { layout.base("m") }

    /// - `prepared`: with root, state directory and the base path of model `m`.
    init(_ directory: FilePath, prepared: Bool = true) throws {
        self.directory = directory
        guard prepared else { return }
        let volume = volume()
        try volume.prepare()
        try volume.recover(models: nil)
        try volume.ensureBasePath("m")
    }

    /// Another process' view of the same volume.
    func volume(
        _ probe: Probe? = nil, settings: VolumeSettings = VolumeSettings(),
        groups: ControlGroups = ControlGroups(membership: "/none"), boot: String = "this boot",
        onChange: @escaping @Sendable (BasePathChange) -> Void = { _ in }
    ) -> Volume {
        Volume(
            layout: layout, settings: settings, fileSystem: FileSystem(probe: probe), time: StoppedTime(), reader: Self.reader,
            controlGroups: groups, boot: boot, onChange: onChange)
    }

    @discardableResult
    func stage(_ version: Version, _ content: Content, on volume: Volume, source: String = Bench.source) throws -> StagedVersion {
        try volume.stage("m", version, table: content.table, source: source)
    }

    /// Fetches what is missing.
    /// - Returns: the paths of the files that were opened, with the bytes that were fetched of each.
    @discardableResult
    func fetch(_ staged: StagedVersion, _ content: Content) throws -> [String: Int64] {
        var fetched: [String: Int64] = [:]
        for index in staged.incomplete {
            let file = try staged.open(index)
            let bytes = content.files[index].bytes
            fetched[content.files[index].path] = 0
            for range in file.missing {
                try write(bytes, range, into: file)
                fetched[content.files[index].path, default: 0] += Int64(range.count)
            }
            guard file.crc64nvme() == checksum(bytes) else { throw Mismatch(path: file.path) }
            try staged.complete(index, Verification(crc64nvme: checksum(bytes), method: .md5))
        }
        return fetched
    }

    struct Mismatch: Error { let path: FilePath }

    func write(_ bytes: [UInt8], _ range: Range<Int64>, into file: StagedFile) throws {
        var writer = file.writer(for: range, checksums: .crc64nvme)
        let isTaken = try bytes[Int(range.lowerBound)..<Int(range.upperBound)].withUnsafeBytes { try writer.append($0) }
        precondition(isTaken, "a range has room for its own bytes")
        try writer.finish()
    }

    /// Stages, fetches and publishes.
    func publish(_ version: Version, _ content: Content, on volume: Volume? = nil, sync: SyncTime = .before) throws {
        let volume = volume ?? self.volume()
        let staged = try stage(version, content, on: volume)
        try fetch(staged, content)
        try volume.publish(staged, sync: sync)
    }

    /// What differs between a directory and what a version shall hold; empty when nothing does.
    func differences(_ place: FilePath, _ content: Content) throws -> [String] {
        var expected: [String: [UInt8]?] = [:]
        for path in content.emptyDirectories { expected.updateValue(nil, forKey: path) }
        for file in content.files {
            expected[file.path] = file.bytes
            let parts = file.path.split(separator: "/")
            for count in 1..<max(1, parts.count) { expected.updateValue(nil, forKey: parts[..<count].joined(separator: "/")) }
        }
        let found = try snapshot(place.string)
        return Set(found.keys).union(expected.keys).sorted().compactMap { path in
            guard let found = found[path] else { return "\(path) is missing" }
            guard let expected = expected[path] else { return "\(path) is too many" }
            return found == expected ? nil : "\(path) differs"
        }
    }

    /// The names in a directory of the state directory; none where it is not there.
    func state(_ path: String) throws -> [String] {
        let path = layout.state.appending(path)
        return try fileSystem.status(path) == nil ? [] : fileSystem.list(path)
    }

    func published(_ volume: Volume? = nil) throws -> [Version] {
        try (volume ?? self.volume()).inventory("m").published.map(\.version)
    }
}

/// All that is below a directory, by path; `nil` is a directory. Made by plain system calls, not by what is being tested.
func snapshot(_ directory: String) throws -> [String: [UInt8]?] {
    var found: [String: [UInt8]?] = [:]
    var waiting = [""]
    while let relative = waiting.popLast() {
        guard let stream = opendir(directory + "/" + relative) else { throw Errno(rawValue: errno) }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name == "." || name == ".." { continue }
            let path = relative.isEmpty ? name : relative + "/" + name
            var status = stat()
            guard lstat(directory + "/" + path, &status) == 0 else { throw Errno(rawValue: errno) }
            switch status.st_mode & S_IFMT {
            case S_IFDIR:
                found.updateValue(nil, forKey: path)
                waiting.append(path)
            case S_IFREG:
                let file = open(directory + "/" + path, O_RDONLY)
                defer { close(file) }
                var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
                guard pread(file, &bytes, bytes.count, 0) == bytes.count else { throw Errno(rawValue: errno) }
                found[path] = bytes
            default: found[path] = Array("neither file nor directory".utf8)
            }
        }
    }
    return found
}

/// A copy of a tree, by plain system calls.
func copyTree(_ source: String, to target: String) throws {
    mkdir(target, 0o755)
    for (path, bytes) in try snapshot(source).sorted(by: { $0.key < $1.key }) {
        guard let bytes else {
            mkdir(target + "/" + path, 0o755)
            continue
        }
        let file = open(target + "/" + path, O_WRONLY | O_CREAT | O_EXCL, 0o644)
        defer { close(file) }
        guard pwrite(file, bytes, bytes.count, 0) == bytes.count else { throw Errno(rawValue: errno) }
    }
}

/// Removes a tree, by plain system calls.
func removePlainly(_ path: String) throws {
    // What is in a directory sorts after it.
    for below in try snapshot(path).keys.sorted(by: >) { remove(path + "/" + below) }
    remove(path)
}

extension Version {
    static let seven = Version(number: 7)
    static let eight = Version(number: 8)
    static let nine = Version(number: 9)
}

/// Runs `body` in a file system in memory of this many bytes.
func withTmpfs(_ bytes: Int, _ body: (FilePath) async throws -> Void) async throws {
    try await withDirectory { directory in
        guard mount("tmpfs", directory.string, "tmpfs", 0, "size=\(bytes)") == 0 else { throw Errno(rawValue: errno) }
        defer { umount2(directory.string, Int32(MNT_DETACH)) }
        try await body(directory)
    }
}

/// Whether this process may mount: root that was not robbed of the right.
let mayMount: Bool = {
    guard geteuid() == 0 else { return false }
    var template = Array("/tmp/aspired-mount.XXXXXX".utf8CString)
    guard template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) != nil else { return false }
    defer { rmdir(template) }
    guard mount("tmpfs", template, "tmpfs", 0, "size=65536") == 0 else { return false }
    umount2(template, Int32(MNT_DETACH))
    return true
}()

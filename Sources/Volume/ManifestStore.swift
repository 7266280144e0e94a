import FileIO
import Servables
import SystemPackage

/// The manifests of a volume. A damaged one counts as none (CONTRACT P7).
final class ManifestStore: Sendable {
    private struct Known: Hashable {
        let status: FileStatus
        let header: ManifestHeader?
    }

    private let layout: VolumeLayout
    private let fileSystem: FileSystem
    /// Held while a manifest is replaced by what follows from it.
    private let changing = Lock<Void>(())
    /// Headers by path, as long as the file is the same: a poll reads no manifest again.
    private let known = Lock<[FilePath: Known]>([:])

    init(layout: VolumeLayout, fileSystem: FileSystem) {
        self.layout = layout
        self.fileSystem = fileSystem
    }

    /// The header of a version's manifest.
    /// - Returns: `nil` where there is none, or it is damaged, or it is another version's.
    func header(_ model: String, _ version: Version) throws(FileError) -> ManifestHeader? {
        let path = layout.manifest(model, version)
        guard let status = try fileSystem.status(path), status.kind == .file else {
            known.withLock { $0[path] = nil }
            return nil
        }
        if let known = known.withLock({ $0[path] }), known.status == status { return known.header }
        let header = try read(path) { (_) throws(FileError) in }
        let fits = header?.model == model && header?.version.name == version.name
        known.withLock { $0[path] = Known(status: status, header: fits ? header : nil) }
        return fits ? header : nil
    }

    /// Writes a version's manifest durably.
    /// - `files`: calls its argument with each file, in the table's order.
    func write(
        _ header: ManifestHeader, files: ((ManifestFile) throws(FileError) -> Void) throws(FileError) -> Void
    ) throws(FileError) {
        try makeDurableDirectory(layout.manifests, in: layout.state)
        try makeDurableDirectory(layout.manifests(header.model), in: layout.manifests)
        let path = layout.manifest(header.model, header.version)
        known.withLock { $0[path] = nil }
        try fileSystem.replaceFile(path, mode: 0o644) { (file: borrowing Descriptor) throws(FileError) in
            var output = LineOutput(ManifestText.header(header))
            var isFirst = true
            try files { (entry) throws(FileError) in
                output.append(isFirst ? [] : [UInt8(ascii: ",")])
                output.append([UInt8(ascii: "\n")])
                output.append(ManifestText.file(entry))
                isFirst = false
                try output.flush(to: file, above: 64 << 10)
            }
            output.append([UInt8(ascii: "\n")])
            output.append(ManifestText.trailer(checksum: output.checksum))
            try output.flush(to: file, above: 0)
        }
        // As it would be read: 4,000 lines take a tenth of a second that the next look at the volume need not wait for.
        guard let written = ManifestText.parseHeader(ManifestText.header(header)[...]), let status = try? fileSystem.status(path)
        else { return }
        known.withLock { $0[path] = Known(status: status, header: written) }
    }

    private func makeDurableDirectory(_ path: FilePath, in parent: FilePath) throws(FileError) {
        if try fileSystem.makeDirectory(path, mode: 0o755) { try fileSystem.syncDirectory(parent) }
    }

    /// Changes what a manifest says as a whole; its files stay.
    func update(_ model: String, _ version: Version, _ change: (inout ManifestSummary) -> Void) throws(FileError) {
        try rewrite(model, version, summary: change) { $0.stamp }
    }

    /// Changes the stamps of a manifest's files; all else stays.
    func restamp(
        _ model: String, _ version: Version, _ stamp: (ManifestFile) throws(FileError) -> FileStamp?
    ) throws(FileError) {
        try rewrite(model, version, summary: { _ in }, stamp: stamp)
    }

    private func rewrite(
        _ model: String, _ version: Version, summary change: (inout ManifestSummary) -> Void,
        stamp: (ManifestFile) throws(FileError) -> FileStamp?
    ) throws(FileError) {
        try changing.withLock { (_) throws(FileError) in
            guard var header = try header(model, version) else { return }
            change(&header.summary)
            try write(header) { (take) throws(FileError) in
                try eachFile(model, version) { (file) throws(FileError) in
                    try take(ManifestFile(entry: file.entry, verification: file.verification, stamp: try stamp(file)))
                }
            }
        }
    }

    /// All that a version's manifest says.
    /// - Returns: `nil` where there is none, or it is damaged, or it is another version's.
    func whole(_ model: String, _ version: Version) throws(FileError) -> (header: ManifestHeader, files: [ManifestFile])? {
        guard try header(model, version) != nil else { return nil }
        var files: [ManifestFile] = []
        guard let header = try read(layout.manifest(model, version), file: { files.append($0) }) else { return nil }
        return (header, files)
    }

    /// Hands out the files of a version whose `header` was read: they are as it says, unless the manifest was replaced since; none where
    /// the version was pruned since.
    func eachFile(
        _ model: String, _ version: Version, _ take: (ManifestFile) throws(FileError) -> Void
    ) throws(FileError) {
        _ = try read(layout.manifest(model, version), file: take)
    }

    func remove(_ model: String, _ version: Version) throws(FileError) {
        try changing.withLock { (_) throws(FileError) in
            let path = layout.manifest(model, version)
            known.withLock { $0[path] = nil }
            try fileSystem.removeFile(path)
        }
    }

    /// The versions that have a manifest file, damaged ones included, and the names that are none.
    func entries(_ model: String) throws(FileError) -> (versions: [Version], others: [String]) {
        guard try fileSystem.status(layout.manifests(model))?.kind == .directory else { return ([], []) }
        var versions: [Version] = []
        var others: [String] = []
        for name in try fileSystem.listIfThere(layout.manifests(model)) {
            if name.hasSuffix(VolumeLayout.manifestSuffix),
                let version = Version(name.dropLast(VolumeLayout.manifestSuffix.count))
            {
                versions.append(version)
            } else {
                others.append(name)
            }
        }
        return (versions, others)
    }

    /// Removes what is no manifest, those of versions that `isThere` does not know, and what is then empty.
    func clear(_ model: String, keeping isThere: (Version) throws(FileError) -> Bool) throws(FileError) {
        let (versions, others) = try entries(model)
        for name in others { try fileSystem.removeTree(layout.manifests(model).appending(name)) }
        for version in versions where try !isThere(version) { try remove(model, version) }
        do throws(FileError) {
            try fileSystem.removeDirectory(layout.manifests(model))
        } catch {
            guard [.directoryNotEmpty, .fileExists, .notDirectory].contains(error.errno) else { throw error }
        }
    }

    /// The models that have manifests.
    func models() throws(FileError) -> [String] {
        guard try fileSystem.status(layout.manifests)?.kind == .directory else { return [] }
        return try fileSystem.listIfThere(layout.manifests)
    }

    /// Reads a manifest line by line.
    /// - Returns: `nil` where there is none, or it is damaged; the files were handed out before that was known.
    private func read(_ path: FilePath, file take: (ManifestFile) throws(FileError) -> Void) throws(FileError) -> ManifestHeader?
    {
        guard let file = try fileSystem.openIfThere(path) else { return nil }
        var checksum = RunningChecksum()
        var header: ManifestHeader?
        var isDamaged = false
        var isClosed = false
        var files = 0
        var rest: [UInt8] = []
        try fileSystem.forEachChunk(of: file) { (bytes) throws(FileError) in
            if isDamaged { return }
            rest.append(contentsOf: bytes)
            var start = 0
            while !isDamaged, let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = rest[start..<end]
                if isClosed {
                    isDamaged = true
                } else if header == nil {
                    header = ManifestText.parseHeader(line)
                    isDamaged = header == nil
                } else if line.first == UInt8(ascii: "]") {
                    isClosed = Array(line) + [UInt8(ascii: "\n")] == ManifestText.trailer(checksum: checksum.crc64nvme)
                    isDamaged = !isClosed
                } else if let entry = ManifestText.parseFile(line) {
                    files += 1
                    try take(entry)
                } else {
                    isDamaged = true
                }
                rest[start...end].withUnsafeBytes { checksum.update($0) }
                start = end + 1
            }
            rest.removeFirst(start)
            if rest.count > 1 << 20 { isDamaged = true }
        }
        guard !isDamaged, isClosed, rest.isEmpty, let header, header.summary.files == files else { return nil }
        return header
    }
}

/// Gathers lines for a file, with the checksum of all that was appended.
private struct LineOutput {
    private var pending: [UInt8] = []
    private var offset: Int64 = 0
    private var running = RunningChecksum()

    var checksum: UInt64 { running.crc64nvme }

    init(_ first: [UInt8]) { append(first) }

    mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { running.update($0) }
        pending += bytes
    }

    mutating func flush(to file: borrowing Descriptor, above limit: Int) throws(FileError) {
        guard pending.count > limit else { return }
        let bytes = pending
        try file.write(bytes, at: offset)
        offset += Int64(bytes.count)
        pending.removeAll(keepingCapacity: true)
    }
}

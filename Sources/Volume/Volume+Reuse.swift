import FileIO
public import Servables
import SystemPackage

/// Which files of published versions may serve a new one (`--reuse`).
public struct ReuseRules: Sendable {
    let mode: ReuseMode
    let acceptsUnverified: Bool
    let content: @Sendable (FileEntry, String) -> String?

    /// - Parameters:
    ///   - mode: how.
    ///   - acceptsUnverified: also those of which only the length was compared.
    ///   - content: what two files have in common that have the same bytes, if they are of one size: is given what was listed, and
    ///     where its version came from. `nil` where nothing tells.
    public init(mode: ReuseMode, acceptsUnverified: Bool, content: @escaping @Sendable (FileEntry, String) -> String?) {
        self.mode = mode
        self.acceptsUnverified = acceptsUnverified
        self.content = content
    }

    /// Everything is fetched.
    public static let off = ReuseRules(mode: .off, acceptsUnverified: false) { (_, _) in nil }

    func accepts(_ file: ManifestFile) -> Bool {
        acceptsUnverified || file.verification.method != .size || file.entry.size == 0
    }
}

/// What was found for a version that is being staged.
struct Reusable: Sendable {
    /// Files that are in place, and need no look: by the table's index.
    var proven: [Int: Verification] = [:]
    /// Files that are in place and must be read before they count.
    var unproven: [Int: PublishedFile] = [:]
    /// Files whose bytes can be copied.
    var copyable: [Int: PublishedFile] = [:]
    /// Others of the size of one that is missing: they serve where the source tells that it has their CRC-64/NVME.
    var bySize: [Int64: [PublishedFile]] = [:]
    /// How they are put into place.
    var sharing: FileSharing?

    /// More are not kept in mind; what they would serve is fetched.
    private static let limit = 16_384
    /// Of a smaller file to ask for the checksum is no cheaper than to fetch it.
    static let smallestAskedFor: Int64 = 8 << 20

    private var others = 0

    var isFull: Bool { unproven.count + copyable.count + others >= Self.limit }

    mutating func remember(_ file: PublishedFile, ofSize size: Int64) {
        bySize[size, default: []].append(file)
        others += 1
    }
}

extension Volume {
    /// The files and bytes of a table that published versions of the model have.
    public func reusable(
        _ model: String, _ table: FileTable, source: String, _ rules: ReuseRules
    ) throws(VolumeError) -> (files: Int, bytes: Int64) {
        guard rules.mode != .off else { return (0, 0) }
        return try doing("look what \(model) has already") { () throws(FileError) in
            var found: Set<Int> = []
            try eachMatch(model, table, source, rules, wanted: { !found.contains($0) }) { (index, _, _) throws(FileError) in
                found.insert(index)
            }
            return (found.count, found.reduce(0) { $0 + table[$1].size })
        }
    }

    /// Puts what published versions have into a staged tree.
    /// - `kept`: the files that are there already, by the table's index.
    /// - `makeTree`: makes the tree's directories; called when there is something to put into them.
    func reuse(
        _ staged: (model: String, table: FileTable, source: String, tree: FilePath), kept: Set<Int>, _ rules: ReuseRules,
        makeTree: () throws(FileError) -> Void
    ) throws(FileError) -> Reusable {
        var found = Reusable()
        guard rules.mode != .off else { return found }
        let large = Set(
            staged.table.indices.lazy.filter { !kept.contains($0) }.map { staged.table[$0].size }
                .filter { $0 >= Reusable.smallestAskedFor })
        func isWanted(_ index: Int) -> Bool {
            !kept.contains(index) && found.proven[index] == nil && found.unproven[index] == nil && found.copyable[index] == nil
        }
        func sharing() throws(FileError) -> FileSharing {
            if let sharing = found.sharing { return sharing }
            try makeTree()
            let ways = rules.mode.ways.filter { $0 != .hardlink || settings.makesHardLinks }
            return try FileSharing(ways, into: staged.tree, mode: settings.fileMode, fileSystem: fileSystem)
        }
        try eachMatch(
            staged.model, staged.table, staged.source, rules, wanted: isWanted,
            other: { (file) throws(FileError) in
                guard large.contains(file.size), !found.isFull else { return }
                found.remember(file.published, ofSize: file.size)
                // Made now, while nothing else writes to the tree.
                found.sharing = try sharing()
            }
        ) { (index, file, size) throws(FileError) in
            guard !found.isFull else { return }
            var sharing = try sharing()
            let target = staged.tree.appending(staged.table[index].path)
            switch try sharing.place(file, size: size, at: target) {
            case .proven: found.proven[index] = file.verification
            case .unproven: found.unproven[index] = file
            case .copyable: found.copyable[index] = file
            case .none: break
            }
            found.sharing = sharing
        }
        return found
    }

    /// Files of a version, published or aside, that nobody has touched since its manifest was written.
    struct SharedFiles {
        let model: String
        let version: Version
        let inodes: Set<UInt64>
    }

    /// The files of versions of ours that trees share which are about to be deleted.
    func filesShared(with trees: [FilePath]) throws(FileError) -> [SharedFiles] {
        var inodes: Set<UInt64> = []
        for tree in trees { try fileSystem.eachFile(below: tree) { if $0.links > 1 { inodes.insert($0.inode) } } }
        if inodes.isEmpty { return [] }
        var shared: [SharedFiles] = []
        for model in try manifests.models() {
            for version in try manifests.entries(model).versions where try manifests.header(model, version) != nil {
                let place = try place(of: version, model)
                var untouched: Set<UInt64> = []
                try manifests.eachFile(model, version) { (file) throws(FileError) in
                    guard let stamp = file.stamp, inodes.contains(stamp.inode) else { return }
                    let path = place.appending(file.entry.path)
                    if try fileSystem.status(path)?.stamp == stamp { untouched.insert(stamp.inode) }
                }
                if !untouched.isEmpty { shared.append(SharedFiles(model: model, version: version, inodes: untouched)) }
            }
        }
        return shared
    }

    /// Notes anew how files are that have lost a name: that changed their time of change, and no one else did.
    func restamp(_ shared: [SharedFiles]) throws(FileError) {
        for files in shared {
            let directory = try place(of: files.version, files.model)
            try manifests.restamp(files.model, files.version) { (file) throws(FileError) in
                guard let stamp = file.stamp, files.inodes.contains(stamp.inode),
                    let now = try fileSystem.status(directory.appending(file.entry.path)), now.inode == stamp.inode,
                    now.modified == stamp.modified
                else { return file.stamp }
                return now.stamp
            }
        }
    }

    /// Hands out files of published versions, newest first, that have the bytes of a file of the table, with that one's index; and
    /// `other` those that have not, as far as that can be told.
    private func eachMatch(
        _ model: String, _ table: FileTable, _ source: String, _ rules: ReuseRules, wanted: (Int) -> Bool,
        other: ((size: Int64, published: PublishedFile)) throws(FileError) -> Void = { (_) throws(FileError) in },
        _ body: (Int, PublishedFile, Int64) throws(FileError) -> Void
    ) throws(FileError) {
        let versions = try manifests.entries(model).versions.sorted(by: >)
        if versions.isEmpty { return }
        let contents = ContentIndex(table, source, rules, wanted: wanted)
        for version in versions {
            // A manifest whose version is not there, or lies aside, speaks for nothing here.
            let directory = layout.version(model, version)
            guard let header = try manifests.header(model, version), try fileSystem.status(directory)?.kind == .directory,
                try !liesAside(model, version)
            else { continue }
            try manifests.eachFile(model, version) { (file) throws(FileError) in
                guard rules.accepts(file) else { return }
                let published = PublishedFile(
                    path: directory.appending(file.entry.path), verification: file.verification, stamp: file.stamp,
                    isSynced: header.isSynced)
                let content = rules.content(file.entry, header.source)
                let matches = content.map { contents.matches(of: file.entry.size, $0) } ?? []
                for index in matches where wanted(index) { try body(index, published, file.entry.size) }
                if matches.isEmpty { try other((file.entry.size, published)) }
            }
        }
    }
}

/// The files of a table by what they hold: 16 bytes each, however long their names are.
private struct ContentIndex {
    private var entries: [(hash: Int, index: Int32)] = []
    private let table: FileTable
    private let source: String
    private let rules: ReuseRules

    init(_ table: FileTable, _ source: String, _ rules: ReuseRules, wanted: (Int) -> Bool) {
        self.table = table
        self.source = source
        self.rules = rules
        for index in table.indices where wanted(index) {
            let entry = table[index]
            if let text = rules.content(entry, source) { entries.append((Self.hash(entry.size, text), Int32(index))) }
        }
        entries.sort { $0.hash < $1.hash }
    }

    func matches(of size: Int64, _ text: String) -> [Int] {
        let hash = Self.hash(size, text)
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].hash < hash { low = middle + 1 } else { high = middle }
        }
        var found: [Int] = []
        while low < entries.count, entries[low].hash == hash {
            let index = Int(entries[low].index)
            let entry = table[index]
            if entry.size == size, rules.content(entry, source) == text { found.append(index) }
            low += 1
        }
        return found
    }

    private static func hash(_ size: Int64, _ text: String) -> Int {
        var hasher = Hasher()
        hasher.combine(size)
        hasher.combine(text)
        return hasher.finalize()
    }
}

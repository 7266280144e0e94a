import FileIO
import Glibc
import Servables
import SystemPackage

/// What a directory tree is at one instant, as a file system sees it: names in directories, and what is behind them.
struct TreePicture: Hashable {
    struct Slot: Hashable {
        let directory: UInt64
        let name: String
    }
    struct Node: Hashable {
        var mode: UInt16
        /// `nil`: a directory.
        var bytes: [UInt8]?
        /// When a file was last written to.
        var modified = Timestamp(secondsSinceEpoch: 0)
    }

    let root: UInt64
    var names: [Slot: UInt64] = [:]
    var nodes: [UInt64: Node] = [:]

    /// By plain system calls, not by what is being tested.
    init(of directory: String) throws {
        func look(_ path: String) throws -> (inode: UInt64, node: Node) {
            var status = stat()
            guard lstat(path, &status) == 0 else { throw Errno(rawValue: errno) }
            guard status.st_mode & S_IFMT != S_IFDIR else {
                return (UInt64(status.st_ino), Node(mode: UInt16(status.st_mode & 0o7777), bytes: nil))
            }
            let file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
            defer { close(file) }
            var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
            guard pread(file, &bytes, bytes.count, 0) == bytes.count else { throw Errno(rawValue: errno) }
            let modified = Timestamp(secondsSinceEpoch: Int64(status.st_mtim.tv_sec), nanoseconds: Int32(status.st_mtim.tv_nsec))
            return (UInt64(status.st_ino), Node(mode: UInt16(status.st_mode & 0o7777), bytes: bytes, modified: modified))
        }
        let top = try look(directory)
        root = top.inode
        nodes[root] = top.node
        var waiting = [(directory, root)]
        while let (path, inode) = waiting.popLast() {
            for name in try FileSystem().list(FilePath(path)) {
                let (child, node) = try look("\(path)/\(name)")
                names[Slot(directory: inode, name: name)] = child
                nodes[child] = node
                if node.bytes == nil { waiting.append(("\(path)/\(name)", child)) }
            }
        }
    }

    /// The inode behind a path that is given by its components from the root.
    func inode(at components: some Sequence<String>) -> UInt64? {
        components.reduce(root) { directory, name in directory.flatMap { names[Slot(directory: $0, name: name)] } }
    }

    /// What can be reached, by path; files of several names by their first one.
    func reachable() -> [String: (node: Node, inode: UInt64)] {
        let children = Dictionary(grouping: names, by: \.key.directory)
        var found: [String: (node: Node, inode: UInt64)] = [:]
        var waiting = [("", root)]
        while let (path, directory) = waiting.popLast() {
            for (slot, inode) in children[directory] ?? [] {
                guard let node = nodes[inode] else { continue }
                let below = path.isEmpty ? slot.name : "\(path)/\(slot.name)"
                found[below] = (node, inode)
                if node.bytes == nil { waiting.append((below, inode)) }
            }
        }
        return found
    }

    /// Makes it so in an empty directory that is there.
    /// - Returns: the number that each file's inode has there, by its number here.
    func materialise(in directory: String) throws -> [UInt64: UInt64] {
        let all = reachable().sorted { $0.key < $1.key }
        var first: [UInt64: String] = [:]
        func check(_ result: CInt) throws { guard result == 0 else { throw Errno(rawValue: errno) } }
        for (path, entry) in all {
            let place = "\(directory)/\(path)"
            guard let bytes = entry.node.bytes else {
                try check(mkdir(place, 0o755))
                continue
            }
            if let other = first[entry.inode] {
                try check(link(other, place))
                continue
            }
            first[entry.inode] = place
            let file = open(place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
            defer { close(file) }
            guard file >= 0, pwrite(file, bytes, bytes.count, 0) == bytes.count else { throw Errno(rawValue: errno) }
            let modified = entry.node.modified
            let time = timespec(tv_sec: Int(modified.secondsSinceEpoch), tv_nsec: Int(modified.nanoseconds))
            try check(futimens(file, [time, time]))
        }
        for (path, entry) in all.reversed() { try check(chmod("\(directory)/\(path)", mode_t(entry.node.mode))) }
        return try first.mapValues { place in
            var status = stat()
            try check(lstat(place, &status))
            return UInt64(status.st_ino)
        }
    }
}

/// Records what one operation does to a tree, call by call, and says what may be left of it when the power goes between two calls.
///
/// What is assumed of a file system is what ext4, xfs and btrfs have in common, and nothing more:
/// - a change of names (of one call) is there as a whole or not at all; a rename never leaves both names, nor neither;
/// - of the changes of names since a directory was synced any may be there and any not, whatever their order; syncing a directory keeps
///   all that concern it, and syncing a file none;
/// - of a file that is not synced there may be its bytes and mode at the last sync, or those of now, or of its bytes only a part, the rest
///   being zeros.
final class PowerLoss: Sendable {
    /// One change of names: what went and what came.
    fileprivate struct Change {
        var gone: [TreePicture.Slot: UInt64] = [:]
        var new: [TreePicture.Slot: UInt64] = [:]
        var isEmpty: Bool { gone.isEmpty && new.isEmpty }

        func concerns(_ directory: UInt64) -> Bool {
            gone.keys.contains { $0.directory == directory } || new.keys.contains { $0.directory == directory }
        }

        func apply(to picture: inout TreePicture) {
            for (slot, inode) in gone where picture.names[slot] == inode { picture.names[slot] = nil }
            for (slot, inode) in new {
                // A directory has one name only.
                if picture.nodes[inode]?.bytes == nil {
                    for (other, known) in picture.names where known == inode { picture.names[other] = nil }
                }
                picture.names[slot] = inode
            }
        }
    }

    /// An instant between two calls.
    struct Instant {
        /// The call that was made last.
        let after: String
        /// What is certain, with all nodes that may be named.
        fileprivate var durable: TreePicture
        fileprivate var changes: [Change] = []
        fileprivate var now: TreePicture
    }

    private struct State {
        var instants: [Instant] = []
        var current: Instant?
        var last: FileCall?
        var calls = 0
    }

    private let directory: String
    private let isSkipped: @Sendable (FileCall) -> Bool
    private let state = Lock(State())
    /// Calls that change nothing on the disk.
    private static let looks: Set<FileOperation> = [.close, .read, .writeback, .stat, .list, .flock, .statvfs]

    /// - Parameters:
    ///   - directory: all that is recorded lies in it; what is there now is durable.
    ///   - isSkipped: syncs that are taken for not made: so a test shows that it would be noticed.
    init(in directory: String, skipping isSkipped: @escaping @Sendable (FileCall) -> Bool = { _ in false }) {
        self.directory = directory
        self.isSkipped = isSkipped
    }

    var probe: Probe {
        Probe { [self] _, call in
            state.withLock { state in
                guard state.current != nil else { return .proceed }
                do { try take(&state) } catch { return .fail(.ioError) }
                state.last = call
                state.calls += 1
                return .proceed
            }
        }
    }

    /// Records from now on.
    func arm() throws {
        let picture = try TreePicture(of: directory)
        state.withLock { $0.current = Instant(after: "nothing", durable: picture, now: picture) }
    }

    /// Ends the recording.
    /// - Returns: each instant at which something else could be lost than at the one before, and how many calls were made.
    func instants() throws -> (instants: [Instant], calls: Int) {
        try state.withLock { state in
            try take(&state)
            return (state.instants, state.calls)
        }
    }

    /// Takes what the last call has done.
    private func take(_ state: inout State) throws {
        guard var instant = state.current else { return }
        guard let call = state.last else {
            state.instants.append(instant)
            return
        }
        state.last = nil
        if Self.looks.contains(call.operation) { return }
        let path = FilePath(call.path.string).components.dropFirst(FilePath(directory).components.count).map(\.string)
        instant = Instant(
            after: "\(call.operation) \(path.joined(separator: "/"))", durable: instant.durable, changes: instant.changes,
            now: instant.now)
        if call.operation == .fsync {
            guard !isSkipped(call), let inode = instant.now.inode(at: path) else { return }
            sync(inode, &instant)
        } else {
            let new = try TreePicture(of: directory)
            guard new != instant.now else { return }
            change(to: new, &instant)
        }
        state.current = instant
        state.instants.append(instant)
    }

    private func sync(_ inode: UInt64, _ instant: inout Instant) {
        instant.durable.nodes[inode] = instant.now.nodes[inode]
        var open: [Change] = []
        for change in instant.changes {
            guard change.concerns(inode) else {
                open.append(change)
                continue
            }
            change.apply(to: &instant.durable)
            // How something came to where it has certainly left is past.
            for index in open.indices {
                open[index].new = open[index].new.filter { slot, inode in
                    instant.durable.nodes[inode]?.bytes == nil ? !change.gone.values.contains(inode) : change.gone[slot] != inode
                }
            }
        }
        instant.changes = open.filter { !$0.isEmpty }
    }

    private func change(to new: TreePicture, _ instant: inout Instant) {
        var change = Change()
        for (slot, inode) in instant.now.names where new.names[slot] != inode { change.gone[slot] = inode }
        for (slot, inode) in new.names where instant.now.names[slot] != inode { change.new[slot] = inode }
        // What was never synced is empty, if it is there at all.
        for (inode, node) in new.nodes where instant.durable.nodes[inode] == nil {
            instant.durable.nodes[inode] = TreePicture.Node(
                mode: node.mode, bytes: node.bytes.map { _ in [] }, modified: node.modified)
        }
        if !change.isEmpty { instant.changes.append(change) }
        instant.now = new
    }
}

extension PowerLoss.Instant {
    /// What a file that is not synced may hold.
    private enum Remains: CaseIterable {
        case all, none, zeros, half
    }

    /// Trees that may be found after the power went here, each once.
    /// - Parameters:
    ///   - limit: how many are made at most; of more a sample is taken, with the extremes in it.
    ///   - dice: chooses the sample.
    /// - Returns: trees without what cannot be reached in them.
    func remains(limit: Int, using dice: inout Dice) -> Set<TreePicture> {
        let dirty = now.nodes.keys.filter { durable.nodes[$0] != now.nodes[$0] }.sorted()
        let count = changes.count
        // Of the changes of names: all in their order up to one, all but one, one alone.
        var kept: [[Int]] = (0...count).map { Array(0..<$0) }
        for index in 0..<count {
            kept.append((0..<count).filter { $0 != index })
            kept.append([index])
        }
        // Of the files: all alike, or one otherwise than the rest.
        var files: [[Remains]] = Remains.allCases.map { kind in dirty.map { _ in kind } }
        for index in dirty.indices {
            for other in [Remains.none, .zeros] { files.append(dirty.indices.map { $0 == index ? other : .all }) }
        }
        var found: Set<TreePicture> = []
        func add(_ names: [Int], _ contents: [Remains]) {
            guard found.count < limit else { return }
            found.insert(tree(names, dirty, contents))
        }
        // The extremes first: names without their files, files without their names.
        for kind in [Remains.none, .all, .zeros, .half] {
            add(kept[count], dirty.map { _ in kind })
            add(kept[0], dirty.map { _ in kind == .none ? .all : kind })
        }
        let pairs = kept.count * files.count
        if pairs <= limit {
            for names in kept { for contents in files { add(names, contents) } }
        }
        for _ in 0..<min(limit * 2, 4 * pairs) {
            guard let names = kept.randomElement(using: &dice), let contents = files.randomElement(using: &dice) else { break }
            if Bool.random(using: &dice) {
                add(names, contents)
            } else {
                add(
                    (0..<count).filter { _ in Bool.random(using: &dice) },
                    dirty.map { _ in Remains.allCases.randomElement(using: &dice) ?? .all })
            }
        }
        return found
    }

    private func tree(_ kept: [Int], _ dirty: [UInt64], _ contents: [Remains]) -> TreePicture {
        var tree = durable
        for index in kept { changes[index].apply(to: &tree) }
        for (inode, remains) in zip(dirty, contents) {
            guard var node = now.nodes[inode] else { continue }
            switch remains {
            case .all: break
            case .none: continue
            case .zeros: node.bytes = node.bytes.map { $0.map { _ in 0 } }
            case .half: node.bytes = node.bytes.map { $0[..<($0.count / 2)] + $0[($0.count / 2)...].map { _ in 0 } }
            }
            tree.nodes[inode] = node
        }
        return tree.pruned()
    }
}

extension TreePicture {
    /// Without what cannot be reached, so that equal trees are equal.
    fileprivate func pruned() -> TreePicture {
        var tree = self
        let reached = Set(reachable().values.map(\.inode)).union([root])
        tree.names = names.filter { reached.contains($0.key.directory) && reached.contains($0.value) }
        tree.nodes = nodes.filter { reached.contains($0.key) }
        return tree
    }
}

public import SystemPackage

/// What the tightest memory limit on this process leaves, by its control groups. A tmpfs counts against it as our heap does, and
/// who exceeds it is killed.
public struct MemoryLimit: Hashable, Sendable {
    /// The directory of the group that has it.
    public let group: FilePath
    /// Bytes of the limit.
    public let limit: Int64
    /// Bytes of it that nobody in the group holds for good: free, or cached content of files on disks.
    public let available: Int64
}

/// Where the kernel tells of control groups.
public struct ControlGroups: Hashable, Sendable {
    /// The groups of this process.
    let membership: FilePath
    /// Where their file systems are mounted.
    let mount: FilePath

    public init(membership: FilePath = "/proc/self/cgroup", mount: FilePath = "/sys/fs/cgroup") {
        self.membership = membership
        self.mount = mount
    }
}

extension FileSystem {
    /// The limit that leaves the least, of this process's group and of those around it.
    /// - Returns: `nil` where there is none, or where the kernel does not tell.
    public func memoryLimit(_ groups: ControlGroups) -> MemoryLimit? {
        guard let text = text(groups.membership) else { return nil }
        var limits: [MemoryLimit] = []
        // ID:CONTROLLERS:PATH, a line each hierarchy; version 2 has one, with no controllers named.
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let files: MemoryFiles
            if fields[1].isEmpty {
                files = .version2
            } else if fields[1].split(separator: ",").contains("memory") {
                files = .version1
            } else {
                continue
            }
            let mount = files.mount.map { groups.mount.appending($0) } ?? groups.mount
            // A container may see its own group as the mount itself, under a path that is only there outside.
            var path = FilePath(String(fields[2].drop { $0 == "/" }))
            while true {
                if let limit = memoryLimit(of: mount.pushing(path), files) { limits.append(limit) }
                if path.isEmpty { break }
                path.removeLastComponent()
            }
        }
        return limits.min { $0.available < $1.available }
    }

    private func memoryLimit(of group: FilePath, _ files: MemoryFiles) -> MemoryLimit? {
        // Without a limit it says `max`, or in version 1 what no machine has.
        guard let limit = text(group.appending(files.limit)).flatMap(number), limit < 1 << 60 else { return nil }
        guard let used = text(group.appending(files.usage)).flatMap(number) else { return nil }
        var cached: Int64 = 0
        for line in text(group.appending("memory.stat"))?.split(separator: "\n") ?? [] {
            let words = line.split(separator: " ")
            if words.count == 2, files.cached.contains(String(words[0])) { cached += Int64(words[1]) ?? 0 }
        }
        return MemoryLimit(group: group, limit: limit, available: limit - max(0, used - cached))
    }

    private func text(_ path: FilePath) -> String? {
        (try? readFile(path, limit: 64 << 10)).map { String(decoding: $0, as: UTF8.self) }
    }

    private func number(_ text: String) -> Int64? { Int64(text.prefix { $0 != "\n" }) }
}

/// How the memory controller's files are named.
private struct MemoryFiles {
    let mount: String?
    let limit: String
    let usage: String
    /// Lines of `memory.stat`: content of files that the kernel gives up for other uses. A tmpfs's pages are not in it.
    let cached: [String]

    static let version2 = MemoryFiles(
        mount: nil, limit: "memory.max", usage: "memory.current", cached: ["active_file", "inactive_file"])
    static let version1 = MemoryFiles(
        mount: "memory", limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes",
        cached: ["total_active_file", "total_inactive_file"])
}

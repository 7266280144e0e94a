import Glibc
import Testing

/// A control group with a memory limit, below that of the tests, or below the topmost where that may have none.
struct MemoryGroup: Sendable {
    static let message: Comment = "no control group with a memory limit can be made here: root alone can, and not everywhere"

    let path: String
    private let limitFile: String

    /// What stands before a program that shall run in it.
    var prefix: [String] { ["sh", "-c", "echo $$ > '\(path)/cgroup.procs' && exec \"$@\"", "sh"] }

    func set(limit: Int) throws {
        let file = open("\(path)/\(limitFile)", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw SystemFault("open \(path)/\(limitFile)", errno) }
        defer { close(file) }
        let text = "\(limit)"
        guard write(file, text, text.utf8.count) == text.utf8.count else { throw SystemFault("limit \(path)", errno) }
    }

    /// Tried once.
    static let isPossible: Bool = {
        guard let group = make(limit: 1 << 30) else { return false }
        return rmdir(group.path) == 0
    }()

    private static func make(limit: Int) -> MemoryGroup? {
        let lines = (try? readFile("/proc/self/cgroup")).map { String(decoding: $0, as: UTF8.self).split(separator: "\n") } ?? []
        for line in lines {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 3 else { continue }
            let isFirst = fields[1].split(separator: ",").contains("memory")
            guard isFirst || fields[1].isEmpty else { continue }
            let mount = isFirst ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup"
            for parent in [mount + fields[2], mount] {
                let path = "\(parent)/aspired-e2e-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
                let group = MemoryGroup(path: path, limitFile: isFirst ? "memory.limit_in_bytes" : "memory.max")
                guard mkdir(path, 0o755) == 0 else { continue }
                if (try? group.set(limit: limit)) != nil { return group }
                rmdir(path)
            }
        }
        return nil
    }

    /// Runs `body` with a group, which goes when all that ran in it has ended.
    static func with<Result>(
        limit: Int, isolation: isolated (any Actor)? = #isolation, _ body: (MemoryGroup) async throws -> Result
    ) async throws -> Result {
        guard let group = make(limit: limit) else { throw SystemFault("make a control group", errno) }
        defer { rmdir(group.path) }
        return try await body(group)
    }
}

import Dispatch
import Glibc

/// Reads a base path as a model server would, over and over, and compares every file of each version that it sees.
final class VersionReader: Sendable {
    private struct State {
        var expected: [String: [String: [UInt8]]] = [:]
        var isOver = false
        var hasEnded = false
        var faults: [String] = []
        var seen: Set<String> = []
        var looks = 0
    }

    private let base: String
    private let state = Guarded(State())

    /// - Parameter base: the base path, which may not be there yet.
    init(_ base: String) { self.base = base }

    /// What a version must be.
    func expect(_ version: Int, _ files: [String: [UInt8]]) { state.withLock { $0.expected["\(version)"] = files } }

    /// It is not to be seen any more.
    func forget(_ version: Int) { state.withLock { $0.expected["\(version)"] = nil } }

    /// What was wrong with what it saw; empty if nothing was.
    var faults: [String] { state.withLock { $0.faults } }
    /// The versions that it saw.
    var seen: Set<String> { state.withLock { $0.seen } }
    var looks: Int { state.withLock { $0.looks } }

    /// Reads every millisecond as long as `body` runs.
    func reading<Result>(isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result) async throws -> Result
    {
        DispatchQueue(label: "reader").async { [self] in
            while !state.withLock({ $0.isOver }) {
                look()
                usleep(1_000)
            }
            state.withLock { $0.hasEnded = true }
        }
        do {
            let result = try await body()
            try await end()
            return result
        } catch {
            try await end()
            throw error
        }
    }

    private func end() async throws {
        state.withLock { $0.isOver = true }
        try await eventually("the reader ends") { state.withLock { $0.hasEnded } }
    }

    private func look() {
        guard let entries = try? names(in: base) else { return }
        let hadSome = state.withLock { state in
            state.looks += 1
            return !state.seen.isEmpty
        }
        if entries.isEmpty, hadSome { fault("the base path is empty after it held a version") }
        for name in entries { compare(name) }
    }

    private func compare(_ name: String) {
        let path = "\(base)/\(name)"
        guard let before = inode(path) else { return }
        let expected = state.withLock { state in
            state.seen.insert(name)
            return state.expected[name]
        }
        guard let expected else { return fault("'\(name)' is in the base path and no version that was ever put") }
        let found = (try? FileTree(path).files) ?? [:]
        // A version that is pruned while it is read is no part of one.
        guard found != expected, inode(path) == before else { return }
        let different = Set(found.keys).union(expected.keys).filter { found[$0] != expected[$0] }.sorted()
        fault("version \(name) is visible, and wrong in \(different.joined(separator: ", "))")
    }

    private func inode(_ path: String) -> UInt64? {
        var status = stat()
        return lstat(path, &status) == 0 ? UInt64(status.st_ino) : nil
    }

    private func fault(_ text: String) {
        state.withLock { if $0.faults.count < 20 { $0.faults.append(text) } }
    }
}

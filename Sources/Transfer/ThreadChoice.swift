/// Which thread carries a request. What is written to one file goes by one thread, as long as other files keep the others busy: threads
/// that write to one file wait for each other.
struct ThreadChoice: Sendable {
    /// A file that is downloaded to.
    private struct Target {
        let thread: Int
        /// Requests under way.
        var count = 0
    }

    /// Requests that a thread may have more than the one that has the fewest, so that files stay where they are.
    private static let imbalance = 3

    /// Of each thread, its requests and the files that are its own.
    private var threads: [(requests: Int, files: Int)]
    private var targets: [ObjectIdentifier: Target] = [:]

    init(threads count: Int) { threads = Array(repeating: (0, 0), count: count) }

    /// Requests that were taken and not given back.
    var requests: Int { threads.reduce(0) { $0 + $1.requests } }

    /// Chooses one for a request, which must be given back.
    /// - Parameter file: what it writes to, if it does.
    /// - Returns: the thread's number.
    mutating func take(for file: ObjectIdentifier?) -> Int {
        var thread = least { $0.requests }
        if let file {
            var target = targets[file] ?? begun()
            target.count += 1
            targets[file] = target
            // Alone it has all threads.
            let isNear = threads[target.thread].requests <= threads[thread].requests + Self.imbalance
            if targets.count > 1, isNear { thread = target.thread }
        }
        threads[thread].requests += 1
        return thread
    }

    /// The request that was taken for the file has ended.
    mutating func giveBack(_ thread: Int, for file: ObjectIdentifier?) {
        threads[thread].requests -= 1
        guard let file, let target = targets[file] else { return }
        if target.count > 1 {
            targets[file]?.count -= 1
        } else {
            targets[file] = nil
            threads[target.thread].files -= 1
        }
    }

    private mutating func begun() -> Target {
        let own = least { $0.files }
        threads[own].files += 1
        return Target(thread: own)
    }

    private func least(_ load: ((requests: Int, files: Int)) -> Int) -> Int {
        threads.indices.min { load(threads[$0]) < load(threads[$1]) } ?? 0
    }
}

import SystemPackage

/// A digest that is computed of a staged file while it is still arriving: how far each section is, and what may be done next.
///
/// It holds no bytes and starts no thread: `StagedFile` takes jobs and runs them on its reader. A section is hashed in order, behind
/// what has arrived of it; two sections at once.
final class TrailingDigest: Sendable {
    /// The next bytes of a section, to be read by whoever took the job.
    struct Job: Sendable {
        let section: Int
        let range: Range<Int64>
    }

    /// Fewer bytes wait for more of their section.
    static let least: Int64 = 1 << 20
    /// More bytes make another job, so that one file does not hold a thread for long.
    static let most: Int64 = 32 << 20
    private static let parallel = 2

    let digest: FileDigest

    private struct Section {
        /// What is still to be hashed.
        var rest: Range<Int64>
        var isTaken = false
        var result: [UInt8]?
    }

    private struct State {
        var sections: [Section]
        /// Of the sections that were begun; a job that is running has its own here too.
        var hashes: [Int: Hash] = [:]
        /// All before it are done.
        var open = 0
        var running = 0
        var outcome: Result<[UInt8], FileError>?
        var waiter: Handover<Result<[UInt8], FileError>>?
    }

    /// Owned by one job at a time.
    private final class Hash: @unchecked Sendable {
        var running: RunningHash?
        init(_ hash: FileDigest.Hash) { running = RunningHash(hash) }
    }

    private let state: Lock<State>

    init(_ digest: FileDigest, size: Int64) {
        self.digest = digest
        state = Lock(State(sections: digest.sections(of: size).map { Section(rest: $0) }))
    }

    /// The next job that what is there of the file allows; `nil` if none does, or enough are running.
    func take(_ extents: ExtentMap) -> Job? {
        state.withLock { state in
            guard state.outcome == nil, state.running < Self.parallel else { return nil }
            let limit = extents.extents.last?.end ?? 0
            for index in state.open..<state.sections.endIndex {
                let section = state.sections[index]
                guard section.rest.lowerBound <= limit else { return nil }
                guard !section.isTaken, section.result == nil else { continue }
                let end = min(extents.end(from: section.rest.lowerBound), section.rest.upperBound)
                guard end == section.rest.upperBound || end - section.rest.lowerBound >= Self.least else { continue }
                state.sections[index].isTaken = true
                state.running += 1
                if state.hashes[index] == nil { state.hashes[index] = Hash(digest.hash) }
                return Job(section: index, range: section.rest.lowerBound..<min(end, section.rest.lowerBound + Self.most))
            }
            return nil
        }
    }

    /// Does a job: `read` gives its bytes in order.
    func run(_ job: Job, _ read: (_ take: (UnsafeRawBufferPointer) -> Void) throws(FileError) -> Void) {
        // Nobody else touches this hash while the section is taken.
        guard let hash = state.withLock({ $0.hashes[job.section] }) else { return }
        do throws(FileError) {
            try read { hash.running?.update($0) }
            done(job, hash)
        } catch {
            end(.failure(error))
        }
    }

    private func done(_ job: Job, _ hash: Hash) {
        let isFinished = state.withLock { state in
            state.running -= 1
            state.sections[job.section].isTaken = false
            state.sections[job.section].rest = job.range.upperBound..<state.sections[job.section].rest.upperBound
            guard state.sections[job.section].rest.isEmpty else { return false }
            state.sections[job.section].result = hash.running.take()?.finish()
            state.hashes[job.section] = nil
            while state.open < state.sections.endIndex, state.sections[state.open].result != nil { state.open += 1 }
            return state.open == state.sections.endIndex
        }
        if isFinished { end(.success(digest.joined(state.withLock { $0.sections.compactMap(\.result) }))) }
    }

    /// Nobody needs it any more: no further job is given, and who waits for it goes on.
    func stop(_ path: FilePath) { end(.failure(FileError(FileOperation.read.rawValue, path, .canceled))) }

    private func end(_ outcome: Result<[UInt8], FileError>) {
        let waiter = state.withLock { state in
            if state.outcome == nil { state.outcome = outcome }
            return state.waiter.take()
        }
        waiter?.give(outcome)
    }

    /// The digest, once the whole file has been hashed. One task may wait.
    func outcome() async -> Result<[UInt8], FileError> {
        await withHandover { handover in
            let outcome = state.withLock { state in
                if state.outcome == nil { state.waiter = handover }
                return state.outcome
            }
            if let outcome { handover.give(outcome) }
        }
    }
}

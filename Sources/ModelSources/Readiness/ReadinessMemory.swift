import FileIO
import Servables

/// What was found out by reading files of versions that are not published, so that a poll that finds the same files reads none of
/// them again. One a source; bounded, the oldest goes first.
final class ReadinessMemory: Sendable {
    enum Finding: Sendable {
        case manifest(Result<VersionManifest, VersionManifest.Fault>)
        case savedModel(Result<SavedModelNeeds, SavedModelFault>)

        /// Names that are kept for it, and one for itself.
        fileprivate var names: Int {
            switch self {
            case .manifest(.success(let manifest)): manifest.count + 1
            case .savedModel(.success(let needs)): needs.assets.count + 1
            case .manifest(.failure), .savedModel(.failure): 1
            }
        }
    }

    private struct Known {
        /// As it was listed: another size, token or time is another file.
        let entry: FileEntry
        let finding: Finding
    }

    private struct State {
        /// By version and path.
        var known: [String: Known] = [:]
        var oldestFirst: [String] = []
        var names = 0
    }

    /// About as many as one version may have files.
    private let limit: Int
    private let state = Lock(State())

    init(limit: Int = FileTable.limit) { self.limit = limit }

    /// What `find` finds out, or found out of the same file before. A failure to read is not kept.
    func finding(
        of entry: FileEntry, in version: String, _ find: () async throws(SourceError) -> Finding
    ) async throws(SourceError) -> Finding {
        let key = "\(version)/\(entry.path)"
        let known = state.withLock { state in
            if let known = state.known[key], known.entry == entry { return Optional(known.finding) }
            return nil
        }
        if let known { return known }
        let found = try await find()
        state.withLock { keep(Known(entry: entry, finding: found), key, &$0) }
        return found
    }

    private func keep(_ known: Known, _ key: String, _ state: inout State) {
        if let old = state.known.updateValue(known, forKey: key) {
            state.names -= old.finding.names
            state.oldestFirst.removeAll { $0 == key }
        }
        state.names += known.finding.names
        state.oldestFirst.append(key)
        while state.names > limit, state.oldestFirst.count > 1, let gone = state.known.removeValue(forKey: state.oldestFirst[0]) {
            state.oldestFirst.removeFirst()
            state.names -= gone.finding.names
        }
    }
}

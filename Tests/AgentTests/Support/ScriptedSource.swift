import FileIO
import ModelSources
import Servables

/// What a source is asked.
enum SourceCall: Hashable, Sendable {
    case list
    case contents(String)
    case compare(String)
    /// Version and path.
    case fetch(String, String)
    case read(String, String)
}

/// A source in memory that fails, waits and changes when a test says so.
final class ScriptedSource: ModelSource {
    private struct File {
        var bytes: [UInt8]
        var revision: Int
    }
    private struct Waiter {
        let call: SourceCall
        let continuation: CheckedContinuation<Void, any Error>
    }
    private struct State {
        var versions: [String: [String: File]] = [:]
        var emptyDirectories: [String: [String]] = [:]
        var revision = 0
        var held: [String: (reason: String, lookAgainIn: Duration?)] = [:]
        var failures: [SourceCall: SourceError] = [:]
        var hooks: [SourceCall: @Sendable (ScriptedSource) -> Void] = [:]
        /// Closed gates, and after how many bytes of a file.
        var gates: [SourceCall: Int] = [:]
        var waiters: [Int: Waiter] = [:]
        var cancelled: Set<Int> = []
        var offersNothing = false
        /// Whether a file's tag is one of its content.
        var tellsContent = false
        /// Files whose bytes arrive wrong, once.
        var spoilt: Set<SourceCall> = []
        var next = 0
        var calls: [SourceCall] = []
        var times: [Duration] = []
        var urgent: [SourceCall] = []
        var fetchedBytes: Int64 = 0
        /// Lent files that are not given back, as by a thread that is late.
        var kept: [StagedFile] = []
    }

    let location: String
    private let time: VirtualTime
    private let state = Lock(State())

    init(_ name: String, time: VirtualTime) {
        location = "test://\(name)"
        self.time = time
    }

    // MARK: What a test sets

    /// The version "" is what lies beside the others.
    func put(_ version: String, _ files: [String: String]) {
        state.withLock { state in
            state.revision += 1
            state.versions[version] = files.mapValues { File(bytes: Array($0.utf8), revision: state.revision) }
        }
    }

    /// A version that has the very files of another, but for some.
    func put(_ version: String, like other: String, changing files: [String: String]) {
        put(version, files)
        state.withLock { state in
            let shared = state.versions[other] ?? [:]
            state.versions[version]?.merge(shared) { new, _ in new }
            state.tellsContent = true
        }
    }

    func change(_ version: String, _ path: String, to text: String) {
        state.withLock { state in
            state.revision += 1
            state.versions[version]?[path] = File(bytes: Array(text.utf8), revision: state.revision)
        }
    }

    func remove(_ version: String) { state.withLock { $0.versions[version] = nil } }
    func hold(_ version: String, _ reason: String = "still written", lookAgainIn: Duration? = nil) {
        state.withLock { $0.held[version] = (reason, lookAgainIn) }
    }
    func unhold(_ version: String) { state.withLock { $0.held[version] = nil } }

    func fail(_ call: SourceCall, _ kind: FailureKind, isTransient: Bool, isStale: Bool = false, isMismatch: Bool = false) {
        let failure = Failure(kind, "\(call) of \(location): scripted", isTransient: isTransient)
        state.withLock { $0.failures[call] = SourceError(failure, isStale: isStale, isMismatch: isMismatch) }
    }
    func heal(_ call: SourceCall) { state.withLock { $0.failures[call] = nil } }

    /// From now on nothing but the length tells what a file's bytes are.
    func offerNothing() { state.withLock { $0.offersNothing = true } }

    /// A file arrives whole and is found to be wrong then, once.
    func spoil(_ call: SourceCall) { state.withLock { _ = $0.spoilt.insert(call) } }

    /// Does something when a call begins, once.
    func on(_ call: SourceCall, _ hook: @escaping @Sendable (ScriptedSource) -> Void) { state.withLock { $0.hooks[call] = hook } }

    /// Makes a call wait; that of a file after so many bytes.
    func close(_ call: SourceCall, after bytes: Int = 0) { state.withLock { $0.gates[call] = bytes } }
    func open(_ call: SourceCall) {
        let waiters = state.withLock { state in
            state.gates[call] = nil
            let ids = state.waiters.filter { $0.value.call == call }.keys
            return ids.compactMap { state.waiters.removeValue(forKey: $0) }
        }
        for waiter in waiters { waiter.continuation.resume() }
    }

    // MARK: What a test asks

    var calls: [SourceCall] { state.withLock { $0.calls } }
    var listings: Int { calls.count { $0 == .list } }
    var fetches: [SourceCall] { calls.filter { if case .fetch = $0 { true } else { false } } }
    /// The fetches that were urgent.
    var urgent: [SourceCall] { state.withLock { $0.urgent } }
    /// When the source was listed.
    var listingTimes: [Duration] {
        state.withLock { state in zip(state.calls, state.times).filter { $0.0 == .list }.map(\.1) }
    }
    var fetchedBytes: Int64 { state.withLock { $0.fetchedBytes } }
    func forgetCalls() {
        state.withLock { state in
            state.calls = []
            state.times = []
            state.fetchedBytes = 0
        }
    }
    func waiting(_ matches: (SourceCall) -> Bool) -> Int { state.withLock { $0.waiters.values.count { matches($0.call) } } }

    // MARK: ModelSource

    func content(of entry: FileEntry, in location: String) -> String? {
        state.withLock { $0.tellsContent } ? "\(entry.path) \(entry.tag)" : nil
    }

    func crc64nvme(of entry: FileEntry, of version: Version) -> UInt64? { nil }

    func listing() async throws(SourceError) -> ModelListing {
        try await begin(.list)
        return state.withLock { state in
            let versions = Set(state.versions.keys.compactMap { Version($0) })
            if let failure = state.failures[.contents("")] { return ModelListing(versions: versions, files: .failure(failure)) }
            let files = (state.versions[""] ?? [:]).sorted { $0.key < $1.key }.map { entry($0.key, $0.value) }
            return ModelListing(versions: versions, files: .success(files))
        }
    }

    private func entry(_ path: String, _ file: File) -> FileEntry {
        FileEntry(
            path: path, size: Int64(file.bytes.count), tag: "\(file.revision)",
            modified: VirtualTime.start.advanced(by: .seconds(-3600 + file.revision)))
    }

    func contents(of version: Version) async throws(SourceError) -> VersionContents {
        try await begin(.contents(version.name))
        let contents: VersionContents? = state.withLock { state in
            if let held = state.held[version.name] { return .held(reason: held.reason, lookAgainIn: held.lookAgainIn) }
            guard let files = state.versions[version.name] else { return nil }
            var table = FileTable()
            for (path, file) in files.sorted(by: { $0.key < $1.key }) {
                table.append(entry(path, file))
            }
            return .ready(table)
        }
        guard let contents else {
            throw SourceError(Failure(.notFound, "list \(location)/\(version): it went away", isTransient: true))
        }
        return contents
    }

    func difference(of version: Version, from published: FileTable) async throws(SourceError) -> String? {
        try await begin(.compare(version.name))
        return state.withLock { state in
            let files = state.versions[version.name] ?? [:]
            for entry in published where files[entry.path].map({ "\($0.revision)" }) != entry.tag {
                return "\(entry.path) was written again"
            }
            return files.count == published.count ? nil : "a file was added"
        }
    }

    func fetch(
        _ entry: FileEntry, of version: Version?, into staged: StagedFile, isUrgent: Bool,
        onBytes: @escaping @Sendable (Int64) -> Void
    ) async throws(SourceError) -> Verification {
        let call = SourceCall.fetch(version?.name ?? "", entry.path)
        state.withLock { $0.kept.append(staged) }
        let pause = try await begin(call, waits: false)
        if isUrgent { state.withLock { $0.urgent.append(call) } }
        guard let file = current(entry, version) else { throw stale(call) }
        do {
            for range in staged.missing {
                var parts = [range]
                if let pause, range.contains(Int64(pause)), range.lowerBound < pause {
                    parts = [range.lowerBound..<Int64(pause), Int64(pause)..<range.upperBound]
                }
                for part in parts {
                    if let pause, part.lowerBound >= pause { try await wait(call) }
                    var writer = staged.writer(for: part, checksums: .crc64nvme)
                    _ = try Array(file[Int(part.lowerBound)..<Int(part.upperBound)]).withUnsafeBytes { try writer.append($0) }
                    try writer.finish()
                    state.withLock { $0.fetchedBytes += Int64(part.count) }
                    onBytes(Int64(part.count))
                }
            }
        } catch let error as SourceError {
            throw error
        } catch {
            throw SourceError(Failure(.unavailable, "fetch \(entry.path) of \(location): \(error)", isTransient: true))
        }
        guard let checksum = staged.crc64nvme(), current(entry, version) != nil else { throw stale(call) }
        if state.withLock({ $0.spoilt.remove(call) }) != nil {
            let failure = Failure(.badData, "\(call) of \(location): spoilt", isTransient: true)
            throw SourceError(failure, isMismatch: true)
        }
        return Verification(crc64nvme: checksum, method: state.withLock { $0.offersNothing } ? .size : .crc64nvme)
    }

    func read(_ entry: FileEntry, of version: Version, _ range: Range<Int64>) async throws(SourceError) -> [UInt8] {
        let call = SourceCall.read(version.name, entry.path)
        try await begin(call)
        guard let bytes = current(entry, version) else { throw stale(call) }
        return Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])
    }

    func verify(
        _ entry: FileEntry, of version: Version, against local: LocalFile
    ) async throws(SourceError) -> Verification? {
        guard let bytes = current(entry, version) else { throw stale(.contents(version.name)) }
        if state.withLock({ $0.offersNothing }) { return nil }
        var running = RunningChecksum(.all)
        bytes.withUnsafeBytes { running.update($0) }
        let theirs = running.extent(at: 0)
        guard let ours = try? await local.checksums(), ours == theirs else { return nil }
        return Verification(crc64nvme: ours.crc64nvme, method: .crc64nvme)
    }

    // MARK: Scripts

    private func current(_ entry: FileEntry, _ version: Version?) -> [UInt8]? {
        state.withLock { state in
            guard let file = state.versions[version?.name ?? ""]?[entry.path], "\(file.revision)" == entry.tag else { return nil }
            return file.bytes
        }
    }

    private func stale(_ call: SourceCall) -> SourceError {
        SourceError(Failure(.unavailable, "\(call) of \(location): it changed", isTransient: true), isStale: true)
    }

    @discardableResult
    private func begin(_ call: SourceCall, waits: Bool = true) async throws(SourceError) -> Int? {
        let hook = state.withLock { state in
            state.calls.append(call)
            state.times.append(time.uptime())
            return state.hooks.removeValue(forKey: call)
        }
        hook?(self)
        if waits { try await wait(call) }
        if let failure = state.withLock({ $0.failures[call] }) { throw failure }
        return state.withLock { $0.gates[call] }
    }

    private func wait(_ call: SourceCall) async throws(SourceError) {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        do {
            try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                    let outcome: Result<Void, any Error>? = state.withLock { state in
                        if state.cancelled.remove(id) != nil || Task.isCancelled { return .failure(CancellationError()) }
                        guard state.gates[call] != nil else { return .success(()) }
                        state.waiters[id] = Waiter(call: call, continuation: continuation)
                        return nil
                    }
                    if let outcome { continuation.resume(with: outcome) }
                }
            } onCancel: {
                let waiter = state.withLock { state in
                    let waiter = state.waiters.removeValue(forKey: id)
                    if waiter == nil { state.cancelled.insert(id) }
                    return waiter
                }
                waiter?.continuation.resume(throwing: CancellationError())
            }
        } catch {
            throw SourceError(Failure(.busy, "\(call) of \(location): stopped"))
        }
    }
}

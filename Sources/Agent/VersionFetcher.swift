import FileIO
import ModelSources
import Servables
import SystemPackage
import Volume

/// Brings one version onto the volume: asks what it holds, stages it, fetches and verifies its files, asks again whether it
/// changed meanwhile, and publishes it. All errors are `SourceError`s, those of the volume included, so that what is stale is told.
struct VersionFetcher: Sendable {
    let model: String
    let source: any ModelSource
    let volume: Volume
    let workers: AgentWorkers
    let settings: AgentSettings
    let telemetry: any Telemetry
    let time: any TimeSource
    /// Whether the model still holds up readiness.
    let isUrgent: Bool
    /// Follows the bytes for status; called from any thread.
    let onProgress: @Sendable (FetchProgress) -> Void
    /// `nil` without a server.
    let server: ServerWord?

    /// What is waited for where a server looks at the volume.
    struct ServerWord: Sendable {
        /// Waits until it has let go of what it had of a version before, if it had any (and surely where it is replaced), and tells
        /// whether it has.
        let gone: @Sendable (_ version: Version, _ isReplaced: Bool) async -> Bool
        /// Waits until it is not loading a version: one that is loading is never moved.
        let loaded: @Sendable (_ version: Version) async -> Void
    }

    /// What came of it, where it did not fail.
    enum Outcome: Hashable, Sendable {
        case done
        /// The version is not ready any more, and why; and after which time that may be otherwise.
        case held(String, lookAgainIn: Duration?)
        /// It can be had, and does not fit before these are gone, which it replaces.
        case needsRoom([Version])
    }

    /// How often a version that changes while it is fetched is begun anew before its back-off counts.
    private static let attempts = 3
    private static let filesBetweenTrims = 512

    /// Fetches and publishes a version: what it held a moment ago, where that is known, in place of what is on the volume, if
    /// something is. `replaceable` are those that are kept until it is there, in the order in which they may go for it.
    func fetch(
        _ version: Version, _ listed: FileTable? = nil, replacing replaced: Replaced? = nil, replaceable: [Version] = [],
        reuse: ReuseRules? = nil
    ) async throws(SourceError) -> Outcome {
        let began = time.uptime()
        var listed = listed
        var change: SourceError?
        for _ in 0..<Self.attempts {
            let table: FileTable
            if let known = listed.take() { table = known } else { table = try await readyTable(version) }
            let staged: StagedVersion
            switch try await stage(version, table, reuse ?? reuseRules, replaceable) {
            case .staged(let new): staged = new
            case .doesNotFit(let lack):
                do throws(SourceError) {
                    try await fetchFirst(version, table, reuse ?? reuseRules)
                } catch {
                    guard error.isStale else { throw error }
                    change = error
                    continue
                }
                telemetry.record(
                    .notice(
                        "\(model) \(version) does not fit beside what it replaces (\(lack)): \(lack.makersText) pruned first, as "
                            + "--prune-first says"))
                return .needsRoom(lack.makers)
            }
            let arrivals = Arrivals(of: staged, to: self)
            let missing = table.totalSize - staged.stagedBytes
            telemetry.record(
                .fetchStarted(model: model, version: version, files: table.count, bytes: table.totalSize, missing: missing))
            do throws(SourceError) {
                try await fill(staged, arrivals)
            } catch {
                if error.isMismatch { telemetry.record(.checksumMismatch(model: model)) }
                guard error.isStale else { throw error }
                change = error
                continue
            }
            // What replaces a version has nothing to fall back on: it is synced first, whatever the setting.
            let sync = replaced == nil ? volume.settings.sync : .before
            // The store and the disk take their time side by side.
            async let sealing = sealed(staged, sync)
            guard try await readyTable(version) == table else { continue }
            try await sealing.get()
            try await publish(staged, sync, replacing: replaced, fetched: missing - arrivals.reused, began: began)
            return .done
        }
        throw unsteady(version, change)
    }

    /// `change` is what was last seen of it, if a fetch met it and not only the listing after one.
    func unsteady(_ version: Version, _ change: SourceError? = nil) -> SourceError {
        let seen = change.map { " (\($0.failure.message))" } ?? ""
        return SourceError(
            Failure(
                .unavailable,
                "fetch \(model) \(version): it kept changing in \(source.location) while it was fetched\(seen); "
                    + "it is tried again, and published once it stays the same", isTransient: true))
    }

    // MARK: - Steps

    private enum Staging {
        case staged(StagedVersion)
        case doesNotFit(LackOfSpace)
    }

    private func stage(
        _ version: Version, _ table: FileTable, _ reuseRules: ReuseRules, _ replaceable: [Version]
    ) async throws(SourceError) -> Staging {
        try await onVolume { [volume, model, source, telemetry, settings] () throws(VolumeError) in
            // What the listing took, and what staging does, is not kept for as long as the fetch goes on.
            defer { ProcessHeap.trim() }
            func attempt() throws(VolumeError) -> Staging {
                do throws(VolumeError) {
                    return .staged(try volume.stage(model, version, table: table, source: source.location, reuse: reuseRules))
                } catch {
                    guard case .noSpace(let lack) = error else { throw error }
                    return .doesNotFit(lack)
                }
            }
            var staging = try attempt()
            // What the server could not load is worth less than what it has not tried (CONTRACT section 4).
            if case .doesNotFit = staging, case let given = try volume.giveUpRefused(), !given.isEmpty {
                for one in given {
                    telemetry.record(
                        .notice(
                            "\(one.model) \(one.version), which the server had refused, is deleted: its \(ByteCount(one.bytes)) are needed"
                        ))
                }
                volume.sweep(reportingTo: telemetry)
                staging = try attempt()
            }
            guard case .doesNotFit(var lack) = staging else { return staging }
            lack.makers = try volume.roomMakers(lack.needed - lack.available, in: model, among: replaceable)
            if lack.makers.isEmpty || !settings.prunesFirst { throw .noSpace(lack) }
            return .doesNotFit(lack)
        }
    }

    private static let firstBytes: Int64 = 1 << 20

    /// Shows that a version can be had before something goes for it: has what it shares with that, and fetches its smallest file or,
    /// where not even that fits, reads the beginning of it.
    private func fetchFirst(_ version: Version, _ table: FileTable, _ reuseRules: ReuseRules) async throws(SourceError) {
        guard let first = table.indices.min(by: { table.size($0) < table.size($1) }) else { return }
        let (staged, fits) = try await onVolume { [volume, model, source] () throws(VolumeError) in
            func stage(_ only: [Int]) throws(VolumeError) -> StagedVersion {
                try volume.stage(model, version, table: table, source: source.location, reuse: reuseRules, only: only)
            }
            do throws(VolumeError) { return (try stage([first]), true) } catch {
                guard case .noSpace = error else { throw error }
                return (try stage([]), false)
            }
        }
        // A name that is not proven yet goes with the version that it is of.
        for index in staged.unproven { _ = try await reuse(index, of: staged) }
        if staged.verification(first) != nil { return }
        if fits {
            try await fetchFile(BegunFile(index: first), of: staged, Arrivals(of: staged, to: self))
        } else {
            _ = try await source.read(table[first], of: version, 0..<min(table.size(first), Self.firstBytes))
        }
    }

    func readyTable(_ version: Version) async throws(SourceError) -> FileTable {
        switch try await source.contents(of: version) {
        case .ready(let table): return table
        case .held(let reason, _):
            throw SourceError(
                Failure(.unavailable, "fetch \(model) \(version): it is not ready any more: \(reason)", isTransient: true))
        }
    }

    /// Fetches what is missing, some files at once. The first failure stops the others.
    private func fill(_ staged: StagedVersion, _ arrivals: Arrivals) async throws(SourceError) {
        defer { arrivals.tellReuse() }
        let queue = FileQueue(staged.incomplete, of: staged.table)
        let failure: SourceError? = await withTaskGroup(of: SourceError?.self) { group in
            var failure: SourceError?
            while true {
                while failure == nil, !Task.isCancelled, let index = queue.begin() {
                    group.addTask(executorPreference: workers.fetching(staged)) {
                        await fetchFiles(from: index, queue, of: staged, arrivals)
                    }
                }
                guard let ended = await group.next() else { return failure }
                if failure == nil, let first = ended {
                    failure = first
                    group.cancelAll()
                }
            }
        }
        if let failure { throw failure }
        if Task.isCancelled { throw stopped("fetch", staged.version) }
    }

    /// Fetches a file, and others in its place for as long as every place is taken: what ends the one and begins the next is one call to
    /// the volume's threads, and with small files these calls are what takes the time.
    private func fetchFiles(
        from first: Int, _ queue: FileQueue, of staged: StagedVersion, _ arrivals: Arrivals
    ) async -> SourceError? {
        var file = BegunFile(index: first)
        while true {
            let current = file
            do throws(SourceError) {
                let next = try await fetchFile(current, of: staged, arrivals) { () throws(VolumeError) in
                    guard let next = queue.replace(current.index) else { return nil }
                    return BegunFile(index: next, file: staged.mayBeReused(next) ? nil : try staged.open(next))
                }
                guard let next else {
                    queue.end(current.index)
                    return nil
                }
                file = next
            } catch {
                return error
            }
        }
    }

    private func sealed(_ staged: StagedVersion, _ sync: SyncTime) async -> Result<Void, SourceError> {
        do throws(SourceError) {
            return .success(
                try await onVolume { [volume] () throws(VolumeError) in
                    // The second listing is as large as the first.
                    ProcessHeap.trim()
                    try volume.seal(staged, sync: sync)
                })
        } catch {
            return .failure(error)
        }
    }

    func stopped(_ what: String, _ version: Version) -> SourceError {
        SourceError(
            Failure(.busy, "\(what) \(model) \(version): stopped; the next start goes on from what is there", isTransient: true))
    }

    /// A file whose turn it is.
    private struct BegunFile: Sendable {
        let index: Int
        /// Where it is open already.
        var file: StagedFile?
    }

    /// - `next`: what is to be done on the volume as soon as the file is whole, and was not reused.
    @discardableResult
    private func fetchFile(
        _ begun: BegunFile, of staged: StagedVersion, _ arrivals: Arrivals,
        next: @escaping @Sendable () throws(VolumeError) -> BegunFile? = { nil }
    ) async throws(SourceError) -> BegunFile? {
        let index = begun.index
        let entry = staged.table[index]
        let file: StagedFile
        if let open = begun.file {
            file = open
        } else {
            if try await reuse(index, of: staged) {
                arrivals.noteReused(entry.size)
                return nil
            }
            file = try await onVolume(by: workers.fetching(staged)) { () throws(VolumeError) in try staged.open(index) }
        }
        let verification: Verification
        do throws(SourceError) {
            verification = try await source.fetch(entry, of: staged.version, into: file, isUrgent: isUrgent) {
                arrivals.noteFetched($0)
            }
        } catch {
            // Bytes of two revisions are never mixed.
            if error.isStale || error.isMismatch { try await forget(file) }
            throw error
        }
        try settings.accept(verification, of: "\(model) \(staged.version) \(entry.path)")
        return try await onVolume(by: workers.fetching(staged)) { () throws(VolumeError) in
            file.close()
            try staged.complete(index, verification)
            // What many requests leave free here and there adds up.
            if index % Self.filesBetweenTrims == Self.filesBetweenTrims - 1 { ProcessHeap.trim() }
            return try next()
        }
    }

    private func forget(_ file: StagedFile) async throws(SourceError) {
        try await onVolume { () throws(VolumeError) in
            do throws(FileError) { try file.reset() } catch { throw .file(error, doing: "begin \(file.path) anew") }
        }
    }

    private func publish(
        _ staged: StagedVersion, _ sync: SyncTime, replacing replaced: Replaced?, fetched: Int64, began: Duration
    ) async throws(SourceError) {
        let (table, version) = (staged.table, staged.version)
        let verifications = table.indices.compactMap { staged.verification($0) }
        if let replaced {
            if replaced.checksums == Replaced.checksums(of: table, verifications) {
                // The bytes were right all along; only now there is something to tell it by.
                try await keep(replaced, table, verifications)
                try await onVolume { [volume, model, telemetry] () throws(VolumeError) in
                    try volume.discard(model, version)
                    volume.sweep(reportingTo: telemetry)
                }
                return
            }
            await server?.loaded(version)
            if Task.isCancelled { throw stopped("republish", version) }
            try await onVolume { [volume, model] () throws(VolumeError) in try volume.prune(model, replaced.place) }
            try await keepOut(version)
        } else {
            _ = await server?.gone(version, false)
        }
        if Task.isCancelled { throw stopped("publish", version) }
        try await onVolume { [volume] () throws(VolumeError) in try volume.publish(staged, sync: sync) }
        var verified: [VerificationMethod: Int] = [:]
        for verification in verifications { verified[verification.method, default: 0] += 1 }
        telemetry.record(
            .published(
                model: model, version: version, files: table.count, bytes: table.totalSize, fetched: fetched,
                took: time.uptime() - began, lag: table.newest.map { time.now().since($0) }, verified: verified))
        // What was replaced, the record of what was staged, and the memory that the work took.
        _ = await workers.bulk.run { [volume, telemetry] in
            volume.sweep(reportingTo: telemetry)
            ProcessHeap.trim()
        }
    }

    /// A server compares the names it sees at two polls: one of them has to miss this one.
    private func keepOut(_ version: Version) async throws(SourceError) {
        guard let server else {
            telemetry.record(
                .notice("\(model) \(version) is out for \(settings.republishPause.text), and then comes back as it should be"))
            do { try await time.sleep(for: settings.republishPause) } catch { throw stopped("republish", version) }
            return
        }
        telemetry.record(
            .notice("\(model) \(version) is out until the server has let go of it, and then comes back as it should be"))
        if await server.gone(version, true) { return }
        do { try await time.sleep(for: settings.republishPause) } catch { throw stopped("republish", version) }
    }

    func onVolume<Result: Sendable>(
        by worker: WorkerThread? = nil, _ body: @escaping @Sendable () throws(VolumeError) -> Result
    ) async throws(SourceError) -> Result {
        do throws(VolumeError) {
            return try await (worker ?? workers.bulk).run(body)
        } catch {
            throw SourceError(error.failure)
        }
    }
}

extension AgentSettings {
    /// - Throws: where a file is to be verified and there was nothing to do it by (`--verify require`).
    func accept(_ verification: Verification, of file: String) throws(SourceError) {
        guard requiresVerification, verification.method == .size else { return }
        throw SourceError(
            Failure(
                .badData,
                "fetch \(file): the store offers no checksum that could be verified, and --verify require asks for one: upload it with a "
                    + "checksum, or use --verify best"))
    }
}

/// How far a fetch is.
struct FetchProgress: Hashable, Sendable {
    let version: Version
    let stagedBytes: Int64
    let totalBytes: Int64
}

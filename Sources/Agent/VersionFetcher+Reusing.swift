import FileIO
import ModelSources
import Servables
import Volume

// MARK: - What published versions of the model have already (`--reuse`)

extension VersionFetcher {
    var reuseRules: ReuseRules { settings.reuseRules(of: source) }

    /// Has a file from a published version, where one has it.
    /// - Returns: `false` where it is to be fetched.
    func reuse(_ index: Int, of staged: StagedVersion) async throws(SourceError) -> Bool {
        if let work = staged.reuse(index) { return try await finish(work, index, of: staged) }
        guard staged.mayBeThere(index), let crc64nvme = try await source.crc64nvme(of: staged.table[index], of: staged.version)
        else { return false }
        let work = try await onVolume { () throws(VolumeError) in try staged.reuse(index, crc64nvme: crc64nvme) }
        guard let work else { return false }
        return try await finish(work, index, of: staged)
    }

    private func finish(_ work: FileReuse, _ index: Int, of staged: StagedVersion) async throws(SourceError) -> Bool {
        while true {
            if Task.isCancelled { throw stopped("take what is there for", staged.version) }
            switch try await onVolume({ () throws(VolumeError) in try work.step() }) {
            case .goesOn: continue
            case .done: return true
            case .gone: return false
            case .differs(let path):
                telemetry.record(
                    .warning(
                        "\(path) is not what it was when it was published, so that it cannot serve for "
                            + "\(model) \(staged.version) \(staged.table[index].path), which is fetched; nothing of ours changes a published "
                            + "file: look who wrote to it, and take its version out to have it fetched anew"))
                return false
            }
        }
    }
}

extension AgentSettings {
    func reuseRules(of source: any ModelSource) -> ReuseRules {
        ReuseRules(mode: reuse, acceptsUnverified: !requiresVerification) { source.content(of: $0, in: $1) }
    }
}

/// Counts the bytes of a version as they come, from wherever, for status and telemetry.
final class Arrivals: Sendable {
    private struct Counts {
        var staged: Int64
        var reusedFiles = 0
        var reusedBytes: Int64 = 0
    }

    private let staged: StagedVersion
    private let fetcher: VersionFetcher
    private let counts: Lock<Counts>

    init(of staged: StagedVersion, to fetcher: VersionFetcher) {
        self.staged = staged
        self.fetcher = fetcher
        counts = Lock(Counts(staged: staged.stagedBytes))
        tellProgress(staged.stagedBytes)
        let (files, bytes) = staged.reused
        if files > 0 { tell(files, bytes) }
    }

    /// Bytes that were not staged at the begin, and did not come from the source either.
    var reused: Int64 { counts.withLock { $0.reusedBytes } }

    func noteFetched(_ bytes: Int64) {
        add(bytes)
        fetcher.telemetry.record(.fetched(model: fetcher.model, bytes: bytes))
    }

    /// A file of a published version serves for one that was missing.
    func noteReused(_ bytes: Int64) {
        counts.withLock {
            $0.reusedFiles += 1
            $0.reusedBytes += bytes
        }
        add(bytes)
    }

    /// Says what was reused since the begin; to be called once.
    func tellReuse() {
        let counts = counts.withLock { $0 }
        if counts.reusedFiles > 0 { tell(counts.reusedFiles, counts.reusedBytes) }
    }

    private func add(_ bytes: Int64) {
        tellProgress(
            counts.withLock {
                $0.staged += bytes
                return $0.staged
            })
    }

    private func tellProgress(_ bytes: Int64) {
        fetcher.onProgress(FetchProgress(version: staged.version, stagedBytes: bytes, totalBytes: staged.table.totalSize))
    }

    private func tell(_ files: Int, _ bytes: Int64) {
        fetcher.telemetry.record(.reused(model: fetcher.model, version: staged.version, files: files, bytes: bytes))
    }
}

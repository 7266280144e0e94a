import FileIO
import ModelSources
import Servables
import SystemPackage
import Volume

// MARK: - What is in the way of a version: a directory of somebody else's, or what was published before

extension VersionFetcher {
    /// Looks at a directory that is there without a manifest: adopts it where every file was read and equals the source's, else
    /// fetches the version and puts it in its place (CONTRACT section 4). `place` is the version as the directory spells it.
    func examine(_ version: Version, at place: Version) async throws(SourceError) {
        let table = try await readyTable(version)
        let found = try await onVolume { [volume, model] () throws(VolumeError) in try volume.read(model, place, as: table) }
        if found != nil, let verifications = try await compare(version, at: place, table) {
            guard try await readyTable(version) == table else { throw unsteady(version) }
            try await adopt(place, table, verifications)
            return
        }
        telemetry.record(
            .notice(
                "\(model) \(version) is on the volume without a manifest, and nothing shows that it is what "
                    + "\(source.location) has: it is fetched"))
        let checksums = found.map { Replaced.checksums(of: table, $0) }
        _ = try await fetch(version, replacing: Replaced(place: place, isOurs: false, checksums: checksums))
    }

    /// Fetches a published version whose files are others in the source now, and puts it in the place of what was published
    /// (`--on-changed republish`). `place` is the version as its directory spells it.
    /// - Returns: `held` where the version is not ready as it is now.
    func republish(_ version: Version, at place: Version) async throws(SourceError) -> Outcome {
        if case .held(let reason, let wait) = try await source.contents(of: version) { return .held(reason, lookAgainIn: wait) }
        let published = try await onVolume { [volume, model] () throws(VolumeError) in try volume.published(model, place) }
        let checksums = published.map { Replaced.checksums(of: $0.table, $0.verifications) }
        return try await fetch(version, replacing: Replaced(place: place, isOurs: true, checksums: checksums))
    }

    /// Fetches a published version anew, whatever its manifest says of what is there, and puts it in the place of that
    /// (`verify --repair`). Nothing of the volume is reused: what is damaged may be shared. `place` is the version as its directory spells it.
    func repair(_ version: Version, at place: Version) async throws(SourceError) {
        _ = try await fetch(version, replacing: Replaced(place: place, isOurs: true, checksums: nil), reuse: .off)
        try await onVolume { [volume, model] () throws(VolumeError) in try volume.endRepair(model, place) }
    }

    /// A directory that a fetched version takes the place of.
    struct Replaced {
        /// The version as it spells it.
        let place: Version
        /// Whether a manifest of ours covers it.
        let isOurs: Bool
        /// CRC-64/NVME by path, and empty directories with none, byte for byte; `nil` where nobody knows.
        let checksums: [[UInt8]: UInt64?]?

        static func checksums(of table: FileTable, _ verifications: [Verification]) -> [[UInt8]: UInt64?] {
            var checksums: [[UInt8]: UInt64?] = [:]
            for (entry, verification) in zip(table, verifications) {
                checksums[Array(entry.path.utf8)] = .some(verification.crc64nvme)
            }
            for path in table.emptyDirectories { checksums[Array(path.utf8) + [UInt8(ascii: "/")]] = .some(nil) }
            return checksums
        }
    }

    /// - Returns: `nil` where a file differs, or nothing tells.
    private func compare(
        _ version: Version, at place: Version, _ table: FileTable
    ) async throws(SourceError) -> [Verification]? {
        let directory = volume.layout.version(model, place)
        var verifications: [Verification] = []
        for entry in table {
            if Task.isCancelled { throw stopped("compare", version) }
            let local = LocalFile(
                path: directory.appending(entry.path), size: entry.size, fileSystem: volume.fileSystem, reader: workers.bulk)
            guard let verification = try await source.verify(entry, of: version, against: local) else { return nil }
            verifications.append(verification)
        }
        return verifications
    }

    private func adopt(_ version: Version, _ table: FileTable, _ verifications: [Verification]) async throws(SourceError) {
        try await onVolume { [volume, model, source] () throws(VolumeError) in
            try volume.adopt(model, version, table: table, source: source.location, verifications: verifications)
        }
        telemetry.record(.adopted(model: model, version: version, files: table.count, bytes: table.totalSize))
    }

    /// Notes that what is in place is what the source has.
    func keep(
        _ replaced: Replaced, _ table: FileTable, _ verifications: [Verification]
    ) async throws(SourceError) {
        guard replaced.isOurs else { return try await adopt(replaced.place, table, verifications) }
        try await onVolume { [volume, model, source] () throws(VolumeError) in
            try volume.restate(model, replaced.place, table: table, source: source.location, verifications: verifications)
        }
        telemetry.record(
            .notice(
                "\(model) \(replaced.place) has the same bytes as before in \(source.location), written again: it stays in place")
        )
    }
}

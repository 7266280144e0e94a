import FileIO
public import Servables
import SystemPackage

/// What came of reading a published version again.
public struct VersionCheck: Hashable, Sendable {
    /// A file that is not what was published.
    public struct Damage: Hashable, Sendable {
        /// Below the version's directory.
        public let path: String
        /// One clause.
        public let reason: String
    }

    public let version: Version
    /// What was published of it.
    public let files: Int
    public let bytes: Int64
    /// Where it came from.
    public let source: String
    /// In the order in which it was published.
    public internal(set) var damage: [Damage] = []
    /// What lies in its directory and was not published, such as a server leaves there: no damage. Of a whole directory its own name,
    /// with a slash at its end.
    public internal(set) var additions: [String] = []
}

extension Volume {
    /// Reads every file of a version of ours and compares it with what its manifest says. Changes nothing, and needs no lock.
    /// - Parameters:
    ///   - model: its name.
    ///   - version: as it is spelled on the volume.
    /// - Returns: `nil` where no manifest of ours covers it, or it was taken out meanwhile.
    /// - Throws: where the volume cannot be read, as far as that tells nothing of the data.
    public func verify(_ model: String, _ version: Version) throws(VolumeError) -> VersionCheck? {
        guard let before = try header(of: version, model), let published = try published(model, version) else { return nil }
        let check = try doing("verify \(model) \(version)") { () throws(FileError) in
            let place = try place(of: version, model)
            var check = VersionCheck(
                version: version, files: published.table.count, bytes: published.table.totalSize,
                source: before.source)
            for path in published.table.emptyDirectories where try fileSystem.status(place.appending(path))?.kind != .directory {
                check.damage.append(VersionCheck.Damage(path: path, reason: "the directory is missing"))
            }
            for (entry, verification) in zip(published.table, published.verifications) {
                guard let reason = try difference(entry, verification, in: place) else { continue }
                check.damage.append(VersionCheck.Damage(path: entry.path, reason: reason))
            }
            check.additions = try additions(to: published.table, in: place)
            return check
        }
        // What was pruned or replaced while it was read is neither damaged nor whole.
        guard try header(of: version, model) == before else { return nil }
        return check
    }

    private func header(of version: Version, _ model: String) throws(VolumeError) -> ManifestHeader? {
        try doing("read the manifest of \(model) \(version)") { () throws(FileError) in
            guard let header = try manifests.header(model, version) else { return nil }
            return try fileSystem.status(try place(of: version, model))?.kind == .directory ? header : nil
        }
    }

    private func difference(
        _ entry: FileEntry, _ verification: Verification, in place: FilePath
    ) throws(FileError) -> String? {
        let path = place.appending(entry.path)
        do throws(FileError) {
            guard let status = try fileSystem.status(path) else { return "it is missing" }
            guard status.kind == .file else { return "it is no regular file" }
            guard status.size == entry.size else { return "it has \(status.size) bytes instead of \(entry.size)" }
            var checksum = RunningChecksum()
            let file = try fileSystem.open(path, .read)
            try fileSystem.forEachChunk(of: file) { checksum.update($0) }
            if checksum.length == entry.size, checksum.crc64nvme == verification.crc64nvme { return nil }
            return "it does not have the bytes that were published"
        } catch {
            guard tellsOfData(error) else { throw error }
            return "\(error)"
        }
    }

    /// The names that the table does not have; nothing is followed.
    private func additions(to table: FileTable, in place: FilePath) throws(FileError) -> [String] {
        var directories: Set<[UInt8]> = [[]]
        for path in expectedDirectories(table) { directories.insert(Array(path.string.utf8)) }
        var files: Set<[UInt8]> = []
        for entry in table { files.insert(Array(entry.path.utf8)) }
        var additions: [String] = []
        var waiting = [""]
        while let directory = waiting.popLast() {
            for name in try fileSystem.listIfThere(directory.isEmpty ? place : place.appending(directory)).sorted() {
                let path = directory.isEmpty ? name : "\(directory)/\(name)"
                let key = Array(path.utf8)
                let isDirectory = try fileSystem.status(place.appending(path))?.kind == .directory
                if isDirectory, directories.contains(key) {
                    waiting.append(path)
                } else if isDirectory || !files.contains(key) {
                    additions.append(isDirectory ? path + "/" : path)
                }
            }
        }
        return additions.sorted()
    }
}

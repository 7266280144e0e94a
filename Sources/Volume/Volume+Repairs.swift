import FileIO
public import Servables
import SystemPackage

// MARK: - Versions that are to be fetched anew since they are damaged (`verify --repair`)

extension Volume {
    /// Asks whoever holds the volume, now or later, to fetch a published version anew. The request is of what is published now: another
    /// content of the number is not meant. Needs no lock.
    /// - Parameters:
    ///   - model: its name.
    ///   - version: as it is spelled in the base path.
    /// - Returns: `false` where no manifest of ours covers it.
    /// - Throws: where the state directory cannot be written.
    @discardableResult
    public func requestRepair(_ model: String, _ version: Version) throws(VolumeError) -> Bool {
        try doing("ask for a repair of \(model) \(version)") { () throws(FileError) in
            guard let header = try manifests.header(model, version) else { return false }
            for directory in [layout.repairs, layout.repairs(model)] { try fileSystem.makeDirectory(directory, mode: 0o755) }
            try fileSystem.replaceFile(
                layout.repairs(model).appending(version.name), with: Array(Self.mark(header.summary).utf8), mode: 0o644)
            return true
        }
    }

    /// Takes a request back, if there is one.
    public func endRepair(_ model: String, _ version: Version) throws(VolumeError) {
        try doing("end the repair of \(model) \(version)") { () throws(FileError) in
            guard try fileSystem.removeFile(layout.repairs(model).appending(version.name)) else { return }
            for directory in [layout.repairs(model), layout.repairs] {
                do throws(FileError) { try fileSystem.removeDirectory(directory) } catch {
                    guard error.errno == .directoryNotEmpty || error.errno == .fileExists else { throw error }
                }
            }
        }
    }

    /// The published versions that are to be fetched anew.
    func repairs(_ model: String, of entries: [VolumeEntry]) throws(FileError) -> Set<Version> {
        guard try fileSystem.status(layout.repairs(model))?.kind == .directory else { return [] }
        var versions: Set<Version> = []
        for name in try fileSystem.listIfThere(layout.repairs(model)) {
            guard let version = Version(name), let entry = entries.first(where: { $0.version == version }),
                let manifest = entry.manifest, let request = try fileSystem.openIfThere(layout.repairs(model).appending(name))
            else { continue }
            var text: [UInt8] = []
            try fileSystem.forEachChunk(of: request, in: 0..<64, chunk: 64) { text.append(contentsOf: $0) }
            if text == Array(Self.mark(manifest).utf8) { versions.insert(version) }
        }
        return versions
    }

    /// Requests go that are of nothing that is published.
    func recoverRepairs() throws(FileError) {
        guard try fileSystem.status(layout.repairs)?.kind == .directory else { return }
        for model in try fileSystem.listIfThere(layout.repairs) {
            var versions: [Version: ManifestSummary] = [:]
            for version in try manifests.entries(model).versions {
                if let header = try manifests.header(model, version) { versions[version] = header.summary }
            }
            let entries = versions.map { VolumeEntry(version: $0.key, kind: .published($0.value)) }
            let meant = try repairs(model, of: entries)
            for name in try fileSystem.listIfThere(layout.repairs(model)) where !meant.contains(where: { $0.name == name }) {
                try fileSystem.removeTree(layout.repairs(model).appending(name))
            }
        }
    }

    /// What was published is known by its time: another content of a number has another.
    private static func mark(_ manifest: ManifestSummary) -> String {
        "\(manifest.publishedAt.secondsSinceEpoch).\(manifest.publishedAt.nanoseconds)"
    }
}

import FileIO
public import Servables
import SystemPackage

extension Volume {
    /// What the volume holds of a model. Reads names and, where one changed, manifests.
    ///
    /// A version that lies aside is not listed as such while the base path has anything of its number.
    public func inventory(_ model: String) throws(VolumeError) -> Inventory {
        try requireHeld()
        return try doing("look at what \(layout.base(model)) holds") { () throws(FileError) in
            let aside = try asideEntries(model)
            let status = try fileSystem.status(layout.base(model))
            var inventory = Inventory(
                hasBasePath: status?.kind == .directory,
                entries: status?.kind == .directory ? try entries(model, aside) : [],
                staged: try staged(model))
            if !aside.isEmpty { try list(aside, model, in: &inventory) }
            inventory.repairs = try repairs(model, of: inventory.entries)
            return inventory
        }
    }

    /// The models that the volume has manifests of, those of versions that lie aside included.
    public func knownModels() throws(VolumeError) -> [String] {
        try doing("read \(layout.manifests)") { () throws(FileError) in try manifests.models() }
    }

    private func entries(_ model: String, _ aside: [AsideEntry]) throws(FileError) -> [VolumeEntry] {
        var entries: [VolumeEntry] = []
        for name in try fileSystem.listIfThere(layout.base(model)) {
            guard let version = Version(name) else { continue }
            // Gone since the listing.
            guard let status = try fileSystem.status(layout.version(model, version)) else { continue }
            let kind: VolumeEntry.Kind
            switch status.kind {
            case .directory:
                // Where it lies aside the manifest is not that of what is here, unless it came back since.
                let other = aside.first { $0.version.name == version.name }
                let isOther = if let other { try fileSystem.status(other.path) != nil } else { false }
                if !isOther, let header = try manifests.header(model, version) {
                    kind = .published(header.summary)
                } else {
                    kind = .unknownDirectory
                }
            case .file: kind = .obstacle("a file named as a version; it hides the version from the server: move it away")
            case .symlink: kind = .obstacle("a symlink named as a version, which is never followed: move it away")
            case .other: kind = .obstacle("neither directory nor file: move it away")
            }
            entries.append(VolumeEntry(version: version, kind: kind))
        }
        return oneOfEachNumber(entries).sorted { $0.version > $1.version }
    }

    private func list(_ aside: [AsideEntry], _ model: String, in inventory: inout Inventory) throws(FileError) {
        // Of several of one number the first counts.
        var seen = Set(inventory.entries.map(\.version))
        let kept = aside.filter { $0.form == .whole }
        let order =
            kept.filter { $0.aside == .refused } + kept.filter { $0.aside == .parked } + aside.filter { $0.form == .givenUp }
        for entry in order where !seen.contains(entry.version) {
            guard let summary = try manifests.header(model, entry.version)?.summary else { continue }
            seen.insert(entry.version)
            switch entry.aside {
            case .parked: inventory.parked.append(VolumeEntry(version: entry.version, kind: .published(summary)))
            case .refused:
                // Killed before it was noted why. A rename is the last change of a directory, and its time stays the same.
                let refusal = summary.refusal ?? LoadRefusal(reason: "", at: entry.status.changed, count: 1)
                inventory.refused.append(
                    RefusedVersion(
                        version: entry.version, manifest: summary, refusal: refusal, isKept: entry.form == .whole))
            }
        }
        inventory.parked.sort { $0.version > $1.version }
        inventory.refused.sort { $0.version > $1.version }
    }

    /// Of several names of one number the published one counts; without one the number is an obstacle.
    private func oneOfEachNumber(_ entries: [VolumeEntry]) -> [VolumeEntry] {
        var chosen: [VolumeEntry] = []
        for (_, same) in Dictionary(grouping: entries, by: \.version) {
            guard same.count > 1, let first = same.first else {
                chosen += same
                continue
            }
            if let published = same.first(where: { $0.manifest != nil }) {
                chosen.append(published)
            } else {
                let names = same.map(\.version.name).joined(separator: ", ")
                chosen.append(
                    VolumeEntry(
                        version: first.version, kind: .obstacle("several names of one number: \(names); remove all but one")))
            }
        }
        return chosen
    }

    private func staged(_ model: String) throws(FileError) -> [Version] {
        guard try fileSystem.status(layout.staging(model))?.kind == .directory else { return [] }
        return try fileSystem.listIfThere(layout.staging(model)).compactMap { Version($0) }.sorted(by: >)
    }
}

extension FileSystem {
    /// The entries of a directory, or none where it went away: looks at the volume run beside works that remove.
    func listIfThere(_ path: FilePath) throws(FileError) -> [String] {
        do throws(FileError) { return try list(path) } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return []
        }
    }
}

extension Volume {
    /// How many bytes of a version are staged, as its record says.
    public func stagedBytes(_ model: String, _ version: Version) throws(VolumeError) -> Int64 {
        let record = layout.staging(model, version).appending(VolumeLayout.progress)
        return try doing("read \(record)") { () throws(FileError) in
            var recorded = RecordedProgress()
            try Journal.read(record, fileSystem: fileSystem) { recorded.replay($0) }
            return recorded.stagedBytes
        }
    }

    /// The models that the volume holds anything of: a base path with entries named as versions, or manifests, or staged versions.
    public func modelNames() throws(VolumeError) -> [String] {
        try doing("read \(layout.root)") { () throws(FileError) in
            var names = Set(try manifests.models())
            if try fileSystem.status(layout.staging)?.kind == .directory { names.formUnion(try fileSystem.list(layout.staging)) }
            for name in try fileSystem.list(layout.root) where !name.hasPrefix(".") && !names.contains(name) {
                let path = layout.base(name)
                guard path != layout.state, try fileSystem.status(path)?.kind == .directory else { continue }
                if try hasVersions(path) { names.insert(name) }
            }
            return names.sorted()
        }
    }

    private func hasVersions(_ path: FilePath) throws(FileError) -> Bool {
        do throws(FileError) {
            return try fileSystem.list(path).contains { Version($0) != nil }
        } catch {
            // Root's `lost+found` is on every ext4 volume.
            guard error.errno == .permissionDenied || error.errno == .noSuchFileOrDirectory else { throw error }
            return false
        }
    }

    /// Who holds the lock now, if anybody does. Asks by taking it for a moment where nobody has it.
    public func activeHolder() throws(VolumeError) -> String? {
        let isFree = try doing("look at the lock of \(layout.root)") { () throws(FileError) in
            let root = try fileSystem.openDirectory(layout.root)
            return try root.tryLock(shared: true)
        }
        return isFree ? nil : holder() ?? "another process"
    }
}

import FileIO
public import Servables
import SystemPackage

/// A refused version whose files had to make room.
public struct GivenUpVersion: Hashable, Sendable {
    public let model: String
    public let version: Version
    /// Bytes of its files, as its manifest says; those that another version shares do not become free.
    public let bytes: Int64
}

extension Volume {
    /// Drops a refused version, whether its files are kept or not, and with its manifest that it was refused; the space comes back
    /// with the next `sweep`. Does nothing to a version that is not refused.
    public func forget(_ model: String, refused version: Version) throws(VolumeError) {
        let place = layout.aside(.refused, model, version)
        try doing("drop \(place)") { () throws(FileError) in
            let entries = try asideEntries(model, [.refused]).filter { $0.version.name == version.name }
            for entry in entries { try moveToTrash(entry.path, label: "\(model)-\(version.name)") }
            if !entries.isEmpty { try fileSystem.syncDirectory(layout.aside(.refused, model)) }
            // An earlier attempt may have come as far as this.
            let other = try fileSystem.status(layout.version(model, version))
            if !entries.isEmpty || other == nil, try !liesAside(model, version) { try manifests.remove(model, version) }
        }
    }

    /// Gives up the files of every refused version of every model, since their space is needed; it comes back with the next `sweep`.
    /// Their manifests stay, and they are still listed as refused. Needs no space itself.
    /// - Returns: what was given up now.
    /// - Throws: where that was nothing because of a failure; else what failed is left to the next call, or to `recover`.
    public func giveUpRefused() throws(VolumeError) -> [GivenUpVersion] {
        let top = layout.aside(.refused)
        return try doing("give up what is in \(top)") { () throws(FileError) in
            guard try fileSystem.status(top)?.kind == .directory else { return [] }
            var givenUp: [GivenUpVersion] = []
            var failure: FileError?
            for model in try fileSystem.listIfThere(top) {
                do throws(FileError) { try giveUpRefused(model) { givenUp.append($0) } } catch { failure = failure ?? error }
            }
            if let failure, givenUp.isEmpty { throw failure }
            return givenUp
        }
    }

    private func giveUpRefused(_ model: String, _ take: (GivenUpVersion) -> Void) throws(FileError) {
        let entries = try asideEntries(model, [.refused])
        if entries.isEmpty { return }
        for entry in entries where entry.form == .givenUp { try empty(entry, model) }
        for entry in entries where entry.form == .whole {
            guard let header = try manifests.header(model, entry.version) else {
                try moveToTrash(entry.path, label: "\(model)-\(entry.version.name)")
                continue
            }
            // One rename, and no new directory, for which a full disk has no room: it is refused at every instant.
            let place = layout.aside(.refused, model, entry.version, .givenUp)
            try moveToTrash(place, label: "\(model)-\(entry.version.name)")
            try fileSystem.renameWithoutReplacing(entry.path, place)
            // Else the power may go with files gone from what counts as whole.
            try fileSystem.syncDirectory(layout.aside(.refused, model))
            take(GivenUpVersion(model: model, version: entry.version, bytes: header.summary.bytes))
            if let renamed = AsideEntry(
                .refused, in: layout.aside(.refused, model), entry.version.name + Aside.Form.givenUp.suffix, entry.status)
            {
                try empty(renamed, model)
            }
        }
        try fileSystem.syncDirectory(layout.aside(.refused, model))
    }
}

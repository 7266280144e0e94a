import FileIO
public import Servables
import SystemPackage

extension Volume {
    /// Takes a model off the volume: its versions in the order in which a server would miss them least, each by one rename, first
    /// those that lie aside, what is staged of it, and its base path where nothing is left in it. Only while nobody else works on the
    /// model.
    /// - Parameters:
    ///   - model: its name.
    ///   - prunesForeign: takes versions without a manifest of ours, too.
    ///   - pruned: hears of each version, but not of a refused one whose files were given up before.
    /// - Returns: what stays, since it is not ours.
    /// - Throws: where it came to a stop; calling it again goes on from there.
    public func retire(
        _ model: String, prunesForeign: Bool, pruned: (Version) -> Void
    ) throws(VolumeError) -> [String] {
        let inventory = try inventory(model)
        for entry in inventory.refused {
            try forget(model, refused: entry.version)
            if entry.isKept { pruned(entry.version) }
        }
        for entry in inventory.parked.reversed() {
            try prune(model, entry.version)
            pruned(entry.version)
        }
        for entry in inventory.entries.sorted(by: { $0.version < $1.version }) {
            guard entry.manifest != nil || prunesForeign && entry.kind == .unknownDirectory else { continue }
            try prune(model, entry.version)
            pruned(entry.version)
        }
        for version in inventory.staged { try discard(model, version) }
        let base = layout.base(model)
        return try doing("clear up \(base)") { () throws(FileError) in
            // What the inventory does not list: an entry of the base path hides it, or it has no manifest.
            for aside in Aside.allCases {
                guard try fileSystem.status(layout.aside(aside))?.kind == .directory else { continue }
                try moveToTrash(layout.aside(aside, model), label: "\(model)-\(aside)")
            }
            // Of a base path that is gone; it will not come back now.
            for version in try manifests.entries(model).versions { try manifests.remove(model, version) }
            try removeModelFiles(model)
            let left = try fileSystem.listIfThere(base)
            if left.isEmpty, try fileSystem.removeDirectory(base) { try fileSystem.syncDirectory(layout.root) }
            return left
        }
    }

    /// Keeps a list of models as the last good one (CONTRACT section 4). Needs the lock.
    public func keepList(_ text: [UInt8]) throws(VolumeError) {
        try doing("write \(layout.list)") { () throws(FileError) in
            if try listIfKept() == text { return }
            try fileSystem.replaceFile(layout.list, with: text, mode: 0o644)
        }
    }

    /// The last good list of models; `nil` where none was kept.
    public func keptList() throws(VolumeError) -> [UInt8]? {
        try doing("read \(layout.list)") { () throws(FileError) in try listIfKept() }
    }

    private func listIfKept() throws(FileError) -> [UInt8]? {
        guard try fileSystem.status(layout.list)?.kind == .file else { return nil }
        return try fileSystem.readFile(layout.list, limit: Self.listLimit)
    }

    /// Bytes of a list of models.
    public static let listLimit = 4 << 20
}

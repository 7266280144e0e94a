import FileIO
public import Servables
import SystemPackage

// MARK: - Versions that are taken out and may come back (CONTRACT section 4)

extension Volume {
    /// Takes a version out of its base path by one rename, so that the server loads a lower one (CONTRACT P2). It keeps its manifest,
    /// and lies among the parked ones until ``unpark(_:_:)`` or ``prune(_:_:)``.
    ///
    /// Called again after a failure it finishes what was begun.
    /// - Throws: `notOurs` where no manifest of ours covers what is there (CONTRACT P7).
    public func park(_ model: String, _ version: Version) throws(VolumeError) {
        try takeOut(model, version, to: .parked)
    }

    /// Puts a parked version back into its base path by one rename; a base path that is gone comes back together with it.
    ///
    /// Where it is back and that could not be made durable, this is an error all the same, and the version stays: its data was
    /// durable before, and after a power failure it is parked at worst. Called again, when the version is in place, it only syncs.
    /// - Throws: `occupied`, with nothing changed, where the base path has something of its number; `notOurs` where it is neither
    ///   parked nor in place.
    public func unpark(_ model: String, _ version: Version) throws(VolumeError) {
        try bringIn(model, version, from: .parked)
    }

    /// Takes a version out of its base path by one rename, since the server could not load it (CONTRACT P2), and notes that in its
    /// manifest. It counts as refused from the rename on: killed before the note, it is so for no known reason.
    ///
    /// Called again after a failure it finishes what was begun.
    /// - Parameters:
    ///   - model: its name.
    ///   - version: as it is spelled in the base path.
    ///   - reason: the server's words; control characters become spaces, and what exceeds 1,000 bytes goes.
    /// - Throws: `notOurs` where no manifest of ours covers what is there (CONTRACT P7).
    public func refuse(_ model: String, _ version: Version, reason: String) throws(VolumeError) {
        let isMoved = try takeOut(model, version, to: .refused)
        let reason = ManifestText.oneLine(reason)
        try doing("write the manifest of \(model) \(version)") { () throws(FileError) in
            let old = try manifests.header(model, version)?.summary.refusal
            // Only the sync of an earlier attempt's note failed: that one counted.
            if !isMoved, old?.reason == reason { return }
            let count = min((old?.count ?? 0) + 1, Int(ManifestText.mostRefusals))
            try manifests.update(model, version) { $0.refusal = LoadRefusal(reason: reason, at: time.now(), count: count) }
        }
    }

    /// Puts a refused version back into its base path by one rename, as ``unpark(_:_:)`` does. Its manifest remembers how often it was
    /// refused.
    /// - Throws: `occupied`, with nothing changed, where the base path has something of its number; `notOurs` where it is neither
    ///   refused nor in place, or its files were given up.
    public func readmit(_ model: String, _ version: Version) throws(VolumeError) {
        try bringIn(model, version, from: .refused)
    }

    // MARK: - The renames

    /// - Returns: whether it was there, and not taken out by an earlier attempt.
    @discardableResult
    private func takeOut(_ model: String, _ version: Version, to aside: Aside) throws(VolumeError) -> Bool {
        let source = layout.version(model, version)
        let (isThere, isAside, isOurs) = try doing("look at \(source)") { () throws(FileError) in
            let status = try fileSystem.status(source)
            let isAside = try kept(aside, model, version) != nil
            // What lies aside has the manifest, whatever others put into its place.
            let isOther = if let status { try status.kind != .directory ? true : liesAside(model, version) } else { false }
            let isOurs = try manifests.header(model, version) != nil && !isOther
            return (status != nil, isAside, isOurs)
        }
        guard isOurs, isThere || isAside else { throw .notOurs(source) }
        try doing("take \(source) out") { () throws(FileError) in
            if isThere {
                try makeAside(aside, model)
                // Of its number under another name; then, what is no version.
                try dropAside(model, version)
                let target = layout.aside(aside, model, version)
                try moveToTrash(target, label: "\(model)-\(version.name)-\(aside)")
                try fileSystem.renameWithoutReplacing(source, target)
                onChange(BasePathChange(.prune, model: model, version: version, directory: source.string))
            }
            // First where it is now: where a rename is two steps to the disk, it must not be in neither.
            try fileSystem.syncDirectory(layout.aside(aside, model))
            try syncBase(model)
        }
        return isThere
    }

    private func bringIn(_ model: String, _ version: Version, from aside: Aside) throws(VolumeError) {
        let (source, base, target) = (layout.aside(aside, model, version), layout.base(model), layout.version(model, version))
        let (isAside, isOurs, isBack) = try doing("look at \(source)") { () throws(FileError) in
            try takeBack(aside, model, version)
            let isAside = try kept(aside, model, version) != nil
            let isOurs = try manifests.header(model, version) != nil
            let isThere = try fileSystem.status(target)?.kind == .directory
            return (isAside, isOurs, isThere ? try !liesAside(model, version) : false)
        }
        guard isOurs, isAside || isBack else { throw .notOurs(source) }
        if isBack {
            // An earlier attempt came as far as the rename.
            return try doing("sync \(base)") { () throws(FileError) in try syncBase(model, isNew: true) }
        }
        let status = try doing("look at \(base)") { () throws(FileError) in try fileSystem.status(base) }
        if let status {
            guard status.kind == .directory else { throw .notDirectory(base) }
            let names = try doing("read \(base)") { () throws(FileError) in try fileSystem.listIfThere(base) }
            if let name = names.first(where: { Version($0) == version }) { throw .occupied(base.appending(name)) }
        }
        try doing("bring back \(target)", or: { $0.errno == .fileExists ? .occupied(target) : nil }) { () throws(FileError) in
            if status == nil {
                try bringBack(from: aside, model, version)
            } else {
                try fileSystem.renameWithoutReplacing(source, target)
            }
            // The server sees it from here on, whatever comes of the syncs.
            onChange(BasePathChange(.publish, model: model, version: version, directory: target.string))
            defer { if status == nil { forgetOthers(of: model, than: version) } }
            try syncBase(model, isNew: status == nil)
            try fileSystem.syncDirectory(layout.aside(aside, model))
        }
    }

    private func bringBack(from aside: Aside, _ model: String, _ version: Version) throws(FileError) {
        let whole = layout.aside(aside, model, version, .onItsWay)
        do throws(FileError) {
            try moveToTrash(whole, label: "\(model)-\(version.name)-base")
            try bringBack(model, with: version, from: layout.aside(aside, model, version), by: whole)
        } catch {
            // Where that fails, too, the next attempt does it, or the next start.
            try? takeBack(aside, model, version)
            throw error
        }
    }

    /// Makes durable what a rename did to a base path, if it is still there.
    /// - `isNew`: it may have come back with a version.
    private func syncBase(_ model: String, isNew: Bool = false) throws(FileError) {
        guard try fileSystem.status(layout.base(model)) != nil else { return }
        try fileSystem.syncDirectory(layout.base(model))
        if isNew { try fileSystem.syncDirectory(layout.root) }
    }
}

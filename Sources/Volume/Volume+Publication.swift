import FileIO
public import Servables
import SystemPackage

extension Volume {
    /// Makes what is staged durable, as ``publish(_:sync:)`` does where this was not done before: so that what takes long is over when
    /// the version is to be visible.
    public func seal(_ staged: StagedVersion, sync: SyncTime) throws(VolumeError) {
        do throws(VolumeError) { try seal(staged, possible(sync)) } catch {
            throw given(up: staged, error)
        }
    }

    /// Where boots cannot be told apart, nobody would know later what to read again.
    private func possible(_ sync: SyncTime) -> SyncTime { boot.isEmpty ? .before : sync }

    /// Where a sync fails the kernel may have dropped the data: what was staged is thrown away, and so is fetched again.
    private func given(up staged: StagedVersion, _ error: VolumeError) -> VolumeError {
        if case .file(let failure, _) = error, failure.operation == FileOperation.fsync.rawValue {
            try? discard(staged.model, staged.version)
        }
        return error
    }

    /// Makes a staged version visible: files, then directories are synced, the manifest is written, the tree is renamed into the base
    /// path, the base path is synced (CONTRACT P1, P2, P5).
    /// - `sync`: with `after` only the manifest is synced, and says that the rest is not; ``sync(_:_:bytesAtOnce:isStopped:)`` does that.
    public func publish(_ staged: StagedVersion, sync: SyncTime = .before) throws(VolumeError) {
        let (model, version) = (staged.model, staged.version)
        let target = layout.version(model, version)
        let sync = possible(sync)
        try requireHeld()
        let isOccupied = try doing("look at \(target)") { () throws(FileError) in try fileSystem.status(target) != nil }
        // Before the manifest is written, which would make what is there pass for ours.
        if isOccupied { throw .occupied(target) }
        do throws(VolumeError) {
            try seal(staged, sync)
            try doing("clear the way for \(target)") { () throws(FileError) in try dropAside(model, version) }
            try writeManifest(staged, sync)
            try moveIntoPlace(staged, sync)
        } catch {
            let error = given(up: staged, error)
            // A manifest without its version would vouch for whatever others put there.
            if !isInPlace(target, error), !mayLieAside(model, version) { try? manifests.remove(model, version) }
            throw error
        }
        staged.end()
        onChange(BasePathChange(.publish, model: model, version: version, directory: target.string))
        // Only its record is left; losing the race with a kill here costs nothing, since a start sweeps it.
        try? discard(model, version)
    }

    /// Whether a publication that failed got as far as its rename. Where nobody can tell, a later start does (`recover`).
    private func isInPlace(_ target: FilePath, _ error: VolumeError) -> Bool {
        if case .occupied = error { return false }
        do throws(FileError) { return try fileSystem.status(target) != nil } catch { return true }
    }

    /// Whether a manifest may be that of a version that lies aside, so that it must stay. Where nobody can tell, a later start does.
    private func mayLieAside(_ model: String, _ version: Version) -> Bool {
        do throws(FileError) { return try liesAside(model, version) } catch { return true }
    }

    /// Notes a directory that was there before us as ours, without touching it. What lies aside of the version goes.
    public func adopt(
        _ model: String, _ version: Version, table: FileTable, source: String, verifications: [Verification]
    ) throws(VolumeError) {
        precondition(verifications.count == table.count, "every file was verified")
        let header = header(model, version, table: table, source: source, isAdopted: true, verifications: verifications)
        try doing("write the manifest of \(model) \(version)") { () throws(FileError) in
            try dropAside(model, version)
            try write(header, table: table, verifications)
        }
    }

    /// - `verifications`: in the table's order.
    /// - `tree`: where the files lie, if nobody but us has written to them.
    func write(
        _ header: ManifestHeader, table: FileTable, _ verifications: [Verification], in tree: FilePath? = nil
    ) throws(FileError) {
        try manifests.write(header) { (take) throws(FileError) in
            for index in table.indices {
                let entry = table[index]
                var stamp: FileStamp?
                if let tree { stamp = try fileSystem.status(tree.appending(entry.path))?.stamp }
                try take(ManifestFile(entry: entry, verification: verifications[index], stamp: stamp))
            }
        }
    }

    /// Takes a version out of its base path by one rename, or out of the parked ones if it is there; the space comes back with the
    /// next `sweep` (CONTRACT P2, P7).
    public func prune(_ model: String, _ version: Version) throws(VolumeError) {
        let path = layout.version(model, version)
        try doing("prune \(path)") { () throws(FileError) in
            if try fileSystem.status(path) == nil, let parked = try kept(.parked, model, version) {
                try moveToTrash(parked, label: "\(model)-\(version.name)")
                try fileSystem.syncDirectory(layout.aside(.parked, model))
            } else {
                if try moveToTrash(path, label: "\(model)-\(version.name)") {
                    onChange(BasePathChange(.prune, model: model, version: version, directory: path.string))
                }
                try fileSystem.syncDirectory(layout.base(model))
            }
            // After the rename: a version without a manifest would be foreign. That of one that lies aside is not this one's.
            if try !liesAside(model, version) { try manifests.remove(model, version) }
        }
    }

    /// Notes, or takes back, since when a version is no longer aspired.
    public func setReleased(_ model: String, _ version: Version, at time: Timestamp?) throws(VolumeError) {
        try doing("write the manifest of \(model) \(version)") { () throws(FileError) in
            try manifests.update(model, version) { $0.releasedAt = time }
        }
    }

    /// The checksum of every file below a version's directory, for comparing what another program put there.
    /// - Returns: `nil` where the directory does not hold exactly the table's files and directories.
    public func read(_ model: String, _ version: Version, as table: FileTable) throws(VolumeError) -> [Verification]? {
        let place = layout.version(model, version)
        return try doing("read \(place)") { () throws(FileError) in
            guard try holdsExactly(table, in: place) else { return nil }
            var verifications: [Verification] = []
            for entry in table {
                let file = try fileSystem.open(place.appending(entry.path), .read)
                var checksum = RunningChecksum()
                try fileSystem.forEachChunk(of: file) { checksum.update($0) }
                guard checksum.length == entry.size else { return nil }
                verifications.append(Verification(crc64nvme: checksum.crc64nvme, method: .size))
            }
            return verifications
        }
    }

    // MARK: - The steps

    /// Syncs files, then directories from the deepest up, where the tree is what the table says; once.
    /// - `sync`: with `after` only modes are set; nothing is written back either, since the manifest's sync would wait behind it.
    private func seal(_ staged: StagedVersion, _ sync: SyncTime) throws(VolumeError) {
        guard staged.sealed.withLock({ $0 != .before && $0 != sync }) else { return }
        let (tree, target) = (staged.tree, layout.version(staged.model, staged.version))
        for index in staged.table.indices where staged.verification(index) == nil {
            throw .incomplete(target, reason: "\(staged.table[index].path) is not whole")
        }
        let isExact = try doing("look through \(tree)") { () throws(FileError) in
            // All on their way to the disk first, so that no sync waits for what another could have written meanwhile.
            let writesBack = sync == .before && !staged.isInMemory
            return try holdsExactly(staged.table, in: tree) { (path, status) throws(FileError) in
                // What shares its file with a published version has this mode already, and so has what was made by us, but for a umask.
                let hasMode = status.mode == settings.fileMode
                guard writesBack || !hasMode else { return }
                let file = try fileSystem.open(path, .read)
                if !hasMode { try file.setMode(settings.fileMode) }
                if writesBack { file.startWriteback(0..<status.size) }
            }
        }
        guard isExact else { throw .incomplete(target, reason: "the staged tree is not what was listed") }
        try doing("sync \(tree)") { () throws(FileError) in
            let table = staged.table
            if sync == .before { try fileSystem.sync(table.count) { tree.appending(table[$0].path) } }
            for directory in expectedDirectories(staged.table).reversed() { try sealDirectory(tree.pushing(directory), sync) }
            try sealDirectory(tree, sync)
        }
        staged.sealed.withLock { $0 = sync }
    }

    private func sealDirectory(_ path: FilePath, _ sync: SyncTime) throws(FileError) {
        let directory = try fileSystem.openDirectory(path)
        let mode = try directory.status().mode
        // It may have been made with another setting.
        let wanted = settings.directoryMode | (mode & 0o2000)
        if mode != wanted { try directory.setMode(wanted) }
        if sync == .before { try directory.sync() }
    }

    private func writeManifest(_ staged: StagedVersion, _ sync: SyncTime) throws(VolumeError) {
        let verifications = staged.table.indices.compactMap { staged.verification($0) }
        var header = header(
            staged.model, staged.version, table: staged.table, source: staged.source, isAdopted: false,
            verifications: verifications)
        if sync == .after { header.summary.unsyncedBoot = boot }
        try doing("write the manifest of \(staged.model) \(staged.version)") { () throws(FileError) in
            try write(header, table: staged.table, verifications, in: staged.tree)
        }
    }

    private func moveIntoPlace(_ staged: StagedVersion, _ sync: SyncTime) throws(VolumeError) {
        let base = layout.base(staged.model)
        let target = layout.version(staged.model, staged.version)
        try doing("publish \(target)", or: { $0.errno == .fileExists ? .occupied(target) : nil }) { () throws(FileError) in
            if try fileSystem.status(base) == nil {
                let whole = layout.staging(staged.model, staged.version).appending(VolumeLayout.wholeBase)
                try bringBack(staged.model, with: staged.version, from: staged.tree, by: whole)
                try syncOrTakeOut(layout.root, base)
                forgetOthers(of: staged.model, than: staged.version)
            } else {
                try fileSystem.renameWithoutReplacing(staged.tree, target)
                if sync == .before { try syncOrTakeOut(base, target) }
            }
        }
    }

    /// Makes a rename into `directory` durable. Where that fails nobody knows whether it is, and asking again would not tell: what
    /// came in goes out.
    private func syncOrTakeOut(_ directory: FilePath, _ name: FilePath) throws(FileError) {
        do throws(FileError) {
            try fileSystem.syncDirectory(directory)
        } catch {
            _ = try? moveToTrash(name, label: "unsynced")
            throw error
        }
    }

    func header(
        _ model: String, _ version: Version, table: FileTable, source: String, isAdopted: Bool, verifications: [Verification]
    ) -> ManifestHeader {
        var verified: [VerificationMethod: Int] = [:]
        for verification in verifications { verified[verification.method, default: 0] += 1 }
        return ManifestHeader(
            model: model, version: version, source: source, isAdopted: isAdopted,
            summary: ManifestSummary(
                files: table.count, bytes: table.totalSize, publishedAt: time.now(), newest: table.newest, verified: verified),
            emptyDirectories: table.emptyDirectories)
    }

    /// Whether a directory holds the table's files, with their sizes, and the directories they need, and nothing else.
    /// - `each`: called with each of the files.
    func holdsExactly(
        _ table: FileTable, in directory: FilePath, each: (FilePath, FileStatus) throws(FileError) -> Void = { _, _ in }
    ) throws(FileError) -> Bool {
        // If all of it is there, and there are as many names as that, nothing else is: no list of the names need be held.
        for entry in table {
            let path = directory.appending(entry.path)
            guard let status = try fileSystem.status(path), status.kind == .file, status.size == entry.size else { return false }
            try each(path, status)
        }
        let directories = expectedDirectories(table)
        var names = try fileSystem.openDirectory(directory).entryCount()
        for path in directories {
            guard try fileSystem.status(directory.pushing(path))?.kind == .directory else { return false }
            names += try fileSystem.openDirectory(directory.pushing(path)).entryCount()
        }
        return names == table.count + directories.count
    }
}

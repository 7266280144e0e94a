import FileIO
public import Servables
import SystemPackage

extension Volume {
    /// Begins to stage a version, or takes up what an earlier attempt staged of it: files and ranges whose path, size and tag are
    /// still the same stay, everything else goes. Reserves the space that is missing.
    /// - `table`: what the version shall hold; nothing else will be in it.
    /// - `source`: where it comes from, without secrets; what another source staged is not taken up.
    /// - `reuse`: what published versions of the model have is put into place at once, where that needs no look at the bytes; what needs
    ///     one is ``StagedVersion/reuse(_:)``'s.
    /// - `only`: which of the missing files will be fetched, where not all will: space is reserved for them alone.
    public func stage(
        _ model: String, _ version: Version, table: FileTable, source: String, reuse rules: ReuseRules = .off, only: [Int]? = nil
    ) throws(VolumeError) -> StagedVersion {
        try checkPaths(table)
        try requireHeld()
        let place = layout.staging(model, version)
        let tree = place.appending(VolumeLayout.tree)
        let directories = expectedDirectories(table)

        var kept = try doing("take up \(place)") { () throws(FileError) in
            try takeBack(place, version.name)
            return try takeUp(place, table, source, directories: Set(directories))
        }
        func makeTree() throws(FileError) {
            for directory in [layout.staging, layout.staging(model), place] {
                try fileSystem.makeDirectory(directory, mode: 0o755)
            }
            try fileSystem.makeDirectory(tree, mode: settings.directoryMode)
            for directory in directories { try fileSystem.makeDirectory(tree.pushing(directory), mode: settings.directoryMode) }
        }
        // Before space is asked for: a further name needs none. The record of the last attempt knows nothing of it, so that the next
        // one removes it, should this one end here.
        let found = try doing("put what \(model) has already into \(place)") { () throws(FileError) in
            try self.reuse((model, table, source, tree), kept: Set(kept.keys), rules, makeTree: makeTree)
        }
        for (index, verification) in found.proven {
            kept[index] = Kept(progress: FileProgress(verification: verification), allocated: table[index].size)
        }
        let proven = found.proven.keys.reduce(0) { $0 + table.size($1) }
        let unproven = found.unproven.keys.reduce(0) { $0 + table.size($1) }
        let reservation: SpaceReservation
        if let only {
            let bytes = only.filter { kept[$0] == nil && found.unproven[$0] == nil }.reduce(0) { $0 + table.size($1) }
            reservation = try reserve(place, unwritten: bytes, files: bytes > 0 ? only.count : 0, total: bytes)
        } else {
            reservation = try reserve(
                place, unwritten: unwritten(of: table, kept) - unproven, files: table.count - kept.count - found.unproven.count,
                total: table.totalSize - proven - unproven)
        }

        let (journal, isInMemory) = try doing("stage \(place)") { () throws(FileError) in
            try makeTree()
            let journal = try Journal.create(
                place.appending(VolumeLayout.progress), lines: record(of: table, kept, source), fileSystem: fileSystem)
            return (journal, try fileSystem.space(at: tree).isInMemory)
        }
        return StagedVersion(
            model: model, version: version, table: table, source: source, tree: tree, fileSystem: fileSystem, reader: reader,
            fileMode: settings.fileMode, journal: journal, reservation: reservation, progress: kept.mapValues(\.progress),
            reusable: found,
            isInMemory: isInMemory, writesEarly: settings.sync == .before && !isInMemory)
    }

    /// What an earlier attempt left of a file.
    private struct Kept {
        var progress: FileProgress
        /// Bytes that the disk counts as used.
        let allocated: Int64
    }

    /// Finds what can be used of an earlier attempt, and removes the rest from the tree.
    /// - Returns: by the table's index.
    private func takeUp(
        _ place: FilePath, _ table: FileTable, _ source: String, directories: Set<FilePath>
    ) throws(FileError) -> [Int: Kept] {
        var recorded = RecordedProgress()
        try Journal.read(place.appending(VolumeLayout.progress), fileSystem: fileSystem) { recorded.replay($0) }
        var known: [Int: FileProgress] = [:]
        // Another source's bytes, or a record that says nothing: nothing of it can be used.
        if recorded.source == source {
            for index in table.indices { known[index] = recorded.progress(of: table[index])?.withoutGuess(of: table[index].size) }
        }
        let tree = place.appending(VolumeLayout.tree)
        try removeUnexpected(in: tree, files: Set(known.keys.map { FilePath(table[$0].path) }), directories: directories)

        // A power failure may have lost what the record says.
        let isDoubtful = boot.isEmpty || recorded.boot != boot
        var kept: [Int: Kept] = [:]
        for (index, progress) in known {
            let path = tree.appending(table[index].path)
            guard let status = try fileSystem.status(path), status.kind == .file, status.size == table[index].size else {
                continue
            }
            // Shared with a published version, whose file must not change: neither its bytes nor, for another --file-mode, its mode.
            if status.links > 1, progress.verification == nil || status.mode != settings.fileMode {
                try fileSystem.removeFile(path)
                continue
            }
            let intact = isDoubtful ? try intactPart(of: progress, in: path, size: status.size) : progress
            if let intact { kept[index] = Kept(progress: intact, allocated: status.allocated) }
        }
        return kept
    }

    private func intactPart(of progress: FileProgress, in path: FilePath, size: Int64) throws(FileError) -> FileProgress? {
        guard let verification = progress.verification else {
            let extents = try fileSystem.intact(progress.extents, in: path)
            return extents.isEmpty ? nil : FileProgress(extents: extents, verification: nil)
        }
        let whole = Extent(offset: 0, length: size, crc64nvme: verification.crc64nvme, crc32c: nil, crc32: nil)
        return try fileSystem.intact([whole], in: path).isEmpty ? nil : progress
    }

    /// Bytes of the table that the disk does not count as used yet.
    private func unwritten(of table: FileTable, _ kept: [Int: Kept]) -> Int64 {
        kept.reduce(table.totalSize) { sum, file in
            let size = table[file.key].size
            return sum - (file.value.progress.verification != nil ? size : min(size, file.value.allocated))
        }
    }

    /// Made as they are written: all lines of 100,000 files at once would be tens of MiB.
    private func record(of table: FileTable, _ kept: [Int: Kept], _ source: String) -> some Sequence<String> {
        let files = table.indices.lazy.flatMap { index -> [ProgressRecord] in
            guard let progress = kept[index]?.progress else { return [] }
            return [.file(index: index, entry: table[index])] + progress.extents.map { .extent(index: index, $0) }
                + (progress.verification.map { [.verified(index: index, $0)] } ?? [])
        }
        return [AnySequence([ProgressRecord.begin(boot: boot, source: source)]), AnySequence(files)].joined().lazy.map(\.line)
    }

    /// Removes a staged version: into the trash at once, from there by `sweep`.
    public func discard(_ model: String, _ version: Version) throws(VolumeError) {
        try doing("discard \(layout.staging(model, version))") { () throws(FileError) in
            try moveToTrash(layout.staging(model, version), label: "\(model)-\(version.name)-staged")
            try removeStagingIfEmpty(model)
        }
    }

    private func checkPaths(_ table: FileTable) throws(VolumeError) {
        for entry in table {
            if let fault = PathRules.fault(of: entry.path) { throw .unsafePath(entry.path, reason: fault) }
        }
        for path in table.emptyDirectories {
            if let fault = PathRules.fault(of: path) { throw .unsafePath(path, reason: fault) }
        }
    }

    /// Removes whatever is in a staged tree and shall not be: the tree is published as it is.
    /// - `files`: relative to the tree, as `directories` are.
    private func removeUnexpected(in tree: FilePath, files: Set<FilePath>, directories: Set<FilePath>) throws(FileError) {
        guard try fileSystem.status(tree)?.kind == .directory else {
            try fileSystem.removeTree(tree)
            return
        }
        var waiting = [FilePath("")]
        while let directory = waiting.popLast() {
            for name in try fileSystem.list(tree.pushing(directory)) {
                let relative = directory.appending(name)
                switch try fileSystem.status(tree.pushing(relative))?.kind {
                case .directory where directories.contains(relative): waiting.append(relative)
                case .file where files.contains(relative): break
                default: try fileSystem.removeTree(tree.pushing(relative))
                }
            }
        }
    }
}

/// The directories that a table's files need, relative to the version's, those above before those below.
func expectedDirectories(_ table: FileTable) -> [FilePath] {
    var list: [FilePath] = []
    // Byte for byte: two spellings of one letter are two directories.
    var known: Set<FilePath> = []
    func add(_ path: FilePath) {
        var missing: [FilePath] = []
        var path = path
        while !path.isEmpty, known.insert(path).inserted {
            missing.append(path)
            path.removeLastComponent()
        }
        list += missing.reversed()
    }
    // Files of one directory mostly follow each other.
    var last: ArraySlice<UInt8> = []
    for index in table.indices {
        let path = table.pathBytes(index)
        let directory = path.lastIndex(of: UInt8(ascii: "/")).map { path[..<$0] } ?? []
        if directory == last { continue }
        last = directory
        add(FilePath(table[index].path).removingLastComponent())
    }
    for path in table.emptyDirectories { add(FilePath(path)) }
    return list
}

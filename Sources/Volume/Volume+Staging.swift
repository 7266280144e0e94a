import FileIO
public import Servables
import SystemPackage

extension Volume {
    /// Begins to stage a version, or takes up what an earlier attempt staged of it: files and ranges whose path, size and tag are
    /// still the same stay, everything else goes. Reserves the space that is missing.
    /// - Parameters:
    ///   - table: what the version shall hold; nothing else will be in it.
    ///   - source: where it comes from, without secrets; what another source staged is not taken up.
    public func stage(_ model: String, _ version: Version, table: FileTable, source: String) throws(VolumeError) -> StagedVersion {
        try checkPaths(table)
        let place = layout.staging(model, version)
        let tree = place.appending("tree")
        let recordPath = place.appending("progress")
        let directories = table.directories

        let (journal, recorded): (Journal, RecordedProgress?) = try doing("stage \(place)") { () throws(FileError) in
            try fileSystem.makeDirectory(layout.staging, mode: 0o755)
            try fileSystem.makeDirectory(layout.staging(model), mode: 0o755)
            try fileSystem.makeDirectory(place, mode: 0o755)
            var (journal, lines) = try Journal.open(recordPath, fileSystem: fileSystem)
            var recorded = RecordedProgress(lines)
            if recorded?.source != source {
                // Another source's bytes, or a record that says nothing: nothing of it can be used.
                recorded = nil
                try fileSystem.removeTree(tree)
                try fileSystem.removeFile(recordPath)
                (journal, _) = try Journal.open(recordPath, fileSystem: fileSystem)
            }
            return (journal, recorded)
        }

        var progress: [Int: FileProgress] = [:]
        if let recorded {
            for index in table.indices { progress[index] = recorded.progress(of: table[index]) }
        }
        let kept = progress
        let missing = table.totalSize - kept.reduce(0) { $0 + bytes(of: $1.value, size: table[$1.key].size) }
        let reservation = try reserve(missing: missing, files: table.count - kept.count)

        try doing("stage \(place)") { () throws(FileError) in
            try fileSystem.makeDirectory(tree, mode: settings.directoryMode)
            let keptPaths = Set(kept.keys.map { table[$0].path })
            try removeUnexpected(in: tree, prefix: "", files: keptPaths, directories: Set(directories))
            for directory in directories {
                try fileSystem.makeDirectory(tree.appending(directory), mode: settings.directoryMode)
            }
            try journal.append(ProgressRecord.begin(boot: boot, source: source).line)
            for (index, file) in kept {
                try journal.append(ProgressRecord.file(index: index, entry: table[index]).line)
                for extent in file.extents { try journal.append(ProgressRecord.extent(index: index, extent).line) }
                if let verification = file.verification {
                    try journal.append(ProgressRecord.verified(index: index, verification).line)
                }
            }
        }
        let staged = StagedVersion(
            model: model, version: version, table: table, source: source, tree: tree, fileSystem: fileSystem, reader: reader,
            journal: journal, reservation: reservation, progress: kept,
            isDoubtful: recorded != nil && (boot.isEmpty || recorded?.boot != boot))
        try recheck(staged, kept: kept)
        return staged
    }

    /// Removes a staged version: into the trash at once, from there by `sweep`.
    public func discard(_ model: String, _ version: Version) throws(VolumeError) {
        try doing("discard \(layout.staging(model, version))") { () throws(FileError) in
            try moveToTrash(layout.staging(model, version), label: "\(model)-\(version.name)-staged")
            try removeStagingIfEmpty(model)
        }
    }

    /// A whole file of an earlier boot may have been lost by a power failure, though its record was not.
    private func recheck(_ staged: StagedVersion, kept: [Int: FileProgress]) throws(VolumeError) {
        for (index, file) in kept where file.verification != nil {
            _ = try doing("read \(staged.tree.appending(staged.table[index].path)) again") { () throws(FileError) in
                try staged.recheck(index)
            }
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

    private func bytes(of progress: FileProgress, size: Int64) -> Int64 {
        progress.verification != nil ? size : progress.extents.reduce(0) { $0 + $1.length }
    }

    /// Removes whatever is in a staged tree and shall not be: the tree is published as it is.
    private func removeUnexpected(
        in directory: FilePath, prefix: String, files: Set<String>, directories: Set<String>
    ) throws(FileError) {
        for name in try fileSystem.list(directory) {
            let relative = prefix + name
            let path = directory.appending(name)
            switch try fileSystem.status(path)?.kind {
            case .directory where directories.contains(relative):
                try removeUnexpected(in: path, prefix: relative + "/", files: files, directories: directories)
            case .file where files.contains(relative): break
            case nil: break
            default: try fileSystem.removeTree(path)
            }
        }
    }
}

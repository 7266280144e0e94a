import FileIO
import Servables
import SystemPackage

extension Volume {
    /// What an earlier process left behind goes: half-written files of ours, manifests of versions that are not there, what lies aside
    /// without one, and staged versions of models that are not among `models`; the trash is emptied by `sweep`. Needs the lock.
    /// - `models`: the configured ones; `nil` leaves every model's staging alone.
    public func recover(models: Set<String>?) throws(VolumeError) {
        try doing("clear up \(layout.state)") { () throws(FileError) in
            try fileSystem.makeDirectory(layout.trash, mode: 0o755)
            for aside in Aside.allCases { try recoverAside(aside) }
            for model in try manifests.models() { try recoverManifests(model) }
            try recoverRepairs()
            guard try fileSystem.status(layout.staging) != nil else { return }
            for model in try fileSystem.list(layout.staging) {
                let isWanted = models?.contains(model) ?? true
                try recoverStaging(model, isWanted: isWanted)
            }
        }
    }

    /// Deletes what lies in the trash.
    /// - Returns: how many entries there were.
    @discardableResult
    public func sweep() throws(VolumeError) -> Int {
        // Two sweeps at once would find each other's files gone.
        try sweeping.withLock { (_) throws(VolumeError) in
            try doing("empty \(layout.trash)") { () throws(FileError) in
                guard try fileSystem.status(layout.trash) != nil else { return 0 }
                let entries = try fileSystem.list(layout.trash)
                let shared = try filesShared(with: entries.map { layout.trash.appending($0) })
                var failure: FileError?
                for name in entries {
                    // One that cannot be deleted must not keep the space of the others.
                    do throws(FileError) { try fileSystem.removeTree(layout.trash.appending(name)) } catch {
                        failure = failure ?? error
                    }
                }
                try restamp(shared)
                if let failure { throw failure }
                return entries.count
            }
        }
    }

    /// Renames anything of ours out of sight.
    /// - Returns: whether there was anything.
    @discardableResult
    func moveToTrash(_ path: FilePath, label: String) throws(FileError) -> Bool {
        guard try fileSystem.status(path) != nil else { return false }
        try fileSystem.makeDirectory(layout.trash, mode: 0o755)
        while true {
            let number = trashCounter.withLock { counter in
                counter += 1
                return counter
            }
            do throws(FileError) {
                try fileSystem.renameWithoutReplacing(path, layout.trash.appending("\(label.prefix(200)).\(number)"))
                return true
            } catch {
                // Left by an earlier process that counted from one, too.
                guard error.errno == .fileExists || error.errno == .directoryNotEmpty else { throw error }
            }
        }
    }

    func removeStagingIfEmpty(_ model: String) throws(FileError) {
        try removeIfEmpty(layout.staging(model))
    }

    func removeIfEmpty(_ directory: FilePath) throws(FileError) {
        do throws(FileError) {
            try fileSystem.removeDirectory(directory)
        } catch {
            guard error.errno == .directoryNotEmpty || error.errno == .fileExists else { throw error }
        }
    }

    private func recoverManifests(_ model: String) throws(FileError) {
        // A base path that is gone may come back (an unmounted disk): its manifests say that it held versions.
        let isGone = try fileSystem.status(layout.base(model)) == nil
        try manifests.clear(model) { (version) throws(FileError) in
            if isGone { return true }
            if try fileSystem.status(layout.version(model, version)) != nil { return true }
            return try liesAside(model, version)
        }
    }

    private func recoverStaging(_ model: String, isWanted: Bool) throws(FileError) {
        let directory = layout.staging(model)
        guard isWanted, try fileSystem.status(directory)?.kind == .directory else {
            try moveToTrash(directory, label: "\(model)-staging")
            return
        }
        for name in try fileSystem.list(directory) {
            let place = directory.appending(name)
            try takeBack(place, name)
            // Without both it is what is left of a version that was published or discarded.
            let tree = try fileSystem.status(place.appending(VolumeLayout.tree))
            let record = try fileSystem.status(place.appending(VolumeLayout.progress))
            let isUsable = Version(name) != nil && tree?.kind == .directory && record?.kind == .file
            if !isUsable { try moveToTrash(place, label: "\(model)-\(name)-staged") }
        }
        try removeStagingIfEmpty(model)
    }

    /// Undoes what `publish` did of bringing back a base path, if it came to nothing.
    func takeBack(_ place: FilePath, _ version: String) throws(FileError) {
        let base = place.appending(VolumeLayout.wholeBase)
        guard try fileSystem.status(base) != nil else { return }
        let tree = place.appending(VolumeLayout.tree)
        if try fileSystem.status(tree) == nil, try fileSystem.status(base.appending(version))?.kind == .directory {
            try fileSystem.renameWithoutReplacing(base.appending(version), tree)
        }
        try fileSystem.removeTree(base)
    }
}

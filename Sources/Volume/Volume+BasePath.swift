import FileIO
import Servables
import SystemPackage

extension Volume {
    /// A base path that was gone comes back together with its first version, by one rename: a server unloads everything from
    /// one that is there and empty.
    /// The model's files that are ready come with it.
    /// - `whole`: where it is made.
    func bringBack(
        _ model: String, with version: Version, from tree: FilePath, by whole: FilePath
    ) throws(FileError) {
        try fileSystem.makeDirectory(whole, mode: settings.directoryMode)
        // Else the power may go with the version in a directory that has no name.
        try fileSystem.syncDirectory(whole.removingLastComponent())
        try addModelFiles(model, to: whole)
        try fileSystem.renameWithoutReplacing(tree, whole.appending(version.name))
        try fileSystem.syncDirectory(whole)
        try fileSystem.renameWithoutReplacing(whole, layout.base(model))
    }

    /// The others went with the old base path, but for those that lie aside.
    func forgetOthers(of model: String, than version: Version) {
        try? manifests.clear(model) { (other) throws(FileError) in
            if other.name == version.name { return true }
            return try liesAside(model, other)
        }
    }
}

import FileIO
import Servables
import SystemPackage

extension Volume {
    /// A base path that was gone comes back together with its first version, by one rename: a server unloads everything from
    /// one that is there and empty.
    /// - `whole`: where it is made.
    func bringBack(_ base: FilePath, with version: Version, from tree: FilePath, by whole: FilePath) throws(FileError) {
        try fileSystem.makeDirectory(whole, mode: settings.directoryMode)
        try fileSystem.renameWithoutReplacing(tree, whole.appending(version.name))
        try fileSystem.syncDirectory(whole)
        try fileSystem.renameWithoutReplacing(whole, base)
    }

    /// The others went with the old base path, but for those that lie aside.
    func forgetOthers(of model: String, than version: Version) {
        try? manifests.clear(model) { (other) throws(FileError) in
            if other.name == version.name { return true }
            return try liesAside(model, other)
        }
    }
}

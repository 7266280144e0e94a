public import Servables

/// What the configuration sets for the volume.
public struct VolumeSettings: Hashable, Sendable {
    /// Permission bits of what is published. Directories need all rights of their owner, or they could not be renamed.
    public var fileMode: UInt16
    public var directoryMode: UInt16
    /// Bytes that are ours on the volume, at most.
    public var maxVolume: Int64?
    public var keepFree: KeepFree
    /// When a version that replaces nothing is synced.
    public var sync: SyncTime
    /// Whether a file may have a further name, which changes its inode: to some servers it is another file then.
    public var makesHardLinks: Bool
    /// Whether a base path is made before there is a version for it. Some servers want one of each model, others end at the sight of an
    /// empty one.
    public var makesEmptyBasePaths: Bool

    /// What is left free on the file system.
    public enum KeepFree: Hashable, Sendable {
        case bytes(Int64)
        /// Of the file system's capacity; 0 … 100.
        case percent(Double)
    }

    public init(
        fileMode: UInt16 = 0o644, directoryMode: UInt16 = 0o755, maxVolume: Int64? = nil, keepFree: KeepFree = .bytes(0),
        sync: SyncTime = .before, makesHardLinks: Bool = true,
        makesEmptyBasePaths: Bool = true
    ) {
        self.fileMode = fileMode
        self.directoryMode = directoryMode
        self.maxVolume = maxVolume
        self.keepFree = keepFree
        self.sync = sync
        self.makesHardLinks = makesHardLinks
        self.makesEmptyBasePaths = makesEmptyBasePaths
    }
}

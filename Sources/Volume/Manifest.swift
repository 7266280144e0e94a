public import FileIO
public import Servables

/// What a version's manifest says before its list of files.
public struct ManifestHeader: Hashable, Sendable {
    public var model: String
    public var version: Version
    /// Where the version came from, without secrets.
    public var source: String
    /// Whether the directory was there before the agent was, and was found equal to the source.
    public var isAdopted: Bool
    public var summary: ManifestSummary
    /// Directories that hold no file.
    public var emptyDirectories: [String]

    public init(
        model: String, version: Version, source: String, isAdopted: Bool, summary: ManifestSummary, emptyDirectories: [String]
    ) {
        self.model = model
        self.version = version
        self.source = source
        self.isAdopted = isAdopted
        self.summary = summary
        self.emptyDirectories = emptyDirectories
    }
}

/// One file of a manifest: what was listed, and how its bytes were verified.
public struct ManifestFile: Hashable, Sendable {
    public let entry: FileEntry
    public let verification: Verification
    /// As the file was when it was published; `nil` where others made it, or nobody noted it.
    public let stamp: FileStamp?

    public init(entry: FileEntry, verification: Verification, stamp: FileStamp? = nil) {
        self.entry = entry
        self.verification = verification
        self.stamp = stamp
    }
}

/// What the volume holds of one model.
public struct Inventory: Hashable, Sendable {
    /// Whether the model's base path is there.
    public var hasBasePath: Bool
    /// Entries of the base path that are named as a version, highest first.
    public var entries: [VolumeEntry]
    /// Versions that are being staged, or were when an earlier process ended.
    public var staged: [Version]
    /// Versions taken out so that the server loads a lower one, highest first; all of them have a manifest of ours.
    public var parked: [VolumeEntry]
    /// Versions taken out since the server could not load them, highest first. None of them, nor of the parked ones, has a number of
    /// which the base path has anything.
    public var refused: [RefusedVersion]
    /// Published versions that are damaged, and are to be fetched anew.
    public var repairs: Set<Version>

    public init(
        hasBasePath: Bool, entries: [VolumeEntry], staged: [Version], parked: [VolumeEntry] = [], refused: [RefusedVersion] = [],
        repairs: Set<Version> = []
    ) {
        self.hasBasePath = hasBasePath
        self.entries = entries
        self.staged = staged
        self.parked = parked
        self.refused = refused
        self.repairs = repairs
    }

    /// The versions with a manifest of ours, highest first.
    public var published: [VolumeEntry] { entries.filter { $0.manifest != nil } }

    public subscript(version: Version) -> VolumeEntry? { entries.first { $0.version == version } }

    /// Whether the policy names its versions by number, all of them are published, and nothing is there to be pruned: whatever a
    /// listing of the source said, there would be nothing to do.
    public func needsNoListing(_ policy: VersionPolicy, _ rules: PlanRules) -> Bool {
        guard case .specific(let numbers) = policy, Set(published.map(\.version.number)) == Set(numbers) else { return false }
        // Whether what lies aside is worth keeping, only the source tells.
        guard parked.isEmpty, refused.isEmpty, repairs.isEmpty else { return false }
        return !rules.prunesForeign || !entries.contains { $0.kind == .unknownDirectory }
    }

    /// What the manifests say of the versions that are ours, in place or not.
    public var all: [ManifestSummary] { (entries + parked).compactMap(\.manifest) + refused.map(\.manifest) }

    /// Whether of the versions that are ours the one that was published last is refused.
    public var isNewestRefused: Bool {
        guard let last = refused.map(\.manifest.publishedAt).max() else { return false }
        return all.allSatisfy { $0.publishedAt <= last }
    }
}

/// An entry of a base path that is named as a version.
public struct VolumeEntry: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// A directory with a manifest of ours.
        case published(ManifestSummary)
        /// A directory without one.
        case unknownDirectory
        /// Something that is no directory, or a directory whose number another entry has too; says what.
        case obstacle(String)
    }

    public let version: Version
    public let kind: Kind

    public init(version: Version, kind: Kind) {
        self.version = version
        self.kind = kind
    }

    public var manifest: ManifestSummary? {
        guard case .published(let summary) = kind else { return nil }
        return summary
    }
}

/// A version that the server could not load (CONTRACT section 4).
public struct RefusedVersion: Hashable, Sendable {
    public let version: Version
    /// Of its manifest, which stays for as long as the version is refused.
    public var manifest: ManifestSummary
    public var refusal: LoadRefusal
    /// Whether its files are still there: their space may have been needed.
    public var isKept: Bool

    public init(version: Version, manifest: ManifestSummary, refusal: LoadRefusal, isKept: Bool) {
        self.version = version
        self.manifest = manifest
        self.refusal = refusal
        self.isKept = isKept
    }
}

/// That a server could not load a version.
public struct LoadRefusal: Hashable, Sendable {
    /// In the server's own words, on one line; empty where nobody knows them any more.
    public var reason: String
    public var at: Timestamp
    /// How often this content was refused, this time included.
    public var count: Int

    public init(reason: String, at: Timestamp, count: Int) {
        self.reason = reason
        self.at = at
        self.count = count
    }
}

/// What a manifest says of its version as a whole.
public struct ManifestSummary: Hashable, Sendable {
    public var files: Int
    /// Bytes of all files.
    public var bytes: Int64
    public var publishedAt: Timestamp
    /// When the newest object was written, as the source said.
    public var newest: Timestamp?
    /// How many files were verified by which method.
    public var verified: [VerificationMethod: Int]
    /// Since when it is no longer aspired (`--prune-delay` counts from here).
    public var releasedAt: Timestamp?
    /// The boot in which it was published without being synced (`--sync after`); `nil` once it is.
    public var unsyncedBoot: String?
    /// When the server last could not load this content; it stays known for as long as the content does.
    public var refusal: LoadRefusal?

    /// Whether the disk has all of it.
    public var isSynced: Bool { unsyncedBoot == nil }

    public init(
        files: Int, bytes: Int64, publishedAt: Timestamp, newest: Timestamp?, verified: [VerificationMethod: Int],
        releasedAt: Timestamp? = nil, unsyncedBoot: String? = nil, refusal: LoadRefusal? = nil
    ) {
        self.files = files
        self.bytes = bytes
        self.publishedAt = publishedAt
        self.newest = newest
        self.verified = verified
        self.releasedAt = releasedAt
        self.unsyncedBoot = unsyncedBoot
        self.refusal = refusal
    }
}

public import FileIO
public import Servables

/// Where the versions of one model come from: S3, or a directory.
///
/// All methods may be called again at any time and change nothing at the source. Errors carry the object and the remedy.
public protocol ModelSource: Sendable {
    /// Where that is, for people and manifests; without secrets.
    var location: String { get }

    /// A complete listing of the model: of its versions, and of the files beside them that are asked for.
    /// - Throws: `badData` where two names have one number; never a partial list.
    func listing() async throws(SourceError) -> ModelListing

    /// What a version holds, or why it is not ready (CONTRACT section 5). A marker or manifest is not part of the table. Files are
    /// read for that where the rule needs it, each revision of them once.
    /// - Throws: `badData` for an unsafe key, or a manifest that cannot be followed: the whole version is refused.
    func contents(of version: Version) async throws(SourceError) -> VersionContents

    /// Compares a published version with what the source has now, by one listing: sizes and change tokens, no bytes.
    /// - Parameters:
    ///   - version: one that the source lists.
    ///   - published: its files as they were listed when they were fetched.
    /// - Returns: one clause that names what differs; `nil` where nothing does.
    /// - Throws: where it cannot be listed, or would be refused as it is now.
    func difference(of version: Version, from published: FileTable) async throws(SourceError) -> String?

    /// Fetches what is missing of a file of a version, or beside them (`nil`), and verifies the whole. `isUrgent` goes before what other
    /// models fetch that is not; `onBytes` is called with the bytes of payload as they arrive, from any thread.
    /// - Throws: `isStale` errors where the object is no longer what was listed.
    func fetch(
        _ entry: FileEntry, of version: Version?, into file: StagedFile, isUrgent: Bool,
        onBytes: @escaping @Sendable (Int64) -> Void
    ) async throws(SourceError) -> Verification

    /// Bytes of a file of a version, which are not compared with anything.
    /// - Throws: `isStale` errors where the object is no longer what was listed.
    func read(_ entry: FileEntry, of version: Version, _ range: Range<Int64>) async throws(SourceError) -> [UInt8]

    /// What a listed file has in common with every other of its size that has the same bytes, also with those of other versions.
    /// - `location`: where it was listed; what another store says of its files is not comparable.
    /// - Returns: `nil` where nothing tells.
    func content(of entry: FileEntry, in location: String) -> String?

    /// Asks for the CRC-64/NVME of a file that is larger than it is worth fetching unasked.
    /// - Returns: `nil` where the source does not know it, or something else has to be compared.
    /// - Throws: `isStale` errors where the object is no longer what was listed.
    func crc64nvme(of entry: FileEntry, of version: Version) async throws(SourceError) -> UInt64?

    /// Whether a file of the source has exactly these bytes, by the strongest means that need no copy of them.
    /// The size of `local` is the entry's.
    /// - Returns: `nil` where they differ, or where the source offers nothing to tell by.
    func verify(_ entry: FileEntry, of version: Version, against local: LocalFile) async throws(SourceError) -> Verification?
}

/// What a source says of one version.
public enum VersionContents: Sendable {
    case ready(FileTable)
    /// One line, with the advice; and after which time it may be otherwise, where that can be told.
    case held(reason: String, lookAgainIn: Duration?)
}

/// What a source could not do.
public struct SourceError: Error, Hashable, Sendable {
    public let failure: Failure
    /// The object is not what was listed: its bytes are of no use, and the version must be listed anew.
    public let isStale: Bool
    /// The bytes did not match what the source says of them.
    public let isMismatch: Bool

    public init(_ failure: Failure, isStale: Bool = false, isMismatch: Bool = false) {
        self.failure = failure
        self.isStale = isStale
        self.isMismatch = isMismatch
    }
}

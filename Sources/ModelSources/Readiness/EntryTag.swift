import Digests
import Servables

/// What stands in a ``FileEntry/tag``: the source's own change token and, where the version's manifest names one, the SHA-256 that
/// the bytes must have. Both in one, so that what was staged under another checksum is not taken up.
struct EntryTag: Hashable {
    /// The source's; neither ETags nor our tokens for files hold a space.
    let token: String
    /// Of the file's bytes, as the manifest says.
    let sha256: [UInt8]?

    private static let separator = " sha256="

    init(token: String, sha256: [UInt8]?) {
        self.token = token
        self.sha256 = sha256
    }

    init(_ tag: String) {
        guard let space = tag.utf8.firstIndex(of: UInt8(ascii: " ")), tag[space...].hasPrefix(Self.separator),
            let digest = Hex.decode(tag[space...].dropFirst(Self.separator.count))
        else {
            self.init(token: tag, sha256: nil)
            return
        }
        self.init(token: String(tag[..<space]), sha256: digest)
    }

    /// For objects that are listed without an ETag: the time is all that tells two revisions from each other, and no request can be pinned.
    static func token(modified: Timestamp) -> String { "\(modifiedMark)\(modified.mark)" }
    private static let modifiedMark = "modified="

    /// What a request can be pinned to; empty where the object has no ETag.
    var etag: String { token.hasPrefix(Self.modifiedMark) ? "" : token }

    var text: String { sha256.map { token + Self.separator + Hex.encode($0) } ?? token }
}

extension FileEntry {
    var token: String { EntryTag(tag).token }
    var sha256: [UInt8]? { EntryTag(tag).sha256 }

    /// The same file, whose bytes must have this SHA-256.
    func requiring(sha256: [UInt8]) -> FileEntry {
        FileEntry(path: path, size: size, tag: EntryTag(token: tag, sha256: sha256).text, modified: modified)
    }
}

extension Failure {
    /// Bytes that are not those that the version's manifest names.
    /// - `what`: what was being done with which object.
    static func unlike(manifest expected: String, got: String, _ what: String) -> Failure {
        Failure(
            .badData,
            "\(what): its SHA-256 is \(got), and \(VersionListing.manifestName) of its version says \(expected); write the file or the "
                + "manifest anew")
    }
}

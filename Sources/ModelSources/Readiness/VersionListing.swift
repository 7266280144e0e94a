import Servables

/// All that one listing of a version shows, before any rule is asked.
struct VersionListing: Sendable {
    /// The files that could be published: neither marker nor manifest is among them.
    var table = FileTable()
    /// Whether the rule's marker is there.
    var hasMarker = false
    /// Of some object the source does not say when it was written.
    var hasUnknownTimes = false
    /// The listing of files that the writer left.
    var manifest: FileEntry?

    /// The name of that listing; never published.
    static let manifestName = ".aspired.json"
}

extension VersionListing {
    /// How the source differs from what was published, by sizes and change tokens.
    /// - Parameters:
    ///   - listed: what the rule takes of this listing.
    ///   - published: files as they were listed when they were fetched.
    /// - Returns: one clause that names the first difference; `nil` where there is none.
    static func difference(of listed: FileTable, from published: FileTable) -> String? {
        var differences: [String] = []
        var count = 0
        func differs(_ path: String, _ how: String) {
            if count == 0 { differences.append("\(PathRules.printable(path)) \(how)") }
            count += 1
        }
        // Byte for byte: two spellings of one letter are two files.
        var now: [[UInt8]: Int] = [:]
        for index in listed.indices { now[Array(listed[index].path.utf8)] = index }
        for entry in published {
            guard let index = now.removeValue(forKey: Array(entry.path.utf8)) else {
                differs(entry.path, "is gone")
                continue
            }
            let other = listed[index]
            if other.size != entry.size {
                differs(entry.path, "has \(other.size) bytes, and had \(entry.size)")
            } else if !isSameRevision(other, entry) {
                differs(entry.path, "was written again")
            }
        }
        for index in now.values.sorted() { differs(listed[index].path, "was added") }
        guard let first = differences.first else { return nil }
        switch count {
        case 1: return first
        case 2: return "\(first), and another of its files differs"
        default: return "\(first), and \(count - 1) more of its files differ"
        }
    }

    /// A source that gives no token, or gave none, has only the time to tell by.
    private static func isSameRevision(_ one: FileEntry, _ other: FileEntry) -> Bool {
        let (token, otherToken) = (one.token, other.token)
        guard !token.isEmpty, !otherToken.isEmpty else { return one.modified == other.modified }
        return token == otherToken
    }
}

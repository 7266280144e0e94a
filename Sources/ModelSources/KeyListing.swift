import S3
import Servables

/// Makes the table of a version's files out of its keys, and refuses keys that cannot or must not become files (CONTRACT P10).
struct KeyListing {
    /// For messages.
    let location: String
    /// What all keys of the version begin with, the slash included.
    let prefix: String
    let marker: String?
    private var listing = VersionListing()
    /// Of the paths of all directories: of one key of 1,024 bytes they may have as many as 260,000.
    private static let maximumDirectoryBytes = 16 << 20
    private var fault: String?

    init(location: String, prefix: String, marker: String?) {
        self.location = location
        self.prefix = prefix
        self.marker = marker
    }

    /// Whether it is refused already, whatever comes.
    var isRefused: Bool { fault != nil }

    mutating func add(_ object: ListedObject) {
        guard fault == nil else { return }
        let path = String(decoding: object.key.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
        if path.isEmpty {
            // A console's "folder" for the version itself.
            if object.size > 0 { refuse(object.key, "it ends with a slash and is not empty") }
        } else if isMarker(path) {
            listing.hasMarker = true
        } else if path == VersionListing.manifestName {
            listing.manifest = FileEntry(object, path: path)
        } else if path.hasSuffix("/") {
            guard object.size == 0 else { return refuse(object.key, "it ends with a slash and is not empty") }
            if let reason = PathRules.fault(of: path.dropLast()) { return refuse(object.key, reason) }
            guard hasRoom() else { return }
            listing.table.appendEmptyDirectory(String(path.dropLast()))
        } else if let reason = PathRules.fault(of: path) {
            refuse(object.key, reason)
        } else if hasRoom() {
            listing.table.append(FileEntry(object, path: path))
            if object.lastModified == nil { listing.hasUnknownTimes = true }
        }
    }

    /// Byte for byte, as a store compares keys.
    private func isMarker(_ path: String) -> Bool { marker.map { $0.utf8.elementsEqual(path.utf8) } ?? false }

    private mutating func hasRoom() -> Bool {
        guard listing.table.count + listing.table.emptyDirectories.count == FileTable.limit else { return true }
        fault = "list \(location): it holds more than \(FileTable.limit) files; pack them into fewer"
        return false
    }

    /// - Throws: `badData` where a key is refused, comes twice, or is a file and a directory.
    func finish() throws(SourceError) -> VersionListing {
        if let fault { throw SourceError(Failure(.badData, fault)) }
        let table = listing.table
        // Byte for byte: a letter spelled in two ways makes two keys, and two files.
        var previous: ArraySlice<UInt8> = []
        var isInOrder = true
        var directories: Set<ArraySlice<UInt8>> = []
        var directoryBytes = 0
        func addDirectories(of path: ArraySlice<UInt8>) throws(SourceError) {
            var end = path.endIndex
            while let slash = path[..<end].lastIndex(of: UInt8(ascii: "/")), directories.insert(path[..<slash]).inserted {
                end = slash
                directoryBytes += slash - path.startIndex
            }
            guard directories.count <= FileTable.limit, directoryBytes <= Self.maximumDirectoryBytes else {
                throw SourceError(
                    Failure(.badData, "list \(location): its files lie in too many directories, too deep; pack them into fewer"))
            }
        }
        for index in table.indices {
            let path = table.pathBytes(index)
            if !previous.lexicographicallyPrecedes(path) { isInOrder = false }
            previous = path
            try addDirectories(of: path)
        }
        // In the order that S3 lists in nothing comes twice, and no set of 100,000 paths is needed to see it.
        if !isInOrder { try refuseTwice(table) }
        for path in table.emptyDirectories { try addDirectories(of: ArraySlice(path.utf8) + [UInt8(ascii: "/")]) }
        for index in table.indices where directories.contains(table.pathBytes(index)) {
            throw refused(prefix + table[index].path, "there are keys below it, too: it cannot be a file and a directory")
        }
        return listing
    }

    private func refuseTwice(_ table: FileTable) throws(SourceError) {
        var paths: Set<ArraySlice<UInt8>> = []
        for index in table.indices where !paths.insert(table.pathBytes(index)).inserted {
            throw refused(prefix + table[index].path, "it is listed twice")
        }
    }

    private mutating func refuse(_ key: String, _ reason: String) {
        fault = refused(key, reason).failure.message
    }

    private func refused(_ key: String, _ reason: String) -> SourceError {
        SourceError(
            Failure(
                .badData,
                "list \(location): the key \"\(PathRules.printable(key))\" cannot be a file of a version: \(reason); "
                    + "rename the object, until then the whole version is refused"))
    }
}

extension FileEntry {
    /// - `path`: what the object becomes.
    init(_ object: ListedObject, path: String) {
        let isNamed = object.etag.utf8.contains { $0 != UInt8(ascii: "\"") }
        self.init(
            path: path, size: object.size,
            tag: isNamed ? object.etag : object.lastModified.map(EntryTag.token(modified:)) ?? "",
            modified: object.lastModified ?? Timestamp(secondsSinceEpoch: 0))
    }
}

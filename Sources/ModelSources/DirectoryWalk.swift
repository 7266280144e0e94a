import FileIO
import Servables
import SystemPackage

/// Lists all files below a version's directory. Blocks.
struct DirectoryWalk: Sendable {
    private(set) var listing = VersionListing()
    /// Why the whole version is refused.
    private(set) var fault: String?

    private let place: FilePath
    private let location: String
    private let marker: String?
    private let fileSystem: FileSystem

    /// - Parameters:
    ///   - place: the version's directory.
    ///   - location: the model's, for messages.
    ///   - marker: of the rule, if it has one.
    ///   - fileSystem: where the directory is.
    init(_ place: FilePath, location: String, marker: String?, fileSystem: FileSystem) {
        self.place = place
        self.location = location
        self.marker = marker
        self.fileSystem = fileSystem
    }

    /// Goes through the tree without calling itself: a tree may be deeper than a thread's stack.
    mutating func run() throws(FileError) {
        // The next one last.
        var waiting: [(path: FilePath, relative: String)] = []
        func open(_ path: FilePath, _ prefix: String) throws(FileError) -> Bool {
            let names = try fileSystem.list(path)
            waiting += names.reversed().map { (path.appending($0), prefix + $0) }
            return !names.isEmpty
        }
        _ = try open(place, "")
        while fault == nil, let (path, relative) = waiting.popLast() {
            guard try look(at: path, relative) == .directory else { continue }
            if try !open(path, relative + "/"), hasRoom() { listing.table.appendEmptyDirectory(relative) }
        }
    }

    /// Notes one name.
    /// - Returns: what it is; `nil` where it does not count.
    private mutating func look(at path: FilePath, _ relative: String) throws(FileError) -> FileStatus.Kind? {
        guard let status = try fileSystem.status(path) else {
            // Removed since, or a name whose bytes no text can hold.
            if relative.unicodeScalars.contains("\u{fffd}") { refuse(path, "has a name that is not UTF-8") }
            return nil
        }
        // The time of its change: a copy may keep the old times of its files, or bring some from the future.
        let entry = FileEntry(path: relative, size: status.size, tag: status.token, modified: status.changed)
        if let fault = PathRules.fault(of: relative) {
            refuse(path, "cannot be a file of a version: \(fault)")
        } else if let marker, marker.utf8.elementsEqual(relative.utf8) {
            listing.hasMarker = true
        } else if relative == VersionListing.manifestName {
            if status.kind == .file { listing.manifest = entry }
        } else if status.kind == .directory {
            return .directory
        } else if status.kind == .file {
            if hasRoom() { listing.table.append(entry) }
        } else {
            refuse(path, "is neither file nor directory (symlinks are not followed)")
        }
        return nil
    }

    private mutating func hasRoom() -> Bool {
        guard listing.table.count + listing.table.emptyDirectories.count == FileTable.limit else { return true }
        fault = "list \(location): a version holds more than \(FileTable.limit) files; pack them into fewer"
        return false
    }

    private mutating func refuse(_ path: FilePath, _ reason: String) {
        fault = "\"\(PathRules.printable(path.string))\" \(reason); the whole version is refused"
    }
}

extension FileStatus {
    /// Changes whenever the file does.
    var token: String {
        "\(device):\(inode):\(modified.mark):\(changed.mark)"
    }
}

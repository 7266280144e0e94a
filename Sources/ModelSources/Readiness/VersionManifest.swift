import Digests
import PlainJSON
import Servables

/// What a writer says a version holds: `.aspired.json` (CONTRACT section 5).
///
/// `{"version":1,"files":[{"path":…,"size":…,"sha256":"hex"}]}`; other members are for other readers.
struct VersionManifest: Sendable {
    /// As many bytes as so many files with long names need.
    static let maximumBytes = 32 << 20

    /// The listed files; a tag is the SHA-256 in hexadecimal digits.
    private let files: FileTable

    var count: Int { files.count }

    /// Why a manifest says nothing: one clause.
    struct Fault: Error, Hashable {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    init(parsing text: [UInt8]) throws(Fault) {
        let collector = Collector()
        let json: JSON
        do throws(JSONFault) {
            json = try JSON(parsing: text, elementsOf: "files") { collector.take($0) }
        } catch {
            throw collector.fault ?? Fault("it is no JSON: \(error)")
        }
        guard json.object != nil else { throw Fault("it is no object") }
        guard let version = json["version"] else { throw Fault("it has no version") }
        guard version.integer == 1 else { throw Fault("its version is not 1, the only one that is known here") }
        guard json["files"]?.array != nil else { throw Fault("it has no array files") }
        guard !collector.table.isEmpty else { throw Fault("it lists no file") }
        files = collector.table
    }

    /// Takes the files one by one, up to the first that is not to be had.
    private final class Collector {
        private(set) var table = FileTable()
        private(set) var fault: Fault?
        private var paths: Set<[UInt8]> = []

        func take(_ item: JSON) -> Bool {
            do throws(Fault) { try add(item) } catch { fault = error }
            return fault == nil
        }

        private func add(_ item: JSON) throws(Fault) {
            guard table.count < FileTable.limit else { throw Fault("it lists more than \(FileTable.limit) files") }
            guard let path = item["path"]?.string else { throw Fault("file \(table.count + 1) has no path") }
            let name = "\"\(PathRules.printable(String(path.prefix(300))))\""
            if let reason = PathRules.fault(of: path) { throw Fault("\(name) cannot be a file of a version: \(reason)") }
            if path == VersionListing.manifestName { throw Fault("it lists itself") }
            guard let size = item["size"]?.integer, size >= 0 else { throw Fault("\(name) has no size in bytes") }
            guard let text = item["sha256"]?.string, let digest = Hex.decode(text), digest.count == 32 else {
                throw Fault("\(name) has no sha256 of 64 hexadecimal digits")
            }
            guard paths.insert(Array(path.utf8)).inserted else { throw Fault("\(name) is listed twice") }
            table.append(FileEntry(path: path, size: size, tag: Hex.encode(digest), modified: Timestamp(secondsSinceEpoch: 0)))
        }
    }
}

extension VersionManifest {
    /// What the manifest's files are in a listing.
    enum Match {
        /// All are there; each entry requires its SHA-256.
        case complete(FileTable)
        /// One clause that names a file.
        case incomplete(String)
    }

    /// Finds the manifest's files, and only those, in a listing.
    func match(_ listed: FileTable) -> Match {
        var wanted: [[UInt8]: Int] = [:]
        for index in files.indices { wanted[Array(files[index].path.utf8)] = index }
        var table = FileTable()
        for entry in listed {
            guard let index = wanted.removeValue(forKey: Array(entry.path.utf8)) else { continue }
            let stated = files[index]
            guard stated.size == entry.size else {
                return .incomplete(
                    "\(PathRules.printable(entry.path)) has \(entry.size) bytes, and its manifest says \(stated.size)")
            }
            guard let digest = Hex.decode(stated.tag) else { continue }
            table.append(entry.requiring(sha256: digest))
        }
        guard let first = wanted.values.min() else { return .complete(table) }
        return .incomplete(
            "\(PathRules.printable(files[first].path)), which its manifest lists, is not there yet\(nor(more: wanted.count - 1))")
    }
}

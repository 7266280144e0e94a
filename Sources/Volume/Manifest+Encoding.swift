import FileIO
import PlainJSON
import Servables
import SystemPackage

/// A manifest is one JSON object, written so that it can be read and checked line by line: the header, one line a file, and a last
/// line with the CRC-64/NVME of all bytes before it. Unknown keys, a wrong checksum, or a missing line make it damaged.
enum ManifestText {
    static let format: Int64 = 1

    /// The first line, without its line break.
    static func header(_ header: ManifestHeader) -> [UInt8] {
        let summary = header.summary
        var members: [JSON.Member] = [
            .init("format", .integer(format)),
            .init("model", .string(header.model)),
            .init("version", .string(header.version.name)),
            .init("source", .string(header.source)),
            .init("adopted", .bool(header.isAdopted)),
            .init("published_at", .string(summary.publishedAt.description)),
            .init("newest", summary.newest.map { .string($0.description) } ?? .null),
            .init("released_at", summary.releasedAt.map { .string($0.description) } ?? .null),
            .init("file_count", .integer(Int64(summary.files))),
            .init("bytes", .integer(summary.bytes)),
        ]
        let verified = VerificationMethod.allCases.compactMap { method in
            summary.verified[method].map { JSON.Member(method.rawValue, .integer(Int64($0))) }
        }
        members.append(.init("verified", .object(verified)))
        members.append(.init("empty_directories", .array(header.emptyDirectories.map(JSON.string))))
        // Only where there is something to say: a program that does not know the key takes the manifest for damaged.
        if let boot = summary.unsyncedBoot { members.append(.init("unsynced_boot", .string(boot))) }
        if let refusal = summary.refusal { members.append(.init("refusal", json(of: refusal))) }
        var bytes: [UInt8] = []
        JSON.object(members).write(to: &bytes)
        bytes.removeLast()
        bytes += Array(",\"files\":[".utf8)
        return bytes
    }

    static func file(_ file: ManifestFile) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(384)
        // By hand: there may be 100,000, between the last byte that came and the publication.
        func add(_ name: StaticString, _ text: String) {
            bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
            JSON.writeString(text, to: &bytes)
        }
        add(#"{"path":"#, file.entry.path)
        bytes += #","size":"#.utf8
        bytes += String(file.entry.size).utf8
        add(#","tag":"#, file.entry.tag)
        add(#","modified":"#, file.entry.modified.description)
        add(#","crc64nvme":"#, hex(file.verification.crc64nvme))
        add(#","verified":"#, file.verification.method.rawValue)
        if let stamp = file.stamp { add(#","stamp":"#, text(of: stamp)) }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    /// The last line, which closes the object.
    static func trailer(checksum: UInt64) -> [UInt8] { Array("],\"crc64nvme\":\"\(hex(checksum))\"}\n".utf8) }

    static func parseHeader(_ line: ArraySlice<UInt8>) -> ManifestHeader? {
        guard let json = try? JSON(parsing: Array(line) + Array("]}".utf8)), let members = json.object else { return nil }
        let known: Set<String> = [
            "format", "model", "version", "source", "adopted", "published_at", "newest", "released_at", "file_count", "bytes",
            "verified", "empty_directories", "unsynced_boot", "refusal", "files",
        ]
        guard members.allSatisfy({ known.contains($0.key) }), json["format"]?.integer == format,
            let model = json["model"]?.string, let version = json["version"]?.string.flatMap({ Version($0) }),
            let source = json["source"]?.string, let isAdopted = json["adopted"]?.bool,
            let publishedAt = json["published_at"]?.string.flatMap(Timestamp.init(rfc3339:)),
            let files = json["file_count"]?.integer, let bytes = json["bytes"]?.integer,
            let verifiedMembers = json["verified"]?.object, let directories = json["empty_directories"]?.array
        else { return nil }
        var verified: [VerificationMethod: Int] = [:]
        for member in verifiedMembers {
            guard let method = VerificationMethod(rawValue: member.key), let count = member.value.integer else { return nil }
            verified[method] = Int(count)
        }
        var refusal: LoadRefusal?
        if let json = json["refusal"] {
            guard let parsed = self.refusal(parsing: json) else { return nil }
            refusal = parsed
        }
        let summary = ManifestSummary(
            files: Int(files), bytes: bytes, publishedAt: publishedAt,
            newest: json["newest"]?.string.flatMap(Timestamp.init(rfc3339:)), verified: verified,
            releasedAt: json["released_at"]?.string.flatMap(Timestamp.init(rfc3339:)),
            unsyncedBoot: json["unsynced_boot"]?.string, refusal: refusal)
        return ManifestHeader(
            model: model, version: version, source: source, isAdopted: isAdopted, summary: summary,
            emptyDirectories: directories.compactMap(\.string))
    }

    private static func json(of refusal: LoadRefusal) -> JSON {
        .object([
            .init("reason", .string(oneLine(refusal.reason))), .init("at", .string(refusal.at.description)),
            .init("count", .integer(Int64(refusal.count))),
        ])
    }

    private static func refusal(parsing json: JSON) -> LoadRefusal? {
        guard let members = json.object, members.map(\.key) == ["reason", "at", "count"], let reason = json["reason"]?.string,
            let at = json["at"]?.string.flatMap(Timestamp.init(rfc3339:)), let count = json["count"]?.integer,
            (1...mostRefusals).contains(count)
        else { return nil }
        return LoadRefusal(reason: reason, at: at, count: Int(count))
    }

    /// More are not counted.
    static let mostRefusals: Int64 = 1_000_000

    /// A server's words as they are kept: no control characters, and 1,000 bytes at most.
    static func oneLine(_ text: String) -> String {
        var line = ""
        var length = 0
        for scalar in text.unicodeScalars {
            let isControl = scalar.properties.generalCategory == .control || scalar == "\u{2028}" || scalar == "\u{2029}"
            let scalar = isControl ? " " : scalar
            length += UTF8.width(scalar)
            if length > 1_000 { break }
            line.unicodeScalars.append(scalar)
        }
        return line
    }

    static func parseFile(_ line: ArraySlice<UInt8>) -> ManifestFile? {
        let line = line.last == UInt8(ascii: ",") ? line.dropLast() : line
        guard let json = try? JSON(parsing: line), let path = json["path"]?.string, let size = json["size"]?.integer,
            let tag = json["tag"]?.string, let modified = json["modified"]?.string.flatMap(Timestamp.init(rfc3339:)),
            let checksum = json["crc64nvme"]?.string.flatMap({ UInt64($0, radix: 16) }),
            let method = json["verified"]?.string.flatMap(VerificationMethod.init(rawValue:))
        else { return nil }
        return ManifestFile(
            entry: FileEntry(path: path, size: size, tag: tag, modified: modified),
            verification: Verification(crc64nvme: checksum, method: method),
            stamp: json["stamp"]?.string.flatMap(stamp(parsing:)))
    }

    /// Inode, time of modification and time of change.
    private static func text(of stamp: FileStamp) -> String {
        String(pieces: [String(stamp.inode), " ", stamp.modified.mark, " ", stamp.changed.mark])
    }

    private static func stamp(parsing text: String) -> FileStamp? {
        let fields = Substring(text).utf8.split(separator: UInt8(ascii: " ")).map(Substring.init)
        guard fields.count == 3, let inode = UInt64(fields[0]), let modified = Timestamp(mark: fields[1]),
            let changed = Timestamp(mark: fields[2])
        else { return nil }
        return FileStamp(inode: inode, modified: modified, changed: changed)
    }
}

/// Sixteen digits, lower case.
func hex(_ value: UInt64) -> String {
    String(unsafeUninitializedCapacity: 16) { text in
        for index in 0..<16 {
            let digit = UInt8(value >> (60 - 4 * index) & 0xF)
            text.initializeElement(at: index, to: digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
        return 16
    }
}

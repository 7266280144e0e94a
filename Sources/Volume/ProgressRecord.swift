import FileIO
import Servables
import SystemPackage

/// A line of `progress`, the record beside a staged tree.
///
/// `begin` names the boot and the source; a `file` line binds an index to what was listed under it, so that after a restart only
/// files of the same path, size and tag go on. Each attempt begins a record of its own with what it kept.
enum ProgressRecord: Hashable {
    case begin(boot: String, source: String)
    case file(index: Int, entry: FileEntry)
    case extent(index: Int, Extent)
    case verified(index: Int, Verification)
    case reset(index: Int)

    /// Fields separated by tabs; texts are escaped so that they hold none.
    var line: String {
        switch self {
        case .begin(let boot, let source): "begin\t1\t\(escaped(boot))\t\(escaped(source))"
        case .file(let index, let entry):
            String(pieces: [
                "file\t", String(index), "\t", String(entry.size), "\t", escaped(entry.tag), "\t", escaped(entry.path),
            ])
        case .extent(let index, let extent):
            String(pieces: [
                "extent\t", String(index), "\t", String(extent.offset), "\t", String(extent.length), "\t", hex(extent.crc64nvme),
                "\t", extent.crc32c.map { String($0, radix: 16) } ?? "-", "\t",
                extent.crc32.map { String($0, radix: 16) } ?? "-",
            ])
        case .verified(let index, let verification):
            String(pieces: ["verified\t", String(index), "\t", hex(verification.crc64nvme), "\t", verification.method.rawValue])
        case .reset(let index): "reset\t\(index)"
        }
    }

    init?(_ line: String) {
        let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        switch (fields.first, fields.count) {
        case ("begin", 4) where fields[1] == "1":
            self = .begin(boot: unescaped(fields[2]), source: unescaped(fields[3]))
        case ("file", 5):
            guard let index = Int(fields[1]), let size = Int64(fields[2]) else { return nil }
            // When it was written is not part of what makes it the same file.
            self = .file(
                index: index,
                entry: FileEntry(
                    path: unescaped(fields[4]), size: size, tag: unescaped(fields[3]), modified: Timestamp(secondsSinceEpoch: 0)))
        case ("extent", 7):
            guard let index = Int(fields[1]), let offset = Int64(fields[2]), let length = Int64(fields[3]), offset >= 0,
                length > 0,
                offset.addingReportingOverflow(length).overflow == false, let crc64nvme = UInt64(fields[4], radix: 16)
            else { return nil }
            self = .extent(
                index: index,
                Extent(
                    offset: offset, length: length, crc64nvme: crc64nvme, crc32c: UInt32(fields[5], radix: 16),
                    crc32: UInt32(fields[6], radix: 16)))
        case ("verified", 4):
            guard let index = Int(fields[1]), let crc64nvme = UInt64(fields[2], radix: 16),
                let method = VerificationMethod(rawValue: fields[3])
            else { return nil }
            self = .verified(index: index, Verification(crc64nvme: crc64nvme, method: method))
        case ("reset", 2):
            guard let index = Int(fields[1]) else { return nil }
            self = .reset(index: index)
        default: return nil
        }
    }
}

/// What a record says, replayed.
struct RecordedProgress {
    private(set) var boot = ""
    private(set) var source: String?
    private var paths: [Int: FilePath] = [:]
    /// By path, byte for byte: two spellings of one letter are two files. What was listed, and how far it is.
    private var files: [FilePath: (entry: FileEntry, progress: FileProgress)] = [:]

    mutating func replay(_ line: String) {
        switch ProgressRecord(line) {
        case .begin(let boot, let source):
            self = RecordedProgress()
            self.boot = boot
            self.source = source
        case .file(let index, let entry):
            paths[index] = FilePath(entry.path)
            files[FilePath(entry.path)] = (entry, FileProgress())
        case .extent(let index, let extent):
            if let path = paths[index] { files[path]?.progress.extents.append(extent) }
        case .verified(let index, let verification):
            if let path = paths[index] { files[path]?.progress = FileProgress(verification: verification) }
        case .reset(let index):
            if let path = paths[index] { files[path]?.progress = FileProgress() }
        case nil:
            // Not ours, or of a version that says more than this one knows.
            self = RecordedProgress()
        }
    }

    /// Bytes of all files that are there, as far as the record knows.
    var stagedBytes: Int64 {
        files.values.reduce(0) { sum, file in
            sum + (file.progress.verification != nil ? file.entry.size : file.progress.extents.reduce(0) { $0 + $1.length })
        }
    }

    /// The progress of a file, if it is still the one that was being fetched.
    func progress(of entry: FileEntry) -> FileProgress? {
        // Without a tag two revisions of one size are the same to us.
        guard !entry.tag.isEmpty, let known = files[FilePath(entry.path)], known.entry.size == entry.size,
            known.entry.tag == entry.tag
        else {
            return nil
        }
        guard known.progress.verification != nil || !known.progress.extents.isEmpty else { return nil }
        return known.progress
    }
}

/// Percent-encodes what would break a line into fields.
private func escaped(_ text: String) -> String {
    var text = text
    guard text.withUTF8({ $0.contains { $0 == UInt8(ascii: "%") || $0 < 0x20 } }) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
        if scalar == "%" || scalar.value < 0x20 {
            result += "%" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
        } else {
            result.unicodeScalars.append(scalar)
        }
    }
    return result
}

private func unescaped(_ text: String) -> String {
    var result = ""
    var rest = text.unicodeScalars[...]
    while let scalar = rest.popFirst() {
        if scalar == "%", rest.count >= 2, let value = UInt8(String(rest.prefix(2)), radix: 16) {
            result.unicodeScalars.append(Unicode.Scalar(value))
            rest = rest.dropFirst(2)
        } else {
            result.unicodeScalars.append(scalar)
        }
    }
    return result
}

import CChecksum
public import SystemPackage

/// A file of lines that is only ever appended to, each line with a checksum of its own, so that a line torn by a kill is known
/// for what it is. Never synced: who reads it in another boot checks what it says.
public final class Journal: Sendable {
    private let descriptor: Descriptor

    /// Continues or begins a journal.
    /// - Returns: also the lines that are whole, oldest first; the file is cut after the last of them.
    public static func open(
        _ path: FilePath, fileSystem: FileSystem, limit: Int = 256 << 20
    ) throws(FileError) -> (journal: Journal, lines: [String]) {
        var lines: [String] = []
        var length = 0
        if try fileSystem.status(path) != nil {
            let content = try fileSystem.readFile(path, limit: limit)
            while let end = content[length...].firstIndex(of: UInt8(ascii: "\n")) {
                guard let line = Journal.decode(content[length..<end]) else { break }
                lines.append(line)
                length = end + 1
            }
        }
        let descriptor = try fileSystem.open(path, .append)
        try descriptor.truncate(to: Int64(length))
        return (Journal(descriptor), lines)
    }

    private init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

    /// Adds one line. May be called from any thread: lines never mix, since each is one appending write.
    /// - Parameter line: holds no line break.
    public func append(_ line: String) throws(FileError) {
        let bytes = Array(line.utf8)
        let record = Array("\(Journal.checksum(bytes[...])) ".utf8) + bytes + [UInt8(ascii: "\n")]
        try record.withUnsafeBytesTyped { (bytes) throws(FileError) in try descriptor.append(bytes) }
    }

    private static func decode(_ record: ArraySlice<UInt8>) -> String? {
        guard let space = record.firstIndex(of: UInt8(ascii: " ")) else { return nil }
        let line = record[(space + 1)...]
        guard String(decoding: record[..<space], as: UTF8.self) == checksum(line) else { return nil }
        return String(decoding: line, as: UTF8.self)
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> String {
        String(bytes.withUnsafeBytes { aspired_crc64nvme(0, $0.baseAddress, $0.count) }, radix: 16)
    }
}

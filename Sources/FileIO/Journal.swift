import CChecksum
public import SystemPackage

/// A file of lines that is only ever appended to, each line with a checksum of its own, so that a line torn by a kill is known
/// for what it is. Never synced: who reads it in another boot checks what it says.
public final class Journal: Sendable {
    private let descriptor: Descriptor
    /// Whether the last line was cut by an error.
    private let isTorn = Lock(false)

    /// Hands out the lines that are whole, oldest first; none where there is no journal. A damaged line is left out: it was torn
    /// by a kill, or by an error that its writer was told of.
    public static func read(
        _ path: FilePath, fileSystem: FileSystem, line body: (String) throws(FileError) -> Void
    ) throws(FileError) {
        guard try fileSystem.status(path)?.kind == .file else { return }
        let file = try fileSystem.open(path, .read)
        var rest: [UInt8] = []
        try fileSystem.forEachChunk(of: file) { (bytes) throws(FileError) in
            rest.append(contentsOf: bytes)
            var start = 0
            while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
                if let line = decode(rest[start..<end]) { try body(line) }
                start = end + 1
            }
            rest.removeFirst(start)
            // Nothing that was ever written here is so long.
            if rest.count > 1 << 20 { rest = [] }
        }
    }

    /// Begins a journal with these lines, in place of the one that may be there: either the old one or all of `lines` is found after a
    /// kill at any time.
    public static func create(_ path: FilePath, lines: some Sequence<String>, fileSystem: FileSystem) throws(FileError) -> Journal
    {
        let temporary = FilePath(path.string + ".new")
        try fileSystem.removeFile(temporary)
        do throws(FileError) {
            let descriptor = try fileSystem.open(temporary, .append)
            var pending: [UInt8] = []
            for line in lines {
                add(line, to: &pending)
                if pending.count >= 64 << 10 {
                    try append(pending, to: descriptor)
                    pending.removeAll(keepingCapacity: true)
                }
            }
            try append(pending, to: descriptor)
            try fileSystem.renameReplacing(temporary, path)
            return Journal(descriptor)
        } catch {
            _ = try? fileSystem.removeFile(temporary)
            throw error
        }
    }

    private init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

    /// Adds lines by one write. May be called from any thread.
    /// - `lines`: hold no line break.
    public func append(_ lines: String...) throws(FileError) {
        var record: [UInt8] = []
        record.reserveCapacity(lines.reduce(0) { $0 + $1.utf8.count + Self.overhead })
        for line in lines { Self.add(line, to: &record) }
        try isTorn.withLock { (isTorn) throws(FileError) in
            // What an error cut stays a line of its own.
            if isTorn { record.insert(UInt8(ascii: "\n"), at: 0) }
            isTorn = true
            try Journal.append(record, to: descriptor)
            isTorn = false
        }
    }

    private static func append(_ bytes: [UInt8], to descriptor: borrowing Descriptor) throws(FileError) {
        let outcome: Result<Void, FileError> = bytes.withUnsafeBytes { bytes in
            do throws(FileError) { return .success(try descriptor.append(bytes)) } catch { return .failure(error) }
        }
        try outcome.get()
    }

    /// Bytes of a record beside those of its line, at most.
    private static let overhead = 18

    private static func add(_ line: String, to records: inout [UInt8]) {
        var line = line
        line.withUTF8 { bytes in
            records.append(contentsOf: checksum(UnsafeRawBufferPointer(bytes)).utf8)
            records.append(UInt8(ascii: " "))
            records.append(contentsOf: bytes)
            records.append(UInt8(ascii: "\n"))
        }
    }

    private static func decode(_ record: ArraySlice<UInt8>) -> String? {
        guard let space = record.firstIndex(of: UInt8(ascii: " ")) else { return nil }
        let line = record[(space + 1)...]
        guard String(decoding: record[..<space], as: UTF8.self) == line.withUnsafeBytes(checksum) else { return nil }
        return String(decoding: line, as: UTF8.self)
    }

    private static func checksum(_ bytes: UnsafeRawBufferPointer) -> String {
        String(aspired_crc64nvme(0, bytes.baseAddress, bytes.count), radix: 16)
    }
}

import Glibc
import NIOCore

/// An object as a request finds it: what its headers say, and its content.
struct StoredObject: Sendable {
    var head: ObjectHead
    var content: ObjectContent
}

/// What a listing and the response headers tell of an object.
struct ObjectHead: Sendable {
    var size: Int
    /// Without quotes.
    var etag: String
    var lastModified: UnixTime
    /// Header values by the end of the header's name (`crc64nvme`).
    var checksums: [String: String]
    /// `FULL_OBJECT` or `COMPOSITE`.
    var checksumType = "FULL_OBJECT"
    var storageClass = "STANDARD"
    /// Empty for what was uploaded in one piece.
    var parts: [ObjectPart] = []

    /// Where a part is, counted from 1.
    func range(ofPart number: Int) -> Range<Int>? {
        guard parts.indices.contains(number - 1) else { return nil }
        let start = parts.prefix(number - 1).reduce(0) { $0 + $1.size }
        return start..<start + parts[number - 1].size
    }
}

extension ObjectHead {
    init(size: Int, lastModified: UnixTime, _ digests: DigestCache.Digests) {
        self.init(
            size: size, etag: digests.etag, lastModified: lastModified, checksums: digests.checksums,
            checksumType: digests.checksumType, parts: digests.parts)
    }
}

/// Where an object's bytes are.
enum ObjectContent: Sendable {
    case memory(ByteBuffer)
    case file(OpenFile)
    case synthetic(SyntheticContent)

    /// Up to `limit` bytes from the beginning of `range`, ready to be written to a channel; a file's bytes stay in the file.
    func part(_ range: Range<Int>, limit: Int) -> IOData {
        let wanted = range.lowerBound..<min(range.upperBound, range.lowerBound + limit)
        switch self {
        case .memory(let buffer):
            return .byteBuffer(buffer.getSlice(at: buffer.readerIndex + wanted.lowerBound, length: wanted.count) ?? ByteBuffer())
        case .file(let file):
            return .fileRegion(FileRegion(fileHandle: file.handle, readerIndex: wanted.lowerBound, endIndex: wanted.upperBound))
        case .synthetic(let content):
            return .byteBuffer(content.part(wanted))
        }
    }

    /// One byte, for faults that change it.
    func byte(at offset: Int) -> UInt8? {
        switch part(offset..<(offset + 1), limit: 1) {
        case .byteBuffer(let buffer):
            return buffer.readableBytesView.first
        case .fileRegion(let region):
            var byte: UInt8 = 0
            let count = try? region.fileHandle.withUnsafeFileDescriptor { pread($0, &byte, 1, off_t(offset)) }
            return count == 1 ? byte : nil
        }
    }
}

/// A file opened for reading, closed with its last user.
final class OpenFile: Sendable {
    let handle: NIOFileHandle
    let identity: FileIdentity

    /// - Returns: `nil` where there is no regular file that can be read.
    init?(_ path: FolderPath) {
        // A FIFO of that name must not block the open.
        let descriptor = open(path.cString, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: descriptor)
        var status = stat()
        guard fstat(descriptor, &status) == 0, let identity = FileIdentity(regularFile: status) else {
            try? handle.close()
            return nil
        }
        self.identity = identity
    }

    deinit { try? handle.close() }
}

/// What changes when a file's content does.
struct FileIdentity: Hashable, Sendable {
    let device: UInt64
    let inode: UInt64
    let size: Int
    let seconds: Int
    let nanoseconds: Int

    init?(regularFile status: stat) {
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int(status.st_size)
        seconds = Int(status.st_mtim.tv_sec)
        nanoseconds = Int(status.st_mtim.tv_nsec)
    }

    var lastModified: UnixTime { UnixTime(timespec(tv_sec: seconds, tv_nsec: nanoseconds)) }
}

/// A path as its bytes.
struct FolderPath: Hashable, Sendable {
    let bytes: [UInt8]

    init(_ text: String) { bytes = Array(text.utf8) }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    func appending(_ component: some Sequence<UInt8>) -> FolderPath {
        FolderPath(bytes: bytes + [UInt8(ascii: "/")] + Array(component))
    }

    func appending(_ component: String) -> FolderPath { appending(component.utf8) }

    var cString: [CChar] { bytes.map { CChar(bitPattern: $0) } + [0] }

    /// Follows symlinks.
    var status: stat? {
        var status = stat()
        return stat(cString, &status) == 0 ? status : nil
    }
}

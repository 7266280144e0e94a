import Glibc
import NIOCore

/// ETags and checksums of files, computed when first asked for and kept by the file's identity.
final class DigestCache: Sendable {
    struct Digests: Sendable {
        var etag: String
        var checksums: [String: String]
        var checksumType = "FULL_OBJECT"
        /// Empty for what was uploaded in one piece.
        var parts: [ObjectPart] = []
    }

    /// Milliseconds, longer than any kernel's.
    private let tick: Int64 = 20
    private let kinds: [ChecksumKind]
    private let parts: UploadParts?
    private let known = Lock<[FileIdentity: Digests]>([:])
    /// One file is read at a time, so that requests which meet at a new file do not each read it.
    private let reading = Lock(())

    /// `parts` is how files count as uploaded, if not in one piece.
    init(_ kinds: [ChecksumKind], _ parts: UploadParts?) {
        self.kinds = kinds
        self.parts = parts
    }

    func known(_ identity: FileIdentity) -> Digests? { known.withLock { $0[identity] } }

    /// - Returns: `nil` if the file cannot be read to its end.
    func digests(of file: OpenFile) -> Digests? {
        if let digests = known(file.identity) { return digests }
        return reading.withLock { _ in
            if let digests = known(file.identity) { return digests }
            // Two changes within one tick of the kernel's clock leave one modification time: the tick is waited out, so that
            // whatever changes during the reading or after it has another time. A time in the future tells nothing.
            let age = UnixTime.now().milliseconds - file.identity.lastModified.milliseconds
            if (0..<tick).contains(age) { usleep(UInt32(tick - age) * 1000) }
            guard let digests = read(file) else { return nil }
            if age >= 0 { known.withLock { $0[file.identity] = digests } }
            return digests
        }
    }

    /// Notes how a file was uploaded.
    func set(_ digests: Digests, of file: OpenFile) { known.withLock { $0[file.identity] = digests } }

    private func read(_ file: OpenFile) -> Digests? {
        var digester = ObjectDigester(kinds, parts)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        let whole = try? file.handle.withUnsafeFileDescriptor { descriptor in
            var offset = 0
            while offset < file.identity.size {
                let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
                guard count > 0 else { return false }
                digester.update(UnsafeRawBufferPointer(rebasing: buffer.prefix(count)))
                offset += count
            }
            return true
        }
        guard whole == true else { return nil }
        return digester.finish()
    }
}

public import FileIO
public import S3
import Servables
public import SystemPackage

/// A file on the volume that may be what the source has: its checksums are computed where somebody asks.
public struct LocalFile: LocalBytes {
    public let path: FilePath
    /// Bytes.
    public let size: Int64
    private let fileSystem: FileSystem
    private let reader: WorkerThread

    public init(path: FilePath, size: Int64, fileSystem: FileSystem, reader: WorkerThread) {
        self.path = path
        self.size = size
        self.fileSystem = fileSystem
        self.reader = reader
    }

    /// All three CRCs of the file.
    public func checksums() async throws(FileError) -> Extent {
        try await reader.run { () throws(FileError) in
            let file = try fileSystem.open(path, .read)
            var checksum = RunningChecksum(.all)
            try fileSystem.forEachChunk(of: file) { checksum.update($0) }
            return checksum.extent(at: 0)
        }
    }

    /// A digest of the file.
    public func digest(_ digest: FileDigest) async throws(FileError) -> [UInt8] {
        try await reader.run { () throws(FileError) in try fileSystem.digest(digest, of: path, size: size) }
    }
}

extension LocalFile {
    /// - Returns: `nil` where the bytes have another SHA-256, or are more or fewer.
    func verification(sha256: [UInt8]) async throws(SourceError) -> Verification? {
        do throws(FileError) {
            guard try await digest(FileDigest(.sha256)) == sha256 else { return nil }
            // The digest is of as many bytes as there should be.
            let checksums = try await checksums()
            return checksums.length == size ? Verification(crc64nvme: checksums.crc64nvme, method: .sha256) : nil
        } catch {
            throw SourceError(Failure(.volume, "compare \(path) with its manifest: \(error)", isTransient: true))
        }
    }
}

import FileIO
import Glibc
import S3
import Servables
import SystemPackage
import Volume

/// Reads the text of a list of models from where it is, whole and of one revision.
struct ModelListReader: Sendable {
    /// A revision of the list.
    struct Revision: Sendable {
        let text: [UInt8]
        /// Of an object.
        let etag: String?
    }

    let place: SourceLocation
    let clients: S3Clients
    let reader: WorkerThread

    /// Reads the list, whichever revision is there.
    func read() async throws(Failure) -> Revision {
        guard let revision = try await read(unless: nil) else { preconditionFailure("nothing was known that it could still be") }
        return revision
    }

    /// Reads the list.
    /// - Parameter known: the revision that is known already.
    /// - Returns: `nil` where it is still that one.
    /// - Throws: of kind `configuration` where a file cannot be read; else as S3 has it.
    func read(unless known: Revision?) async throws(Failure) -> Revision? {
        let revision: Revision
        switch place {
        case .directory(let path): revision = try await file(FilePath(path))
        case .s3(let bucket, let key, let endpoint, let region):
            let client = try clients.client(endpoint: endpoint, region: region)
            try client.configuration.check(bucket: bucket)
            do throws(S3Error) {
                let found = try await client.read(bucket: bucket, key: key, unless: known?.etag, limit: Volume.listLimit)
                guard let found else { return nil }
                revision = Revision(text: found.bytes, etag: found.etag)
            } catch {
                throw error.failure
            }
        }
        return revision.text == known?.text ? nil : revision
    }

    private func file(_ path: FilePath) async throws(Failure) -> Revision {
        Revision(text: try await reader.run { () throws(Failure) in try Self.text(of: path) }, etag: nil)
    }

    /// Reads a file; blocks. Links are followed once, before it is opened: what `..data` of a ConfigMap leads to can change meanwhile.
    static func text(of path: FilePath) throws(Failure) -> [UInt8] {
        let resolved = path.withPlatformString { realpath($0, nil) }
        defer { free(resolved) }
        let target = resolved.map { FilePath(platformString: $0) } ?? path
        do throws(FileError) { return try FileSystem().readFile(target, limit: Volume.listLimit) } catch {
            throw Failure(
                .configuration, "read the list of models \(path): \(error.errno); give --models-config a file that can be read")
        }
    }
}

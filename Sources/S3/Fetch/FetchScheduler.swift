public import FileIO
public import Servables
public import Transfer

/// What happens during a fetch, for whoever knows the model.
public enum FetchEvent: Sendable {
    /// So many bytes of payload arrived and are staged; said at the end of each request, also of a cut one.
    case bytes(Int64)
    /// The bytes did not match what the store says of them; they are dropped. Said each time.
    case checksumMismatch(S3Error)
}

/// Fetches objects into staged files. One a process: its window bounds the requests in flight over everything, whichever
/// model and endpoint they are for.
public final class FetchScheduler: Sendable {
    /// Requests in flight at once, at most (`--concurrency`).
    public static let standardConcurrency = 128
    /// Bytes of a ranged request: what AWS advises, and one such part can be lost without much harm.
    public static let standardPartSize: Int64 = 8 << 20

    private let window: RequestWindow
    private let partSize: Int64
    /// For the clients that it fetches by.
    public var waitListener: any WaitListener { window }
    /// Whether anything but the length is compared.
    public let comparesChecksums: Bool

    /// - Parameters:
    ///   - concurrency: requests in flight at once, at most; how many there are is found out.
    ///   - partSize: bytes of a ranged request.
    ///   - comparesChecksums: `false` takes the length for enough (`--verify size`).
    ///   - time: its clock that does not jump counts.
    public init(
        concurrency: Int = standardConcurrency, partSize: Int64 = standardPartSize, comparesChecksums: Bool = true,
        time: any TimeSource = SystemTimeSource()
    ) {
        precondition(partSize > 0, "a part has a byte")
        window = RequestWindow(limit: concurrency, partSize: partSize, time: time)
        self.partSize = partSize
        self.comparesChecksums = comparesChecksums
    }

    /// Makes `file` the object, whole and compared with the strongest thing that the store says of it.
    ///
    /// What is staged already is kept, and what arrives is staged also where the fetch fails: calling it again goes on from
    /// there. Bytes of two revisions are never mixed: every request is pinned to the listed ETag and every answer checked
    /// before its first byte.
    /// - Parameters:
    ///   - object: the revision that was listed.
    ///   - client: speaks with the endpoint that has it.
    ///   - file: of the object's size; no one else may write to it meanwhile.
    ///   - party: who has it fetched.
    ///   - report: called from any thread.
    /// - Returns: the CRC-64/NVME of the bytes, and what of the store's own they were compared with: `size` where it offers
    ///   nothing, or only a checksum of parts (a multipart ETag, a composite checksum) whose sizes it does not tell.
    /// - Throws: ``S3Error/isObjectChanged`` where the object is no longer the listed one: the file is empty then, and the object
    ///   must be listed anew. A checksum that still differs after all was fetched anew is of kind `badData`; the file is empty.
    public func fetch(
        _ object: S3Object, from client: S3Client, into file: StagedFile, for party: FetchParty = FetchParty(""),
        report: @escaping @Sendable (FetchEvent) -> Void = { _ in }
    ) async throws(S3Error) -> Verification {
        precondition(object.size == file.size, "a file is staged with the size of its object")
        let fetch = ObjectFetch(
            object: object, client: client, file: file, party: party, window: window, partSize: partSize,
            comparesChecksums: comparesChecksums, report: report)
        // Of a fetch that ends early nobody asks for the digest.
        defer { file.stopFollowing() }
        var isMismatched = false
        var isAnew = false
        while true {
            do throws(S3Error) {
                switch try await fetch.verify(fetch.bytes()) {
                case .verified(let verification): return verification
                case .mismatch(let error):
                    report(.checksumMismatch(error))
                    try reset(file, object)
                    if isMismatched { throw error }
                    isMismatched = true
                case .notComputed:
                    try reset(file, object)
                    if isAnew {
                        throw S3Error(
                            .getObject, object.resource, .unintelligible("its checksum is offered only at times", mayHeal: true))
                    }
                    isAnew = true
                }
            } catch {
                if error.isObjectChanged { try reset(file, object) }
                throw error
            }
        }
    }

    private func reset(_ file: StagedFile, _ object: S3Object) throws(S3Error) {
        do throws(FileError) {
            try file.reset()
        } catch {
            throw S3Error(.getObject, object.resource, .file(error))
        }
    }
}

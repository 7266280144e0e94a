import FileIO
import Servables
import Transfer

/// What the bytes of an object are compared with.
struct Comparison: Sendable {
    let offered: OfferedChecksum
    /// Of the parts, where a checksum of theirs is compared.
    let sizes: PartSizes?

    init(offered: OfferedChecksum, sizes: PartSizes? = nil) {
        self.offered = offered
        self.sizes = sizes
    }

    /// With what is offered of a whole object, or with a checksum of its parts once it is known how long these are.
    /// - Parameters:
    ///   - offered: by the store.
    ///   - object: the revision.
    ///   - parallel: questions at once.
    ///   - ask: once, with retries, for the size of a part, counted from 1; `nil` where the store does not tell.
    /// - Throws: what `ask` throws.
    init(
        _ offered: OfferedChecksum, of object: S3Object, parallel: Int,
        ask: @escaping @Sendable (Int, OfferedParts) async throws(S3Error) -> Int64?
    ) async throws(S3Error) {
        guard case .parts(let parts) = offered else {
            self.init(offered: offered)
            return
        }
        let sizes = PartSizes(
            object: object, parts: parts, ask: { (number) async throws(S3Error) in try await ask(number, parts) },
            parallel: parallel)
        guard let assumed = try await sizes.assumed() else {
            self.init(offered: .none)
            return
        }
        self.init(offered: .digest(FileDigest(parts.hash, parts: assumed), value: parts.value), sizes: sizes)
    }
}

/// The fetch of one object: its pieces, and the comparison at the end.
struct ObjectFetch: Sendable {
    let object: S3Object
    let client: S3Client
    let file: StagedFile
    let party: FetchParty
    let window: RequestWindow
    private let turn: UInt64
    /// Bytes.
    let partSize: Int64
    let report: @Sendable (FetchEvent) -> Void

    /// What to compare with; where nobody has said it before, the first answer about the whole object does.
    private let offered: Lock<OfferedChecksum?>

    /// `comparesChecksums`: whether anything but the length is compared.
    init(
        object: S3Object, client: S3Client, file: StagedFile, party: FetchParty, window: RequestWindow, partSize: Int64,
        comparesChecksums: Bool, report: @escaping @Sendable (FetchEvent) -> Void
    ) {
        self.object = object
        self.client = client
        self.file = file
        self.party = party
        self.window = window
        turn = window.nextTurn()
        self.partSize = partSize
        offered = Lock(object.stated ?? (comparesChecksums ? nil : OfferedChecksum.none))
        self.report = report
    }

    /// Brings in what is missing.
    /// - Returns: what the store offers to compare the whole with.
    func bytes() async throws(S3Error) -> Comparison {
        let missing = file.missing
        // A small object in one request: no HEAD, and its checksum comes with it. An empty one has no bytes to be asked for.
        if missing == [0..<object.size], object.size <= partSize {
            try await piece(0..<object.size)
            return try await comparison()
        }
        let known = Lock<Comparison?>(nil)
        do {
            try await withThrowingDiscardingTaskGroup { group in
                // Asked first, and not waited for: its answer would take as long as their first bytes.
                guard await window.take(for: party, turn: turn, bytes: 0) else { throw cancelled }
                group.addTask {
                    try await self.ask()
                    let comparison = try await self.comparison()
                    if case .digest(let digest, _) = comparison.offered { file.follow(digest) }
                    known.withLock { $0 = comparison }
                }
                try await addPieces(of: missing, to: &group)
            }
        } catch {
            throw error as? S3Error ?? cancelled
        }
        guard let comparison = known.withLock({ $0 }) else { throw cancelled }
        return comparison
    }

    private var cancelled: S3Error { S3Error(.getObject, object.resource, .cancelled) }

    /// One HEAD: the object is still the one that was listed, and this is what there is to compare with. It has its place in the window.
    private func ask() async throws(S3Error) {
        var held: Int64? = 0
        let answer = try await client.retrying { (connection) async throws(FailedTry) in
            try await self.placed(.headObject, held: held.take()) { () async throws(FailedTry) in
                try await self.client.head(self.object, by: connection)
            }
        }
        offered.withLock { $0 = $0 ?? OfferedChecksum(answer.head, object) }
    }

    /// What to compare with. Of checksums of parts the sizes are asked for first.
    private func comparison() async throws(S3Error) -> Comparison {
        try await Comparison(offered.withLock { $0 } ?? .none, of: object, parallel: 8) {
            (number, parts) async throws(S3Error) in
            try await client.retrying { (connection) async throws(FailedTry) in
                try await self.placed(.headObject) { () async throws(FailedTry) in
                    try await self.client.size(ofPart: number, parts, of: self.object, by: connection)
                }
            }
        }
    }

    /// Fetches ranges in pieces, in order, each as soon as it has a place; the first failure ends all of the group.
    private func addPieces(
        of missing: [Range<Int64>], to group: inout ThrowingDiscardingTaskGroup<any Error>
    ) async throws(S3Error) {
        for piece in missing.lazy.flatMap({ cut($0) }) {
            // Only for the next one is waited: however long the object, no more tasks are about than there are places.
            guard await window.take(for: party, turn: turn, bytes: Int64(piece.count)) else { throw cancelled }
            group.addTask { try await self.piece(piece, hasPlace: true) }
            if group.isCancelled { return }
        }
    }

    private func cut(_ range: Range<Int64>) -> [Range<Int64>] {
        stride(from: range.lowerBound, to: range.upperBound, by: Int64.Stride(partSize)).map {
            $0..<min($0 + partSize, range.upperBound)
        }
    }

    /// Fetches one piece; each further try begins at the byte that was reached. It may have its place in the window already.
    private func piece(_ range: Range<Int64>, hasPlace: Bool = false) async throws(S3Error) {
        var held = hasPlace ? Int64(range.count) : nil
        try await client.retrying { (connection) async throws(FailedTry) in
            let place = held.take()
            guard let rest = self.rest(of: range) else {
                if let place { window.giveBack(for: party, bytes: place, .done(0)) }
                return
            }
            defer { self.report(.bytes((self.rest(of: range)?.lowerBound ?? range.upperBound) - rest.lowerBound)) }
            try await self.placed(.getObject, bytes: Int64(rest.count), held: place) { () async throws(FailedTry) in
                try await self.get(rest, by: connection)
            }
        }
    }

    /// What a piece still lacks. It is written from its start on, so that is one range.
    private func rest(of range: Range<Int64>) -> Range<Int64>? {
        file.missing.first { $0.overlaps(range) }?.clamped(to: range)
    }

    private func get(_ range: Range<Int64>, by connection: HTTPRequest.Connection) async throws(FailedTry) {
        let isWhole = range == 0..<object.size && object.size <= partSize
        let wanted = Wanted(object: object, range: range, isWhole: isWhole)
        let (offered, file) = (offered, file)
        try await client.attempt(wanted.call, by: connection) { (request) async throws(TransportError) -> S3Answer<Void> in
            var request = request
            request.answerBytes = Int64(range.count)
            let outcome = try await self.client.http.download(request, into: file) { head in
                // On the transfer thread, before the first byte of the body.
                guard head.isSuccess else { return .collect(limit: ErrorBody.maximumBytes) }
                guard wanted.verdict(on: head) == .take else { return .collect(limit: 0) }
                let checksums = offered.withLock { offered in
                    if isWhole { offered = offered ?? OfferedChecksum(head, wanted.object) }
                    return offered?.computed ?? .all
                }
                return .write(range: range, checksums: checksums)
            }
            switch outcome {
            case .written(let head): return S3Answer(head, .success(()))
            case .collected(let response) where response.head.isSuccess:
                guard case .refuse(let cause) = wanted.verdict(on: response.head) else {
                    return S3Answer(response.head, .failure(.unintelligible("its body was not taken", mayHeal: true)))
                }
                return S3Answer(response.head, .failure(cause))
            case .collected(let response): return S3Answer(refusal: response)
            }
        }
    }

    /// Runs a try while it has its place in the window, and tells a change of the object from other refusals. `held` is the place, by
    /// its bytes, that was taken before.
    private func placed<Value: Sendable>(
        _ operation: S3Operation, bytes: Int64 = 0, held: Int64? = nil, _ body: () async throws(FailedTry) -> Value
    ) async throws(FailedTry) -> Value {
        if held == nil, !(await window.take(for: party, turn: turn, bytes: bytes)) {
            throw FailedTry(error: S3Error(operation, object.resource, .cancelled))
        }
        do throws(FailedTry) {
            let value = try await body()
            window.giveBack(for: party, bytes: held ?? bytes, .done(bytes))
            return value
        } catch {
            window.giveBack(for: party, bytes: held ?? bytes, error.error.retryPace == .throttled ? .throttled : .failed)
            throw error.asChange()
        }
    }
}

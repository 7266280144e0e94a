import FileIO
import Servables
import Transfer

/// How long the parts are that an object was uploaded in, as the store tells by `HEAD ?partNumber=`.
///
/// One answer is enough where all parts are as long as the first, as every uploader makes them; S3 does not insist on that, so each
/// is asked for before bytes are called wrong for not giving the checksum of equal parts.
struct PartSizes: Sendable {
    let object: S3Object
    let parts: OfferedParts
    /// Asks once, with retries, for the size of a part, counted from 1; `nil` where the store does not tell.
    let ask: @Sendable (Int) async throws(S3Error) -> Int64?
    /// Requests at once.
    let parallel: Int

    /// As if all were of the first one's size, if that can be; else as `exact`. Where the store does not tell it is a guess.
    func assumed() async throws(S3Error) -> [Int64]? {
        // Of a single part there is nothing to ask.
        if parts.count == 1 { return [object.size] }
        // A store that ignores `partNumber` answers for the whole object.
        guard let first = try await ask(1), first < object.size else { return parts.guesses(of: object.size).first }
        if let equal = parts.equal(first: first, of: object.size) { return equal }
        return try await exact()
    }

    /// What else they might be, where the store does not tell.
    func guesses(but tried: [Int64]) -> [[Int64]] { parts.guesses(of: object.size).filter { $0 != tried } }

    /// What each of them is; `nil` where the store does not tell, or where they are not the object.
    func exact() async throws(S3Error) -> [Int64]? {
        if parts.count == 1 { return [object.size] }
        guard let first = try await ask(1), first < object.size else { return nil }
        // Of parts that are not told nothing is noted.
        let told = Lock([Int: Int64]())
        var numbers = (1...parts.count).makeIterator()
        let failure: S3Error? = await withTaskGroup(of: S3Error?.self) { group in
            var failure: S3Error?
            var answers = 0
            func start() {
                guard let number = numbers.next() else { return }
                group.addTask { await self.note(number, in: told) }
            }
            for _ in 0..<parallel { start() }
            for await result in group {
                answers += 1
                if failure == nil, let result {
                    failure = result
                    group.cancelAll()
                } else if failure == nil, told.withLock({ $0.count }) >= answers {
                    start()
                }
            }
            return failure
        }
        if let failure { throw failure }
        let sizes = told.withLock { told in (1...parts.count).compactMap { told[$0] } }
        guard sizes.count == parts.count else { return nil }
        // Whatever a store says, nothing overflows.
        var rest = object.size
        for size in sizes {
            guard size <= rest else { return nil }
            rest -= size
        }
        return rest == 0 ? sizes : nil
    }

    private func note(_ number: Int, in told: Lock<[Int: Int64]>) async -> S3Error? {
        do throws(S3Error) {
            let size = try await ask(number)
            told.withLock { $0[number] = size }
            return nil
        } catch {
            return error
        }
    }
}

extension S3Client {
    /// Asks once for the size of a part of an object, counted from 1.
    /// - Returns: `nil` where the store does not tell: it knows no parts, or other ones.
    func size(ofPart number: Int, _ parts: OfferedParts, of object: S3Object, by connection: HTTPRequest.Connection)
        async throws(FailedTry) -> Int64?
    {
        let answer: ObjectHead
        do throws(FailedTry) {
            answer = try await head(object.resource, pin: object.pin, part: number, by: connection)
        } catch {
            guard case .refused(let refusal) = error.error.cause else { throw error }
            // A store that has ETags of parts, as moto does, compares with them: whether the object was replaced the object tells.
            if refusal.status == 412 {
                _ = try await head(object.resource, pin: object.pin, by: connection)
            } else if !refusal.deniesParts {
                throw error
            }
            return nil
        }
        // Some other thing's: of the part, or of a revision that a pinned GET will not give.
        guard !object.isOther(etag: answer.etag) else { return nil }
        let head = answer.head
        if let count = head["x-amz-mp-parts-count"], count != String(parts.count) { return nil }
        if let range = head.contentRange {
            guard range.total == object.size, range.range.map({ Int64($0.count) }) ?? 0 == answer.size else { return nil }
        }
        return answer.size
    }
}

extension Refusal {
    /// What stores say that do not know `partNumber`, or of an object that has no such part.
    fileprivate var deniesParts: Bool { [400, 405, 416, 501].contains(status) && retryPace == nil }
}

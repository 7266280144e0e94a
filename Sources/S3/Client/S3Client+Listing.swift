import FileIO
public import Servables
import Transfer

/// What a listing gives, one after another.
public enum ListedItem: Hashable, Sendable {
    case object(ListedObject)
    /// What several keys have in common up to the delimiter, which is at its end.
    case prefix(String)
}

/// What is known at the end of a listing.
public struct ListingSummary: Hashable, Sendable {
    public let items: Int
    /// The store's clock when it gave the last page; `nil` where it does not say.
    public let storeTime: Timestamp?
}

extension S3Client {
    /// The pages after which a listing is taken for endless: ten million items.
    static let maximumPages = 10_000

    /// Lists a bucket, in the store's order (the bytes of UTF-8, as S3 defines it).
    ///
    /// Each page is handed on once it is there completely, so memory is bounded by a page, and no item comes twice because a
    /// page was cut and asked for again.
    /// - Parameters:
    ///   - bucket: its name.
    ///   - prefix: what keys begin with. `model` lists `model2/…` too; `model/` does not.
    ///   - delimiter: keys that have it behind the prefix are given as one common prefix.
    ///   - startAfter: only keys behind this one.
    ///   - isEnough: asked after each page; `true` ends the listing there.
    ///   - each: takes the items, in order.
    /// - Returns: how many there were, and the store's clock.
    /// - Throws: where a page cannot be had; the items before it were handed on.
    @discardableResult
    public nonisolated(nonsending) func list(
        bucket: String, prefix: String = "", delimiter: String? = nil, startAfter: String? = nil,
        until isEnough: () -> Bool = { false }, each: (ListedItem) -> Void
    ) async throws(S3Error) -> ListingSummary {
        let resource = S3Resource(bucket: bucket, key: prefix)
        var query: [(name: String, value: String)] = [("list-type", "2"), ("encoding-type", "url"), ("prefix", prefix)]
        if let delimiter { query.append(("delimiter", delimiter)) }
        if let startAfter { query.append(("start-after", startAfter)) }
        var token: String?
        var seen: Set<Int> = []
        var items = 0
        while true {
            var call = S3Call(operation: .listObjects, resource: resource, query: query)
            if let token { call.query.append(("continuation-token", token)) }
            let (page, storeTime) = try await self.page(call)
            guard page.lies(within: prefix) else {
                throw S3Error(.listObjects, resource, .unintelligible("it lists keys outside of the prefix", mayHeal: false))
            }
            for object in page.objects { each(.object(object)) }
            for prefix in page.prefixes { each(.prefix(prefix)) }
            items += page.objects.count + page.prefixes.count
            guard let next = page.nextToken, !isEnough() else { return ListingSummary(items: items, storeTime: storeTime) }
            // Tokens are opaque: one that was used before goes round in a circle for ever.
            guard seen.insert(next.hashValue).inserted, seen.count < S3Client.maximumPages else {
                throw S3Error(.listObjects, resource, .unintelligible("the listing has no end", mayHeal: false))
            }
            token = next
        }
    }

    private func page(_ call: S3Call) async throws(S3Error) -> (ListingPage, Timestamp?) {
        try await retrying { (connection) async throws(FailedTry) in
            try await self.attempt(call, by: connection) {
                (request) async throws(TransportError) -> S3Answer<(ListingPage, Timestamp?)> in
                let parser = Lock(ListingParser())
                let response = try await self.http.stream(request) { bytes in parser.withLock { $0.take(bytes) } }
                guard response.head.status == 200 else { return S3Answer(refusal: response) }
                let storeTime = response.head["date"].flatMap { Timestamp(httpDate: $0) }
                let page = parser.withLock { $0.finish() }
                return S3Answer(response.head, page.map { ($0, storeTime) }.mapError(S3Error.Cause.init))
            }
        }
    }
}

extension S3Error.Cause {
    init(_ fault: XMLFault) {
        switch fault {
        case .malformed(let reason): self = .unintelligible(reason, mayHeal: true)
        case .refused(let reason): self = .unintelligible(reason, mayHeal: false)
        }
    }
}

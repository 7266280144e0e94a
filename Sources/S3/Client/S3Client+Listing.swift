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
    /// The last key of each page but the last, for ``S3Client/list(bucket:prefix:cuts:until:each:)``; empty where there was one page, or
    /// keys did not come in the order of their bytes.
    public let cuts: [String]
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
        var order = KeyOrder()
        while true {
            var call = S3Call(operation: .listObjects, resource: resource, query: query)
            if let token { call.query.append(("continuation-token", token)) }
            let (page, storeTime) = try await self.page(call)
            guard page.lies(within: prefix) else {
                throw S3Error(.listObjects, resource, .unintelligible("it lists keys outside of the prefix", mayHeal: false))
            }
            if delimiter == nil { order.add(page) }
            for object in page.objects { each(.object(object)) }
            for prefix in page.prefixes { each(.prefix(prefix)) }
            items += page.objects.count + page.prefixes.count
            guard let next = page.nextToken, !isEnough() else {
                return ListingSummary(items: items, storeTime: storeTime, cuts: order.cuts)
            }
            // Tokens are opaque: one that was used before goes round in a circle for ever.
            guard seen.insert(next.hashValue).inserted, seen.count < S3Client.maximumPages else {
                throw S3Error(.listObjects, resource, .unintelligible("the listing has no end", mayHeal: false))
            }
            token = next
        }
    }

    /// Sections of a listing that are asked for at once; each is held until those before it were handed on.
    private static let sectionsAtOnce = 4

    /// Lists again what was listed before, from one cut to the next side by side: otherwise each page has to wait for the one before it.
    /// Whatever was added or removed since, each key lies between two cuts and is listed there.
    /// - Parameters:
    ///   - bucket: its name.
    ///   - prefix: what keys begin with, as it was before.
    ///   - cuts: of the listing before; without any it is listed page by page.
    ///   - isEnough: asked after each section; `true` ends the listing there.
    ///   - each: takes the objects, in order.
    /// - Returns: `nil` where the store does not keep to the order of its keys; what was handed on is to be forgotten then, and listed
    ///   page by page.
    /// - Throws: where a page cannot be had; the objects of the sections before it were handed on.
    public nonisolated(nonsending) func list(
        bucket: String, prefix: String, cuts: [String], until isEnough: () -> Bool, each: (ListedItem) -> Void
    ) async throws(S3Error) -> ListingSummary? {
        if cuts.isEmpty { return try await list(bucket: bucket, prefix: prefix, until: isEnough, each: each) }
        let ends: [String?] = cuts
        let sections = Array(zip([nil] + ends, ends + [nil]))
        let listed: Result<ListingSummary?, S3Error> = await withTaskGroup(of: (Int, Result<Section?, S3Error>).self) { group in
            defer { group.cancelAll() }
            var waiting: [Int: Section] = [:]
            var (begun, handedOn, items) = (0, 0, 0)
            var storeTime: Timestamp?
            while handedOn < sections.count, !isEnough() {
                while begun < sections.count, begun < handedOn + Self.sectionsAtOnce {
                    let (index, (after, last)) = (begun, sections[begun])
                    group.addTask { (index, await self.section(bucket, prefix, after: after, last: last)) }
                    begun += 1
                }
                switch await group.next() {
                case (_, .failure(let error))?: return .failure(error)
                case (let index, .success(let section?))?: waiting[index] = section
                case nil, (_, .success(nil))?: return .success(nil)
                }
                while !isEnough(), let section = waiting.removeValue(forKey: handedOn) {
                    for object in section.objects { each(.object(object)) }
                    handedOn += 1
                    items += section.objects.count
                    storeTime = section.storeTime
                }
            }
            return .success(ListingSummary(items: items, storeTime: storeTime, cuts: cuts))
        }
        return try listed.get()
    }

    private struct Section: Sendable {
        var objects: [ListedObject] = []
        var storeTime: Timestamp?
    }

    /// The objects behind one key, up to another one or to the end.
    private func section(_ bucket: String, _ prefix: String, after: String?, last: String?) async -> Result<Section?, S3Error> {
        var section = Section()
        var previous = after
        var isInOrder = true
        var isOver = false
        do throws(S3Error) {
            let summary = try await list(
                bucket: bucket, prefix: prefix, startAfter: after, until: { isOver || !isInOrder },
                each: { item in
                    guard case .object(let object) = item, !isOver else { return }
                    // A store that passes over `start-after` begins with what comes before it.
                    if let previous, !previous.precedes(object.key) { isInOrder = false }
                    previous = object.key
                    if let last, last.precedes(object.key) {
                        isOver = true
                    } else {
                        section.objects.append(object)
                        isOver = object.key.utf8.elementsEqual(last?.utf8 ?? "".utf8)
                    }
                })
            section.storeTime = summary.storeTime
            return .success(isInOrder ? section : nil)
        } catch {
            return .failure(error)
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

/// Where the pages of a listing end, as long as its keys come in the order of their bytes (a directory bucket's do not).
private struct KeyOrder {
    /// More than the pages of the largest version that is taken.
    private static let most = 1_000
    private var last: String?
    private var isKept = true
    private(set) var cuts: [String] = []

    mutating func add(_ page: ListingPage) {
        guard isKept else { return }
        if let last { cuts.append(last) }
        for object in page.objects {
            if let last, !last.precedes(object.key) { isKept = false }
            last = object.key
        }
        if cuts.count > Self.most { isKept = false }
        if !isKept { cuts = [] }
    }
}

extension String {
    /// Whether its bytes come before the other's, as a store orders keys.
    fileprivate func precedes(_ other: String) -> Bool {
        var (left, right) = (self, other)
        return left.withUTF8 { left in right.withUTF8 { left.lexicographicallyPrecedes($0) } }
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

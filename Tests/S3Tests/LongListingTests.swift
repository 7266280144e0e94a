import S3Fixture
import Servables
import Testing

@testable import S3

@Suite("Long listings")
struct LongListingTests {
    @Test("a listing is ended when no more is wanted, after its page")
    func enough() async throws {
        try await Store.with(FixtureOptions(pageSize: 3)) { (store) async throws in
            for number in 0..<20 { _ = store.put("k\(number)", [1]) }
            var keys = 0
            let summary = try await store.client.list(bucket: "b", until: { keys >= 4 }, each: { _ in keys += 1 })
            #expect(keys == 6 && summary.items == 6)
            #expect(store.server.requests.count == 2)
        }
    }

    @Test("a listing whose every page names another one is given up after ten thousand")
    func endless() async throws {
        let pages = Box(0)
        try await AnsweringServer.with { _ in
            let number = pages.change { pages in
                pages += 1
                return pages
            }
            return .reply(
                200,
                "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t\(number)</NextContinuationToken>"
                    + "</ListBucketResult>")
        } _: { server in
            try await Store.with(endpoint: server.url) { (store) async throws in
                let error = try await s3Error { _ = try await store.list() }
                #expect(error.kind == .unavailable && !error.isTransient && error.description.contains("no end"))
                #expect(pages.value == S3Client.maximumPages)
            }
        }
    }

    @Test("what was listed before is listed side by side, whatever was added and removed since", arguments: 0..<20)
    func sections(seed: Int) async throws {
        try await Store.with(FixtureOptions(pageSize: 4)) { (store) async throws in
            var dice = Dice(state: UInt64(seed))
            func key() -> String { "m/" + (0...dice.next(3)).map { _ in dice.pick(["a", "b", "/", "é", "~"]) }.joined() }
            var keys = Set((0..<60).map { _ in key() })
            for key in keys { _ = store.put(key, [1]) }
            let first = try await store.client.list(bucket: "b", prefix: "m/", each: { _ in })
            #expect(first.cuts.count == (keys.count - 1) / 4)
            if seed > 0 {
                for gone in keys.sorted() where dice.next(4) == 0 {
                    store.server.remove(bucket: "b", key: gone)
                    keys.remove(gone)
                }
                for key in (0..<dice.next(40)).map({ _ in key() }) where keys.insert(key).inserted {
                    _ = store.put(key, [1])
                }
            }
            store.server.forgetRequests()
            var found: [String] = []
            let again = try await store.client.list(bucket: "b", prefix: "m/", cuts: first.cuts, until: { false }) { item in
                if case .object(let object) = item { found.append(object.key) }
            }
            #expect(found == keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
            #expect(again?.items == keys.count && again?.storeTime != nil)
            // Nothing changed: as many pages as there were.
            if seed == 0 { #expect(store.server.requests.count == first.cuts.count + 1) }
        }
    }

    @Test("what lies behind the page that is enough is not handed on")
    func enoughOfSections() async throws {
        try await Store.with(FixtureOptions(pageSize: 3)) { (store) async throws in
            for number in 10..<40 { _ = store.put("k\(number)", [1]) }
            let cuts = try await store.client.list(bucket: "b", each: { _ in }).cuts
            var keys = 0
            _ = try await store.client.list(bucket: "b", prefix: "", cuts: cuts, until: { keys >= 4 }) { _ in keys += 1 }
            #expect(keys == 6)
        }
    }

    @Test("a section that cannot be had fails the listing")
    func failedSection() async throws {
        try await Store.with(FixtureOptions(pageSize: 3)) { (store) async throws in
            for number in 10..<40 { _ = store.put("k\(number)", [1]) }
            let cuts = try await store.client.list(bucket: "b", each: { _ in }).cuts
            store.server.script(Fault(.status(403, code: "AccessDenied")))
            let error = try await s3Error {
                _ = try await store.client.list(bucket: "b", prefix: "", cuts: cuts, until: { false }, each: { _ in })
            }
            #expect(error.kind == .denied)
        }
    }

    @Test(
        "a store that passes over the key to start after, or does not keep to the order, is listed page by page",
        arguments: [true, false])
    func unordered(isSorted: Bool) async throws {
        try await AnsweringServer.with { request in
            let page = request.target.contains("continuation-token") ? ["k3", "k4"] : isSorted ? ["k1", "k2"] : ["k2", "k1"]
            let isFirst = !request.target.contains("continuation-token")
            return .reply(
                200,
                "<ListBucketResult><IsTruncated>\(isFirst)</IsTruncated>"
                    + page.map { "<Contents><Key>\($0)</Key><Size>1</Size></Contents>" }.joined()
                    + (isFirst ? "<NextContinuationToken>t</NextContinuationToken>" : "") + "</ListBucketResult>")
        } _: { server in
            try await Store.with(endpoint: server.url) { (store) async throws in
                #expect(try await store.client.list(bucket: "b", each: { _ in }).cuts == (isSorted ? ["k2"] : []))
                let again = try await store.client.list(bucket: "b", prefix: "", cuts: ["k2"], until: { false }, each: { _ in })
                #expect(again == nil)
            }
        }
    }
}

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
}

import FileIO
import Glibc
import S3Fixture
import Servables
import SystemPackage
import Testing

@testable import S3

@Suite("Long listings", .serialized, .timeLimit(.minutes(2)))
struct LongListingTests {
    /// The most memory that this process ever had, in KiB.
    private func peak() throws -> Int {
        let status = String(decoding: try FileSystem().readFile("/proc/self/status", limit: 1 << 16), as: UTF8.self)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(Int(line.filter(\.isNumber)))
    }

    /// One page as S3 writes it, of so many objects with keys of about a hundred bytes.
    private func page(_ number: Int, of count: Int) -> [UInt8] {
        var text = "<?xml version=\"1.0\"?><ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
        for index in 0..<count {
            text +=
                "<Contents><Key>m/1/variables/\(String(repeating: "x", count: 80))-\(number * count + index)</Key>"
                + "<LastModified>2026-11-22T10:03:01.000Z</LastModified><ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag>"
                + "<Size>\(index)</Size><StorageClass>STANDARD</StorageClass></Contents>"
        }
        return Array((text + "</ListBucketResult>").utf8)
    }

    @Test("a hundred thousand keys are parsed a page at a time: memory is that of one page")
    func memory() throws {
        func parse(_ number: Int) throws -> Int {
            let parser = ListingParser()
            let page = page(number, of: 1_000)
            for start in stride(from: 0, to: page.count, by: 16 << 10) {
                let isTaken = Array(page[start..<min(start + 16 << 10, page.count)]).withUnsafeBytes { parser.take($0) }
                #expect(isTaken)
            }
            return try parser.finish().get().objects.count
        }
        _ = try parse(0)
        let before = try peak()
        var keys = 0
        for number in 0..<100 { keys += try parse(number) }
        #expect(keys == 100_000)
        // Other tests of this process may run beside it; ten pages kept would be as much.
        let grown = try peak() - before
        #expect(grown < 32 << 10, "\(grown) KiB")
    }

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
}

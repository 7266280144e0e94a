import Servables
import Testing

@testable import S3

@Suite("Pages of listings")
struct ListingPageTests {
    private func parse(_ text: String, chunk: Int = .max) -> Result<ListingPage, XMLFault> {
        let parser = ListingParser()
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(chunk))
            rest = rest.dropFirst(piece.count)
            if !piece.withUnsafeBytes({ parser.take($0) }) { break }
        }
        return parser.finish()
    }

    private func listing(_ content: String) -> String {
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
            + content + "</ListBucketResult>"
    }

    static let object = """
        <Contents><Key>m/1/a+b%2Bc%0A</Key><LastModified>2026-11-22T10:03:01.000Z</LastModified>
        <ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>17</Size><StorageClass>GLACIER</StorageClass>
        <Owner><ID>x</ID></Owner></Contents>
        """

    @Test("objects, prefixes and how to go on are read, however the bytes come", arguments: [1, 7, 64, Int.max])
    func page(chunk: Int) throws {
        let text = listing(
            "<Name>b</Name><Prefix>m/</Prefix>" + Self.object + "<CommonPrefixes><Prefix>m/2%2F</Prefix></CommonPrefixes>"
                + "<IsTruncated>true</IsTruncated><NextContinuationToken>a+/=%2B</NextContinuationToken>"
                + "<EncodingType>url</EncodingType>")
        let page = try parse(text, chunk: chunk).get()
        let object = ListedObject(
            key: "m/1/a b+c\n", size: 17, etag: "\"d41d8cd98f00b204e9800998ecf8427e\"",
            lastModified: Timestamp(rfc3339: "2026-11-22T10:03:01Z"), storageClass: "GLACIER")
        #expect(page.objects == [object])
        #expect(page.prefixes == ["m/2/"])
        // Opaque: not even decoded.
        #expect(page.nextToken == "a+/=%2B")
    }

    @Test("without EncodingType a key is taken as it stands")
    func plain() throws {
        let page = try parse(listing(Self.object)).get()
        #expect(page.objects.map(\.key) == ["m/1/a+b%2Bc%0A"])
        #expect(page.nextToken == nil)
    }

    @Test("keys outside of the prefix are seen")
    func outside() {
        var page = ListingPage()
        page.objects = [ListedObject(key: "m/a", size: 1, etag: "")]
        page.prefixes = ["m/b/"]
        #expect(page.lies(within: "m/") && page.lies(within: ""))
        page.prefixes.append("n/")
        #expect(!page.lies(within: "m/"))
        page.prefixes = []
        page.objects.append(ListedObject(key: "../m/a", size: 1, etag: ""))
        #expect(!page.lies(within: "m/"))
    }

    @Test("a listing that ends early is worth another try, wherever it ends")
    func truncated() {
        let text = listing(Self.object + "<IsTruncated>false</IsTruncated>")
        for length in stride(from: 0, to: text.utf8.count, by: 5) {
            guard case .failure(.malformed) = parse(String(decoding: Array(text.utf8.prefix(length)), as: UTF8.self)) else {
                Issue.record("\(length) bytes were taken for a page")
                return
            }
        }
        #expect(throws: Never.self) { try parse(text).get() }
    }

    @Test(
        "what no store sends is refused",
        arguments: [
            "<!DOCTYPE a [<!ENTITY a \"b\">]><ListBucketResult><Name>&a;</Name></ListBucketResult>",
            "<!DOCTYPE ListBucketResult SYSTEM \"file:///etc/passwd\"><ListBucketResult/>",
            "<ListBucketResult>" + String(repeating: "<a>", count: 9),
            "<ListBucketResult><Contents><Key>" + String(repeating: "k", count: 5_000),
            "<ListBucketResult>" + String(repeating: "<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>", count: 1_001)
                + "</ListBucketResult>",
            "<ListBucketResult><CommonPrefixes><Prefix>" + String(repeating: "k", count: 1_025)
                + "</Prefix></CommonPrefixes></ListBucketResult>",
            "<ListBucketResult>" + String(repeating: " ", count: 9 << 20),
        ])
    func hostile(text: String) {
        guard case .failure(.refused) = parse(text, chunk: 64 << 10) else {
            Issue.record("taken, or taken for cut: \(parse(text))")
            return
        }
    }

    @Test(
        "what is no page is not taken for an empty one",
        arguments: [
            "", "<html><body>hello</body></html>", "<Error><Code>X</Code></Error>", "<ListBucketResult>&nbsp;</ListBucketResult>",
            "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
            "<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>",
            "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
            "<ListBucketResult><EncodingType>url</EncodingType><CommonPrefixes><Prefix>%f</Prefix></CommonPrefixes></ListBucketResult>",
        ])
    func noPage(text: String) {
        guard case .failure(.malformed) = parse(text) else {
            Issue.record("taken: \(parse(text))")
            return
        }
    }

    @Test("an error's code, message, region and request id are read, also where the rest of it is cut")
    func errorBody() {
        let text =
            "<?xml version=\"1.0\"?><Error><Code>AuthorizationHeaderMalformed</Code><Message>the region is wrong</Message>"
            + "<Region>eu-west-1</Region><RequestId>R1</RequestId><HostId>cut"
        let body = ErrorBody(parsing: Array(text.utf8))
        #expect(body.code == "AuthorizationHeaderMalformed")
        #expect(body.message == "the region is wrong")
        #expect(body.region == "eu-west-1")
        #expect(body.requestID == "R1")
        let html = ErrorBody(parsing: Array("<html><Code>x</Code><body>no".utf8))
        #expect(html.code == nil && html.message == nil)
    }
}

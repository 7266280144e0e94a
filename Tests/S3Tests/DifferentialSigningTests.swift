import Digests
import FileIO
import Glibc
import PlainJSON
import S3Fixture
import Servables
import SystemPackage
import Testing
import Transfer

@testable import S3

@Suite("Signatures beside botocore's, and on the wire", .timeLimit(.minutes(5)))
struct DifferentialSigningTests {
    @Test(
        "thousands of keys and queries are encoded and signed as botocore does", .enabled(if: Python.hasBotocore, "no botocore"))
    func differential() async throws {
        let cases = GeneratedRequest.all(count: 4_000, seed: 2024)
        let answers = try await oracle(cases)
        #expect(answers.count == cases.count)
        var different = 0
        for (test, answer) in zip(cases, answers) where different < 5 {
            let request = try signed(test)
            let expected = try JSON(parsing: Array(answer))
            let target = request.url.dropFirst(try test.origin.count)
            let sent = target.prefix { $0 != "?" }
            let isSame =
                expected["path"]?.string == String(sent)
                && expected["query"]?.string == String(target.dropFirst(sent.count + 1))
                && expected["authorization"]?.string == request.headers.first { $0.name == "authorization" }?.value
            if !isSame { different += 1 }
            #expect(isSame, "\(test.json): \(expected["canonical"]?.string ?? "") but \(request.url)")
        }
    }

    @Test("the bytes of the request line and of the headers are those that were signed")
    func wire() async throws {
        try await Store.with { (store) async throws in
            let tests = GeneratedRequest.all(count: 400, seed: 7).map(\.key)
            for key in tests {
                // The fixture checks the signature by its own reading of the specification: a wrong one would be 403.
                let error = try await s3Error { _ = try await store.client.head(bucket: "b", key: key) }
                #expect(error.kind == .notFound, "\(key): \(error)")
            }
            #expect(store.server.requests.count == tests.count)
            for (key, request) in zip(tests, store.server.requests) {
                #expect(request.path == "/b/\(PercentEncoding.path(key))" && request.query == "")
                try expectSigned(request, method: "HEAD")
            }
        }
    }

    @Test("a listing's query is sent sorted and encoded as it was signed")
    func wireQuery() async throws {
        try await Store.with { (store) async throws in
            let tests = GeneratedRequest.all(count: 200, seed: 8).map(\.key).filter { !$0.isEmpty }
            for text in tests { _ = try await store.list(prefix: text, delimiter: "/", startAfter: text) }
            for (text, request) in zip(tests, store.server.requests) {
                let encoded = PercentEncoding.query(text)
                #expect(
                    request.query
                        == "delimiter=%2F&encoding-type=url&list-type=2&prefix=\(encoded)&start-after=\(encoded)")
                try expectSigned(request, method: "GET")
            }
        }
    }

    /// Signs what arrived, and nothing else, again.
    private func expectSigned(_ request: RequestRecord, method: String) throws {
        let authorization = try #require(request.header("authorization"))
        let names = try #require(authorization.split(separator: "SignedHeaders=").last?.prefix { $0 != "," }).split(
            separator: ";")
        let lines = try names.map { "\($0):\(try #require(request.header(String($0))))\n" }.joined()
        // Everything that we send but the client's name is signed.
        let others = Set(request.headers.map { $0.name.lowercased() }).subtracting(names.map(String.init))
        #expect(others == ["authorization", "user-agent"])
        let text = "\(method)\n\(request.path)\n\(request.query)\n\(lines)\n\(names.joined(separator: ";"))\n"
        let canonical = CanonicalRequest(
            method: method, path: request.path, query: [], headers: [], payloadHash: RequestSigner.emptyPayloadHash)
        #expect(canonical.payloadHash == request.header("x-amz-content-sha256"))
        let signature = try #require(authorization.split(separator: "Signature=").last)
        let date = try #require(request.header("x-amz-date"))
        #expect(
            RequestSigner(credentials: Store.keys, region: "us-east-1").hex(of: text + canonical.payloadHash, date) == signature)
    }

    private func signed(_ test: GeneratedRequest) throws -> HTTPRequest {
        let endpoint = try EndpointURL(parsing: test.endpoint)
        let address = BucketAddress(endpoint: endpoint, region: test.region, addressing: .path, bucket: nil)
        let call = S3Call(
            operation: test.isHead ? .headObject : .getObject, resource: S3Resource(bucket: "b", key: test.key),
            query: test.query,
            headers: test.headers)
        return call.request(to: address, test.keys, paysAsRequester: false, at: GeneratedRequest.time)
    }

    private func oracle(_ cases: [GeneratedRequest]) async throws -> [ArraySlice<UInt8>] {
        var template = Array("/tmp/aspired-cases-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        let path = try #require(descriptor >= 0 ? FilePath(platformString: template) : nil)
        defer { unlink(path.string) }
        var bytes: [UInt8] = []
        for test in cases {
            test.json.write(to: &bytes)
            bytes.append(UInt8(ascii: "\n"))
        }
        let file = FileDescriptor(rawValue: descriptor)
        try file.closeAfter { _ = try file.writeAll(bytes) }
        let script = FilePath(#filePath).removingLastComponent().appending("Oracle/sign.py")
        return try await Python.run(script, [path.string]).split(separator: UInt8(ascii: "\n"))
    }
}

extension RequestSigner {
    /// The signature of a canonical request's text.
    fileprivate func hex(of text: String, _ dateTime: String) -> String {
        let scope = "\(dateTime.prefix(8))/\(region)/s3/aws4_request"
        let stringToSign = "AWS4-HMAC-SHA256\n\(dateTime)\n\(scope)\n\(Hex.encode(DigestKind.sha256.digest(of: text.utf8)))"
        let key = [String(dateTime.prefix(8)), region, "s3", "aws4_request"]
            .reduce(Array("AWS4\(credentials.secretAccessKey)".utf8)) { HMAC.sha256(of: $1.utf8, key: $0) }
        return Hex.encode(HMAC.sha256(of: stringToSign.utf8, key: key))
    }
}

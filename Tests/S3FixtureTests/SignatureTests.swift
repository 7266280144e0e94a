import Glibc
import NIOCore
import Testing

@testable import S3Fixture

private let emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/// The three GET examples of "Authenticating Requests: Using the Authorization Header", S3 API reference.
private let documentedExamples: [(target: String, headers: [(String, String)], signature: String)] = [
    ("/test.txt", [("range", "bytes=0-9")], "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
    ("/?lifecycle", [], "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
    ("/?max-keys=2&prefix=J", [], "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
]

@Suite("Signatures")
struct SignatureTests {
    @Test("the examples of S3's documentation, sent as published, pass", arguments: documentedExamples.indices)
    func documented(index: Int) async throws {
        let example = documentedExamples[index]
        try await withServerOf2013 { server async throws in
            server.put(bucket: "examplebucket", key: "test.txt", data: Array("0123456789abc".utf8))
            let answer = try await ask(server, "GET", example.target, published(example.headers, example.signature))
            // ListObjects version 1 and lifecycle are not implemented, which is said only after the signature was accepted.
            #expect(answer.status == (index == 0 ? 206 : 501))
            if index == 0 { #expect(answer.text == "0123456789") }

            let wrong = published(example.headers, String(example.signature.reversed()))
            let refused = try await ask(server, "GET", example.target, wrong)
            #expect(refused.status == 403)
            #expect(refused.element("Code") == "SignatureDoesNotMatch")
            #expect(refused.element("RequestId")?.isEmpty == false)
        }
    }

    @Test("each published example is refused with any other target, header or method")
    func tampered() async throws {
        try await withServerOf2013 { server async throws in
            server.put(bucket: "examplebucket", key: "test.txt", data: Array("0123456789abc".utf8))
            let (_, headers, signature) = documentedExamples[0]
            let tries: [(String, String, [(String, String)])] = [
                ("HEAD", "/test.txt", headers), ("GET", "/test.txt?x", headers), ("GET", "//test.txt", headers),
                ("GET", "/./test.txt", headers), ("GET", "/test.txt", [("range", "bytes=0-8")]),
            ]
            for (method, target, headers) in tries {
                let answer = try await ask(server, method, target, published(headers, signature))
                #expect(answer.status == 403, "\(method) \(target)")
            }
            let unsigned = try await ask(
                server, "GET", "/test.txt", published(headers + [("x-amz-request-payer", "requester")], signature))
            #expect(unsigned.status == 403)
            #expect(unsigned.element("HeadersNotSigned") == "x-amz-request-payer")
        }
    }

    @Test("the signing suite of aws-c-auth verifies, where it does not ask for normalisation")
    func awsSuite() throws {
        let folder = sharedFolder() + "/testdata/sigv4"
        let cases = names(in: folder).filter { !$0.hasSuffix("-normalized") || $0 == "get-space-normalized" }
        guard !cases.isEmpty else {
            print("skipped: no signing vectors at \(folder)")
            return
        }
        var verified = 0
        for name in cases {
            let text = String(decoding: contents("\(folder)/\(name)/header-signed-request.txt") ?? [], as: UTF8.self)
            // Headers over several lines are no HTTP/1.1 of today (RFC 9112 section 5.2).
            if name == "get-header-value-multiline" { continue }
            let request = try SignedRequest(text)
            let canonical = try #require(
                CanonicalRequest(
                    method: request.method, path: request.path, query: request.query, headers: request.headers,
                    signedHeaders: request.signedHeaders, payloadHash: hex(Digester<SHA256>.digest(request.body.utf8))))
            let expected = String(decoding: contents("\(folder)/\(name)/header-canonical-request.txt") ?? [], as: UTF8.self)
            #expect(canonical.text == expected, "\(name)")
            let signature = CanonicalRequest.signature(
                of: canonical.stringToSign(amzDate: "20150830T123600Z", scope: "20150830/us-east-1/service/aws4_request"),
                secretKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", date: "20150830", region: "us-east-1",
                service: "service")
            #expect(signature == request.signature, "\(name)")
            verified += 1
        }
        #expect(verified == 31)
    }

    @Test(
        "keys of all characters verify as AWS encodes them",
        arguments: ["a b", "a+b", "a=b&c", "a%20b", "é/ü", "..//./x", "~-_.", "a\u{1}b", "@:;,!$'()*"])
    func keys(key: String) async throws {
        try await FixtureServer.with { server async throws in
            server.put(bucket: "b", key: key, data: Array("x".utf8))
            let target = "/b/" + percentEncoded(key.utf8, keeping: "/")
            #expect(try await signedAsk(server, "GET", target).text == "x")
        }
    }

    @Test("a header value is signed without its blanks, and a query in any order")
    func blanksAndOrder() async throws {
        try await FixtureServer.with { server async throws in
            server.createBucket("b")
            let headers = [("x-amz-meta-note", "  two   words ")]
            #expect(try await signedAsk(server, "GET", "/b?prefix=a%2Fb&list-type=2", headers).status == 200)
        }
    }

    @Test("an unknown key, a wrong region, service or date, and a bad header are told apart")
    func refusals() async throws {
        try await FixtureServer.with { server async throws in
            server.createBucket("b")
            func code(_ change: (inout Signer) -> Void) async throws -> (Int, String?) {
                var signer = Signer(server)
                change(&signer)
                let answer = try await ask(server, "GET", "/b?list-type=2", signer.headers("GET", "/b?list-type=2"))
                return (answer.status, answer.element("Code"))
            }
            #expect(try await code { _ in } == (200, nil))
            #expect(try await code { $0.accessKey = "NOBODY" } == (403, "InvalidAccessKeyId"))
            #expect(try await code { $0.secretKey = "wrong" } == (403, "SignatureDoesNotMatch"))
            #expect(try await code { $0.service = "sts" } == (400, "AuthorizationHeaderMalformed"))
            #expect(try await code { $0.payloadHash = nil } == (400, "InvalidRequest"))
            #expect(try await code { $0.payloadHash = String(repeating: "0", count: 64) } == (400, "XAmzContentSHA256Mismatch"))
            #expect(try await code { $0.payloadHash = "UNSIGNED-PAYLOAD" } == (200, nil))
            #expect(try await code { $0.scopeDate = "20200101" } == (400, "AuthorizationHeaderMalformed"))
            #expect(try await code { $0.token = "surplus" } == (400, "InvalidToken"))

            var signer = Signer(server)
            signer.region = "eu-west-1"
            let answer = try await ask(server, "GET", "/b?list-type=2", signer.headers("GET", "/b?list-type=2"))
            #expect(answer.status == 400)
            #expect(answer.element("Code") == "AuthorizationHeaderMalformed")
            #expect(answer.element("Region") == "us-east-1")
            #expect(answer.headers["x-amz-bucket-region"] == "us-east-1")

            let garbled = try await ask(server, "GET", "/b?list-type=2", [("authorization", "AWS4-HMAC-SHA256 nonsense")])
            #expect(garbled.element("Code") == "AuthorizationHeaderMalformed")
        }
    }

    @Test("a clock that is off by more than fifteen minutes is refused, and the Date header tells the server's")
    func skew() async throws {
        try await FixtureServer.with(options: FixtureOptions(clockOffset: .seconds(16 * 60))) { server async throws in
            server.createBucket("b")
            let answer = try await signedAsk(server, "GET", "/b?list-type=2")
            #expect(answer.status == 403)
            #expect(answer.element("Code") == "RequestTimeTooSkewed")
            #expect(answer.element("MaxAllowedSkewMilliseconds") == "900000")
            let now = UnixTime.now()
            let expected = (0...3).map { now.advanced(by: .seconds(16 * 60 - $0)).httpDate }
            #expect(expected.contains(answer.headers["date"] ?? ""))
            server.change { $0.clockOffset = .seconds(-14 * 60) }
            #expect(try await signedAsk(server, "GET", "/b?list-type=2").status == 200)
        }
    }

    @Test("a session's token must come with its key, and expires")
    func sessions() async throws {
        let session = FixtureCredentials(accessKey: "ASIA", secretKey: "s", sessionToken: "token")
        try await FixtureServer.with(options: FixtureOptions(credentials: [session])) { server async throws in
            server.createBucket("b")
            var signer = Signer(server)
            (signer.accessKey, signer.secretKey, signer.token) = ("ASIA", "s", "token")
            func code(_ signer: Signer) async throws -> String? {
                try await ask(server, "GET", "/b?list-type=2", signer.headers("GET", "/b?list-type=2")).element("Code")
            }
            #expect(try await code(signer) == nil)
            signer.token = "other"
            #expect(try await code(signer) == "InvalidToken")
            signer.token = nil
            #expect(try await code(signer) == "InvalidToken")
            signer.token = "token"
            server.change { $0.credentials[0].isExpired = true }
            #expect(try await code(signer) == "ExpiredToken")
        }
    }

    @Test("without a signature only public buckets can be read")
    func anonymous() async throws {
        try await FixtureServer.with(options: FixtureOptions(publicBuckets: ["open"])) { server async throws in
            server.createBucket("open")
            server.createBucket("closed")
            #expect(try await ask(server, "GET", "/open?list-type=2").status == 200)
            let refused = try await ask(server, "GET", "/closed?list-type=2")
            #expect(refused.status == 403)
            #expect(refused.element("Code") == "AccessDenied")
        }
    }
}

private func withServerOf2013(_ body: (FixtureServer) async throws -> Void) async throws {
    let then = try #require(UnixTime(amzDate: "20130524T000000Z"))
    let offset = Duration.milliseconds(then.milliseconds - UnixTime.now().milliseconds)
    try await FixtureServer.with(options: FixtureOptions(baseDomain: "s3.amazonaws.com", clockOffset: offset), body)
}

private func published(_ headers: [(String, String)], _ signature: String) -> [(String, String)] {
    let signed = (["host", "x-amz-content-sha256", "x-amz-date"] + headers.map(\.0).filter { $0 == "range" }).sorted()
    return headers + [
        ("host", "examplebucket.s3.amazonaws.com"), ("x-amz-content-sha256", emptyHash), ("x-amz-date", "20130524T000000Z"),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
                + "SignedHeaders=\(signed.joined(separator: ";")),Signature=\(signature)"
        ),
    ]
}

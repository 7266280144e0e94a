import Digests
import PlainJSON
import Servables
import Testing
import Transfer

@testable import S3

@Suite("Signature Version 4")
struct SigningTests {
    /// The three examples of S3's documentation ("Authenticating Requests: Using the Authorization Header").
    @Test(
        "the examples of S3's documentation are signed as documented",
        arguments: [
            ("/test.txt", [], [("range", "bytes=0-9")], "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
            ("/", [("lifecycle", "")], [], "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
            (
                "/", [("prefix", "J"), ("max-keys", "2")], [],
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
            ),
        ] as [(String, [(String, String)], [(String, String)], String)])
    func documentation(path: String, query: [(String, String)], headers: [(String, String)], signature: String) throws {
        let time = try #require(Timestamp(rfc3339: "2013-05-24T00:00:00Z"))
        let request = CanonicalRequest(
            method: "GET", path: path, query: query.map { (name: $0.0, value: $0.1) },
            headers: headers.map { (name: $0.0, value: $0.1) } + [
                ("Host", "examplebucket.s3.amazonaws.com"), ("x-amz-content-sha256", RequestSigner.emptyPayloadHash),
                ("x-amz-date", time.compact),
            ], payloadHash: RequestSigner.emptyPayloadHash)
        let keys = Credentials(
            accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
        #expect(RequestSigner(credentials: keys, region: "us-east-1").sign(request, at: time).hex == signature)
    }

    /// The cases that S3 must not pass, each with the reason.
    static let inapplicable: [String: String] = [
        "get-relative-normalized": "resolves /example/..",
        "get-relative-relative-normalized": "resolves /example1/example2/../..",
        "get-slash-dot-slash-normalized": "resolves /./",
        "get-slash-normalized": "makes one slash of //",
        "get-slash-pointless-dot-normalized": "resolves /./example",
        "get-slashes-normalized": "makes one slash of //",
    ]

    @Test("every applicable case of AWS's signing suite gives its signature", .enabled(if: SharedData.isPresent, "no test data"))
    func suite() throws {
        let all = SharedData.names(in: "sigv4")
        #expect(Set(all).isSuperset(of: Self.inapplicable.keys))
        let names = all.filter { Self.inapplicable[$0] == nil }
        #expect(names.count == 32)
        for name in names {
            let test = try SigningCase(name)
            let signature = RequestSigner(credentials: test.keys, region: test.region, service: test.service)
                .sign(test.request, at: test.time)
            #expect(test.request.text == test.canonicalRequest, "\(name)")
            #expect(signature.stringToSign == test.stringToSign, "\(name)")
            #expect(signature.hex == test.signature, "\(name)")
        }
    }

    @Test("a path is encoded once, and nothing of it is normalised")
    func paths() {
        #expect(PercentEncoding.path("a b+c%d=e@f/../g//h~-._") == "a%20b%2Bc%25d%3De%40f/../g//h~-._")
        #expect(PercentEncoding.path("ü/€") == "%C3%BC/%E2%82%AC")
        #expect(PercentEncoding.query("a/b") == "a%2Fb")
    }

    @Test("what a listing encoded is decoded, and what is not well encoded is refused")
    func decoding() {
        #expect(PercentEncoding.decodeForm("a+b%2Bc%2fd%0A") == "a b+c/d\n")
        #expect(PercentEncoding.decodePath("a+b") == "a+b")
        for text in ["%", "%2", "%zz", "%ff", "%C3"] { #expect(PercentEncoding.decodeForm(text) == nil, "\(text)") }
    }

    @Test("a header's value cannot begin another header")
    func injection() {
        let request = CanonicalRequest(
            method: "GET", path: "/", query: [], headers: [("If-Match", " \"a\"\r\nx-evil: 1 "), ("X", "1"), ("x", "2")],
            payloadHash: "")
        #expect(request.headers.map(\.name) == ["if-match", "x"])
        #expect(request.headers.map(\.value) == ["\"a\" x-evil: 1", "1,2"])
    }
}

/// One folder of `sigv4`.
private struct SigningCase {
    let request: CanonicalRequest
    let keys: Credentials
    let region: String
    let service: String
    let time: Timestamp
    let canonicalRequest: String
    let stringToSign: String
    let signature: String

    init(_ name: String) throws {
        let context = try JSON(parsing: try SharedData.bytes("sigv4", name, "context.json"))
        region = try #require(context["region"]?.string)
        service = try #require(context["service"]?.string)
        time = try #require(context["timestamp"]?.string.flatMap { Timestamp(rfc3339: $0) })
        let credentials = try #require(context["credentials"])
        keys = Credentials(
            accessKeyID: try #require(credentials["access_key_id"]?.string),
            secretAccessKey: try #require(credentials["secret_access_key"]?.string), sessionToken: credentials["token"]?.string)

        let lines = try SharedData.text("sigv4", name, "request.txt")
            .split(separator: "\n", omittingEmptySubsequences: false)
        let end = lines.firstIndex { $0.isEmpty } ?? lines.endIndex
        let body = Array(lines[min(end + 1, lines.count)...].joined(separator: "\n").utf8)
        var headers: [(name: String, value: String)] = []
        for line in lines[1..<end] {
            if line.first == " " {
                headers[headers.count - 1].value += "\n" + line
            } else {
                let colon = try #require(line.firstIndex(of: ":"))
                headers.append((String(line[..<colon]), String(line[line.index(after: colon)...])))
            }
        }
        let payloadHash = Hex.encode(DigestKind.sha256.digest(of: body))
        headers.append(("X-Amz-Date", time.compact))
        if context["sign_body"]?.bool == true { headers.append(("x-amz-content-sha256", payloadHash)) }
        if let token = keys.sessionToken, context["omit_session_token"]?.bool != true {
            headers.append(("x-amz-security-token", token))
        }
        let target = lines[0].dropFirst(lines[0].prefix { $0 != " " }.count + 1).dropLast(" HTTP/1.1".count)
        let path = target.prefix { $0 != "?" }
        let query = target.dropFirst(path.count + 1).split(separator: "&").map { pair -> (name: String, value: String) in
            let name = pair.prefix { $0 != "=" }
            return (String(name), String(pair.dropFirst(name.count + 1)))
        }
        request = CanonicalRequest(
            method: String(lines[0].prefix { $0 != " " }), path: PercentEncoding.path(String(path)),
            query: query.map { (PercentEncoding.decodePath($0.name) ?? "", PercentEncoding.decodePath($0.value) ?? "") },
            headers: headers, payloadHash: payloadHash)
        canonicalRequest = try SharedData.text("sigv4", name, "header-canonical-request.txt")
        stringToSign = try SharedData.text("sigv4", name, "header-string-to-sign.txt")
        signature = try SharedData.text("sigv4", name, "header-signature.txt")
    }
}

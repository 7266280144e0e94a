import Glibc

@testable import S3Fixture

/// Signs requests for the tests, with the parts that can be wrong exposed. What it signs is proven by `SignatureTests`.
struct Signer {
    var accessKey = FixtureCredentials.example.accessKey
    var secretKey = FixtureCredentials.example.secretKey
    var region = "us-east-1"
    var service = "s3"
    var token: String?
    var scopeDate: String?
    var payloadHash: String? = hex(Digester<SHA256>.digest([]))
    private let host: String

    init(_ server: FixtureServer) { host = "\(server.host):\(server.port)" }

    /// All headers of the request.
    func headers(_ method: String, _ target: String, _ others: [(String, String)] = []) -> [(String, String)] {
        let amzDate = UnixTime.now().amzDate
        let date = scopeDate ?? String(amzDate.prefix(8))
        var headers = others + [("host", host), ("x-amz-date", amzDate)]
        if let payloadHash { headers.append(("x-amz-content-sha256", payloadHash)) }
        if let token { headers.append(("x-amz-security-token", token)) }
        let signed = headers.map(\.0).sorted()
        let sides = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let canonical = CanonicalRequest(
            method: method, path: sides[0], query: sides.count > 1 ? sides[1] : "", headers: headers.map { ($0.0, $0.1) },
            signedHeaders: signed, payloadHash: payloadHash ?? "")
        let scope = "\(date)/\(region)/\(service)/aws4_request"
        let signature = CanonicalRequest.signature(
            of: canonical?.stringToSign(amzDate: amzDate, scope: scope) ?? "", secretKey: secretKey, date: date, region: region,
            service: service)
        let credential = "Credential=\(accessKey)/\(scope), SignedHeaders=\(signed.joined(separator: ";"))"
        return headers + [("authorization", "AWS4-HMAC-SHA256 \(credential), Signature=\(signature)")]
    }
}

/// Sends one request signed with the example key.
func signedAsk(
    _ server: FixtureServer, _ method: String, _ target: String, _ headers: [(String, String)] = []
) async throws -> RawAnswer {
    try await ask(server, method, target, Signer(server).headers(method, target, headers))
}

/// A signed request of a test suite, as text.
struct SignedRequest {
    let method: String
    let path: String
    let query: String
    let headers: [(name: String, value: String)]
    let signedHeaders: [String]
    let signature: String
    let body: String

    init(_ text: String) throws {
        let halves = text.split(separator: "\n\n", maxSplits: 1, omittingEmptySubsequences: false)
        body = halves.count > 1 ? String(halves[1]) : ""
        let lines = halves[0].split(separator: "\n")
        guard let first = lines.first, let start = first.firstIndex(of: " "), let end = first.lastIndex(of: " ") else {
            throw ScratchError(description: "no request: \(text)")
        }
        method = String(first[..<start])
        let target = first[first.index(after: start)..<end].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(target[0])
        query = target.count > 1 ? String(target[1]) : ""
        headers = lines.dropFirst().map { line in
            let sides = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(sides[0]), sides.count > 1 ? String(sides[1]) : "")
        }
        let authorization = headers.first { $0.name == "Authorization" }?.value ?? ""
        func part(_ name: String) -> String {
            let rest = authorization.split(separator: "\(name)=", maxSplits: 1, omittingEmptySubsequences: false).last ?? ""
            return String(rest.prefix { $0 != "," })
        }
        signedHeaders = part("SignedHeaders").split(separator: ";").map(String.init)
        signature = part("Signature")
    }
}

/// The folder with reference material beside the package, which need not be there.
func sharedFolder(file: String = #filePath) -> String {
    if let folder = getenv("ASPIRED_SHARED_DIR") { return String(cString: folder) }
    return file.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" } + "/../shared"
}

/// The names in a folder in order; none if it cannot be read.
func names(in folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
        names.append(String(decoding: bytes, as: UTF8.self))
    }
    return names.filter { !$0.hasPrefix(".") }.sorted()
}

/// A request in the form that SigV4 signs.
///
/// Source: "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)", S3 API reference. As on AWS, path
/// and query are decoded once from the target as it came and encoded again strictly: nothing is normalised (`//` and `..` stay),
/// nothing is encoded twice, and a client that signs another encoding than the strict one is refused.
struct CanonicalRequest: Sendable {
    let text: String

    /// Fails where path or query are not validly percent-encoded.
    /// - Parameters:
    ///   - method: in upper case.
    ///   - path: as it came, without the query.
    ///   - query: as it came, without the question mark.
    ///   - headers: in the order they came, names in any case.
    ///   - signedHeaders: lower-case names, sorted.
    ///   - payloadHash: what `x-amz-content-sha256` says.
    init?(
        method: String, path: String, query: String, headers: [(name: String, value: String)], signedHeaders: [String],
        payloadHash: String
    ) {
        guard let decodedPath = percentDecoded(path), let pairs = S3Request.pairs(query) else { return nil }
        let parameters = pairs.map { (name: percentEncoded($0.name), value: percentEncoded($0.value)) }
            .sorted { ($0.name, $0.value) < ($1.name, $1.value) }
            .map { "\($0.name)=\($0.value)" }
        var values: [String: [String]] = [:]
        for header in headers { values[header.name.lowercased(), default: []].append(CanonicalRequest.trimmed(header.value)) }
        var lines = [method, percentEncoded(decodedPath, keeping: "/"), parameters.joined(separator: "&")]
        lines += signedHeaders.map { "\($0):\((values[$0] ?? []).joined(separator: ","))" }
        lines += ["", signedHeaders.joined(separator: ";"), payloadHash]
        text = lines.joined(separator: "\n")
    }

    func stringToSign(amzDate: String, scope: String) -> String {
        "AWS4-HMAC-SHA256\n\(amzDate)\n\(scope)\n\(hex(Digester<SHA256>.digest(text.utf8)))"
    }

    /// The signature of a string to sign.
    static func signature(of stringToSign: String, secretKey: String, date: String, region: String, service: String) -> String {
        var key = Array("AWS4\(secretKey)".utf8)
        for part in [date, region, service, "aws4_request"] { key = hmacSHA256(key: key, part.utf8) }
        return hex(hmacSHA256(key: key, stringToSign.utf8))
    }

    /// Without blanks around, and with one blank for each inner run of them.
    private static func trimmed(_ value: String) -> String {
        value.split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
    }
}

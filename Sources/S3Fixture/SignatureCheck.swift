import NIOCore
import NIOHTTP1

/// Decides whether a request's `Authorization` header is one of S3's, made by a key that the fixture knows.
struct SignatureCheck: Sendable {
    let options: FixtureOptions
    let now: UnixTime

    /// - Throws: what S3 answers to a request that is not, or wrongly, signed.
    func verify(_ request: S3Request) throws(S3Error) {
        guard let field = request.headers.first(name: "authorization") else {
            guard options.anonymous || options.publicBuckets.contains(request.bucket) else { throw .accessDenied }
            return
        }
        guard let authorization = Authorization(field) else { throw malformed("The authorization header is malformed") }
        guard let key = options.credentials.first(where: { $0.accessKey == authorization.accessKey }) else {
            throw S3Error(
                403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.",
                [("AWSAccessKeyId", authorization.accessKey)])
        }
        try checkToken(request, key)
        guard authorization.region == options.region else {
            throw malformed(
                "The authorization header is malformed; the region '\(authorization.region)' is wrong; "
                    + "expecting '\(options.region)'", [("Region", options.region)])
        }
        guard authorization.service == "s3" else {
            throw malformed("The authorization header is malformed; incorrect service \"\(authorization.service)\"")
        }
        let amzDate = try checkTime(request, authorization)
        let payloadHash = try checkPayload(request)
        try checkSignedHeaders(request, authorization)
        try checkSignature(request, authorization, key, amzDate: amzDate, payloadHash: payloadHash)
    }

    private func checkToken(_ request: S3Request, _ key: FixtureCredentials) throws(S3Error) {
        let token = request.headers.first(name: "x-amz-security-token")
        guard token == key.sessionToken else {
            throw S3Error(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
        }
        guard !key.isExpired else { throw S3Error(400, "ExpiredToken", "The provided token has expired.") }
    }

    private func checkTime(_ request: S3Request, _ authorization: Authorization) throws(S3Error) -> String {
        guard let amzDate = request.headers.first(name: "x-amz-date"), let time = UnixTime(amzDate: amzDate) else {
            throw S3Error(403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
        }
        guard amzDate.hasPrefix(authorization.date) else {
            throw malformed("Invalid credential date \"\(authorization.date)\". This date is not the same as X-Amz-Date")
        }
        guard abs(time.milliseconds - now.milliseconds) <= 15 * 60 * 1000 else {
            throw S3Error(
                403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.",
                [
                    ("RequestTime", amzDate), ("ServerTime", now.listingDate),
                    ("MaxAllowedSkewMilliseconds", "900000"),
                ])
        }
        return amzDate
    }

    private func checkPayload(_ request: S3Request) throws(S3Error) -> String {
        guard let declared = request.headers.first(name: "x-amz-content-sha256") else {
            throw S3Error(400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
        }
        if declared == "UNSIGNED-PAYLOAD" { return declared }
        guard !declared.hasPrefix("STREAMING-") else {
            throw S3Error(501, "NotImplemented", "s3-fixture takes no chunked uploads (\(declared))")
        }
        let actual = hex(Digester<SHA256>.digest(request.body.readableBytesView))
        guard declared == actual else {
            throw S3Error(
                400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.",
                [("ClientComputedContentSHA256", declared), ("S3ComputedContentSHA256", actual)])
        }
        return declared
    }

    private func checkSignedHeaders(_ request: S3Request, _ authorization: Authorization) throws(S3Error) {
        let mustBeSigned = request.headers.map { $0.name.lowercased() }.filter { $0.hasPrefix("x-amz-") || $0 == "host" }
        let unsigned = mustBeSigned.filter { !authorization.signedHeaders.contains($0) }
        guard unsigned.isEmpty else {
            throw S3Error(
                403, "AccessDenied", "There were headers present in the request which were not signed",
                [("HeadersNotSigned", unsigned.joined(separator: ", "))])
        }
    }

    private func checkSignature(
        _ request: S3Request, _ authorization: Authorization, _ key: FixtureCredentials, amzDate: String, payloadHash: String
    ) throws(S3Error) {
        let canonical = CanonicalRequest(
            method: request.method, path: request.rawPath, query: request.rawQuery,
            headers: request.headers.map { ($0.name, $0.value) }, signedHeaders: authorization.signedHeaders,
            payloadHash: payloadHash)
        guard let canonical else { throw S3Error(400, "InvalidURI", "Couldn't parse the specified URI.") }
        let text = canonical.stringToSign(amzDate: amzDate, scope: authorization.scope)
        let expected = CanonicalRequest.signature(
            of: text, secretKey: key.secretKey, date: authorization.date, region: authorization.region,
            service: authorization.service)
        guard expected == authorization.signature else {
            throw S3Error(
                403, "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. "
                    + "Check your key and signing method.",
                [
                    ("AWSAccessKeyId", key.accessKey), ("StringToSign", text),
                    ("SignatureProvided", authorization.signature), ("CanonicalRequest", canonical.text),
                ])
        }
    }

    private func malformed(_ message: String, _ fields: [(name: String, value: String)] = []) -> S3Error {
        S3Error(400, "AuthorizationHeaderMalformed", message, fields)
    }
}

/// The parts of `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
private struct Authorization {
    let accessKey: String
    let date: String
    let region: String
    let service: String
    let signedHeaders: [String]
    let signature: String

    var scope: String { "\(date)/\(region)/\(service)/aws4_request" }

    init?(_ field: String) {
        let sides = field.split(separator: " ", maxSplits: 1)
        guard sides.count == 2, sides[0] == "AWS4-HMAC-SHA256" else { return nil }
        var values: [Substring: String] = [:]
        for part in sides[1].split(separator: ",") {
            let pair = part.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
            guard pair.count == 2 else { return nil }
            values[pair[0]] = String(pair[1])
        }
        guard let credential = values["Credential"]?.split(separator: "/").map(String.init), credential.count == 5,
            credential[4] == "aws4_request", let signed = values["SignedHeaders"], let signature = values["Signature"]
        else { return nil }
        accessKey = credential[0]
        date = credential[1]
        region = credential[2]
        service = credential[3]
        signedHeaders = signed.split(separator: ";").map(String.init)
        // The canonical form has them sorted; another order can match no signature.
        guard signedHeaders == signedHeaders.sorted() else { return nil }
        self.signature = signature
    }
}

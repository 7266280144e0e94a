import Servables
import Transfer

/// A request before it is signed.
struct S3Call: Sendable {
    let operation: S3Operation
    let resource: S3Resource
    var query: [(name: String, value: String)] = []
    var headers: [(name: String, value: String)] = []

    /// The request as it is sent: every part of it that counts is signed, as it stands on the wire.
    /// - Parameters:
    ///   - address: of the bucket.
    ///   - keys: to sign with; `nil` sends no signature.
    ///   - paysAsRequester: whether we agree to pay for it.
    ///   - now: the time that the request claims.
    /// - Returns: the request, good for a quarter of an hour.
    func request(to address: BucketAddress, _ keys: Credentials?, paysAsRequester: Bool, at now: Timestamp) -> HTTPRequest {
        let path = operation.isOfBucket ? address.bucketPath : address.path(key: resource.key ?? "")
        var headers = headers
        headers.append(("host", address.host))
        headers.append(("x-amz-content-sha256", RequestSigner.emptyPayloadHash))
        if paysAsRequester { headers.append(("x-amz-request-payer", "requester")) }
        if let keys {
            headers.append(("x-amz-date", now.compact))
            if let token = keys.sessionToken { headers.append(("x-amz-security-token", token)) }
        }
        let canonical = CanonicalRequest(
            method: operation.method, path: path, query: query, headers: headers, payloadHash: RequestSigner.emptyPayloadHash)
        var sent = canonical.headers.map { HTTPHeader($0.name, $0.value) }
        if let keys {
            let signer = RequestSigner(credentials: keys, region: address.region)
            sent.append(HTTPHeader("authorization", signer.sign(canonical, at: now).authorization))
        }
        return HTTPRequest(canonical.method, address.url(path: path, query: canonical.query), headers: sent)
    }
}

import Digests
import FileIO
import Servables

/// Signs requests by AWS Signature Version 4 in the `Authorization` header.
struct RequestSigner: Sendable {
    /// The SHA-256 of no bytes: the payload hash of every request without a body.
    static let emptyPayloadHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    let credentials: Credentials
    let region: String
    /// `s3`, but for the published test cases, which sign for a service named `service`.
    var service = "s3"

    /// The parts of a signature, of which only ``authorization`` is sent.
    struct Signature {
        let stringToSign: String
        let hex: String
        /// The value of the `Authorization` header.
        let authorization: String
    }

    /// Signs a request that already has its `x-amz-date` header, of the same instant.
    func sign(_ request: CanonicalRequest, at time: Timestamp) -> Signature {
        let dateTime = time.compact
        let day = String(dateTime.prefix(8))
        let scope = String(pieces: [day, "/", region, "/", service, "/aws4_request"])
        let hash = Hex.encode(DigestKind.sha256.digest(of: request.text.utf8))
        let stringToSign = String(pieces: ["AWS4-HMAC-SHA256\n", dateTime, "\n", scope, "\n", hash])
        let hex = Hex.encode(HMAC.sha256(of: stringToSign.utf8, key: signingKey(day: day)))
        let authorization = String(pieces: [
            "AWS4-HMAC-SHA256 Credential=", credentials.accessKeyID, "/", scope, ", SignedHeaders=", request.signedHeaders,
            ", Signature=", hex,
        ])
        return Signature(stringToSign: stringToSign, hex: hex, authorization: authorization)
    }

    /// The key that was derived last, and of what: it is the same for all requests of a day, and takes four digests of five.
    private static let derived = Lock<(of: [String], key: [UInt8])>(([], []))

    private func signingKey(day: String) -> [UInt8] {
        let origin = [credentials.secretAccessKey, day, region, service]
        return Self.derived.withLock { derived in
            if derived.of != origin {
                let key = [day, region, service, "aws4_request"]
                    .reduce(Array("AWS4\(credentials.secretAccessKey)".utf8)) { HMAC.sha256(of: $1.utf8, key: $0) }
                derived = (origin, key)
            }
            return derived.key
        }
    }
}

import Servables

extension S3Error {
    /// What a person can do about it.
    var remedy: String? {
        switch cause {
        case .refused(let refusal): remedy(for: refusal)
        case .objectChanged: "its bytes are dropped and it is listed anew"
        case .checksumMismatch: "upload the object again, or replace what lies between it and here"
        case .unintelligible(_, let mayHeal): mayHeal ? nil : "is the endpoint S3? check --s3-endpoint"
        case .transport, .credentials, .configuration, .file, .cancelled: nil
        }
    }

    private func remedy(for refusal: Refusal) -> String? {
        switch refusal.code {
        case "SignatureDoesNotMatch":
            return "check AWS_SECRET_ACCESS_KEY: it does not belong to the access key id (or a proxy changes the requests)"
        case "InvalidAccessKeyId":
            return "check AWS_ACCESS_KEY_ID and that it belongs to this endpoint"
        case "ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired", "RequestExpired":
            return "renew the credentials: the session token (AWS_SESSION_TOKEN) is no longer valid"
        case "RequestTimeTooSkewed":
            return "set this machine's clock"
        case "NoSuchBucket":
            return "check the bucket's name and --s3-endpoint"
        case "NoSuchKey":
            return "the object is gone"
        case "InvalidObjectState":
            return "the object is archived (Glacier): restore it, or copy it to another storage class"
        case "InvalidBucketName":
            return "check the bucket's name"
        case "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
            return regionRemedy(refusal)
        default:
            break
        }
        if refusal.mentionsKMS { return "grant kms:Decrypt on the key that encrypts \(resource), and see that it is enabled" }
        switch refusal.status {
        case 407: return "set the proxy's user and password in the URL of HTTPS_PROXY or http_proxy"
        case _ where refusal.isRedirect: return regionRemedy(refusal)
        case 401, 403: return grant
        case 404:
            return operation == .headObject
                ? "the object, or the bucket, is not there" : "check the bucket's name and --s3-endpoint"
        default: return nil
        }
    }

    private func regionRemedy(_ refusal: Refusal) -> String {
        let region = refusal.region.flatMap { Region.isValidAnswer($0) ? " (\($0), it says)" : nil } ?? ""
        // Signed requests go to the endpoint's own hosts only.
        let host = refusal.location.map { "; it sends to \(oneLine($0.authority, limit: 260)), which is not followed" } ?? ""
        return "set --s3-region to the bucket's region\(region), or correct --s3-endpoint\(host)"
    }

    private var grant: String {
        let isARN = AccessPoint.isARN(resource.bucket)
        let bucket = "\(isARN ? "" : "arn:aws:s3:::")\(oneLine(resource.bucket))"
        let objects = "\(bucket)\(isARN ? "/object" : "")"
        switch operation {
        case .listObjects, .headBucket:
            return "grant s3:ListBucket on \(bucket), and for a bucket whose requester pays set --s3-request-payer"
        case .getObject, .headObject:
            return
                "grant s3:GetObject on \(objects)/\(oneLine(resource.key ?? "*")); without s3:ListBucket on \(bucket) a missing object "
                + "is answered the same way, and so is a bucket whose requester pays (--s3-request-payer)"
        }
    }
}

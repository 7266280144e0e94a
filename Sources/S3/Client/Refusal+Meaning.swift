import Servables

/// How soon a request is worth another try.
enum RetryPace: Hashable, Sendable {
    /// A hiccup.
    case transient
    /// The store asks for fewer requests.
    case throttled
}

extension Refusal {
    /// `nil` for what another try cannot change. The sets are botocore's, minio-go's and aws-c-s3's taken together: whatever
    /// one of them retries because a store was seen to send it.
    var retryPace: RetryPace? {
        if let code {
            if Refusal.throttlingCodes.contains(code) || code.hasPrefix("Throttl") { return .throttled }
            if Refusal.transientCodes.contains(code) { return .transient }
        }
        switch status {
        case 429, 503, 509: return .throttled
        case 408, 499, 500, 502, 504, 520...: return .transient
        default: return nil
        }
    }

    private static let throttlingCodes: Set<String> = [
        "SlowDown", "SlowDownRead", "TooManyRequests", "TooManyRequestsException", "RequestLimitExceeded", "RequestThrottled",
        "BandwidthLimitExceeded", "LimitExceededException", "PriorRequestNotComplete",
    ]
    private static let transientCodes: Set<String> = [
        "RequestTimeout", "RequestTimeoutException", "InternalError", "InternalErrors", "ServiceUnavailable", "OperationAborted",
    ]

    /// The credentials may have been replaced since they were read. A HEAD's refusal does not say why.
    var mayBeStaleCredentials: Bool {
        guard let code else { return status == 401 || status == 403 }
        return Refusal.credentialCodes.contains(code)
    }

    private static let credentialCodes: Set<String> = [
        "ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
    ]

    /// How far the time `sent`, which the request claimed, is behind the store's clock, where that is why it was refused.
    func clockError(sent: Timestamp) -> Duration? {
        guard let date, code == "RequestTimeTooSkewed" || (code == nil && status == 403) else { return nil }
        let offset = date.since(sent)
        // Without the word only a difference that S3 does not take (15 minutes) explains the refusal.
        guard code != nil || offset > .seconds(14 * 60) || offset < .seconds(-14 * 60) else { return nil }
        return offset
    }

    /// The region that the request should have been signed for, where that is why it was refused.
    func betterRegion(than region: String) -> String? {
        // S3 says on other refusals, too, where a bucket is; a HEAD's bare 403 may well mean that.
        guard isRedirect || status == 400 || (status == 403 && code == nil), let better = self.region, better != region,
            Region.isValidAnswer(better)
        else {
            return nil
        }
        return better
    }

    /// Whether it says that the bucket is elsewhere.
    var isRedirect: Bool { [301, 302, 307, 308].contains(status) }

    /// Whether it may mean that the bucket is elsewhere, without saying where: S3 answers a HEAD in another region so.
    var mayBeElsewhere: Bool {
        region == nil && (isRedirect || (status == 400 && (code == nil || code == "IllegalLocationConstraintException")))
    }

    var isMissingObject: Bool { status == 404 && code != "NoSuchBucket" }

    var mentionsKMS: Bool {
        code?.hasPrefix("KMS.") == true || message?.contains("kms:") == true || message?.contains("KMS") == true
    }

    var kind: FailureKind {
        if retryPace != nil { return .unavailable }
        switch (status, code) {
        case (_, "InvalidObjectState"): return .unavailable
        case (_, _) where mentionsKMS: return .denied
        case (401, _), (403, _), (_, "ExpiredToken"), (_, "InvalidToken"): return .denied
        case (404, _): return .notFound
        case (407, _): return .configuration
        case (_, _) where isRedirect: return .configuration
        case (400, "AuthorizationHeaderMalformed"), (400, "InvalidBucketName"),
            (400, "IllegalLocationConstraintException"):
            return .configuration
        default: return .unavailable
        }
    }
}

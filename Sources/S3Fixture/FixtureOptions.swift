/// An access key that the fixture accepts.
public struct FixtureCredentials: Hashable, Sendable {
    public var accessKey: String
    public var secretKey: String
    /// What `x-amz-security-token` must say; `nil` for a long-lived key, with which no token may be sent.
    public var sessionToken: String?
    /// Whether the session is over (`ExpiredToken`).
    public var isExpired: Bool

    public init(accessKey: String, secretKey: String, sessionToken: String? = nil, isExpired: Bool = false) {
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.sessionToken = sessionToken
        self.isExpired = isExpired
    }

    /// The key of AWS's documentation.
    public static let example = FixtureCredentials(
        accessKey: "AKIAIOSFODNN7EXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
}

/// What the fixture does for every request. Can be changed while it runs.
public struct FixtureOptions: Sendable {
    /// Accepted keys; a request with none of them is refused unless it is anonymous and may be.
    public var credentials: [FixtureCredentials]
    public var region: String
    /// Whether requests without a signature are allowed in all buckets.
    public var anonymous: Bool
    /// Buckets in which requests without a signature are allowed.
    public var publicBuckets: Set<String>
    /// Which checksums objects have; an empty list for a store that knows none. Fixed when the server starts.
    public var checksums: [ChecksumKind]
    /// How objects that nobody uploads count as uploaded, if not in one piece. Fixed when the server starts.
    public var parts: UploadParts?
    /// Keys and common prefixes on a page of a listing at most, whatever the client asks for.
    public var pageSize: Int
    /// `BUCKET.baseDomain` as a request's host names its bucket (virtual-host style).
    public var baseDomain: String
    /// How far the server's clock is ahead of the machine's.
    public var clockOffset: Duration
    /// Waited before each answer.
    public var delay: Duration
    /// Bytes a second on each connection at most.
    public var rate: Int?

    public init(
        credentials: [FixtureCredentials] = [.example], region: String = "us-east-1", anonymous: Bool = false,
        publicBuckets: Set<String> = [], checksums: [ChecksumKind] = [.crc64nvme], parts: UploadParts? = nil,
        pageSize: Int = 1000,
        baseDomain: String = "localhost", clockOffset: Duration = .zero, delay: Duration = .zero, rate: Int? = nil
    ) {
        self.credentials = credentials
        self.region = region
        self.anonymous = anonymous
        self.publicBuckets = publicBuckets
        self.checksums = checksums
        self.parts = parts
        self.pageSize = pageSize
        self.baseDomain = baseDomain
        self.clockOffset = clockOffset
        self.delay = delay
        self.rate = rate
    }
}

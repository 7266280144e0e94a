/// What is known of one version, for a table or JSON.
public struct VersionStatus: Hashable, Sendable {
    public var version: Version
    public var state: VersionState
    /// Why it is held, failed or foreign; one line.
    public var reason: String?
    /// Files and bytes of the whole version, where known.
    public var files: Int?
    public var bytes: Int64?
    /// Bytes staged so far, while it is fetched.
    public var stagedBytes: Int64?
    public var publishedAt: Timestamp?
    /// How many of its files were verified by which method.
    public var verified: [VerificationMethod: Int]
    /// Whether the disk has all of it; `nil` of one that is not published.
    public var isSynced: Bool?

    public init(
        version: Version, state: VersionState, reason: String? = nil, files: Int? = nil, bytes: Int64? = nil,
        stagedBytes: Int64? = nil, publishedAt: Timestamp? = nil, verified: [VerificationMethod: Int] = [:],
        isSynced: Bool? = nil
    ) {
        self.version = version
        self.state = state
        self.reason = reason
        self.files = files
        self.bytes = bytes
        self.stagedBytes = stagedBytes
        self.publishedAt = publishedAt
        self.verified = verified
        self.isSynced = isSynced
    }
}

/// What is known of one model.
public struct ModelStatus: Hashable, Sendable {
    public var name: String
    /// Where its versions come from, without secrets; `nil` when only the volume was asked.
    public var source: String?
    public var policy: VersionPolicy?
    public var isRequired: Bool
    /// Highest version first.
    public var versions: [VersionStatus]
    /// Whether it no longer holds up `/readyz`, and if not, why; `nil` when only the volume was asked.
    public var isReady: Bool?
    public var notReadyReason: String?
    public var lastSuccess: Timestamp?
    public var lastFailure: Failure?
    /// How long the newest listed version has not been in place; `nil` when it is, or when only the volume was asked.
    public var behind: Duration?
    /// How many published versions the server has not confirmed within `--confirm-timeout`; `nil` where no server is asked.
    public var unconfirmed: Int?

    public init(
        name: String, source: String? = nil, policy: VersionPolicy? = nil, isRequired: Bool = true,
        versions: [VersionStatus] = [], isReady: Bool? = nil, notReadyReason: String? = nil,
        lastSuccess: Timestamp? = nil, lastFailure: Failure? = nil, behind: Duration? = nil, unconfirmed: Int? = nil
    ) {
        self.name = name
        self.source = source
        self.policy = policy
        self.isRequired = isRequired
        self.versions = versions
        self.isReady = isReady
        self.notReadyReason = notReadyReason
        self.lastSuccess = lastSuccess
        self.lastFailure = lastFailure
        self.behind = behind
        self.unconfirmed = unconfirmed
    }
}

/// Whether an agent reconciles the volume or waits for the one that does (CONTRACT P6).
public enum AgentRole: Hashable, Sendable {
    /// It holds the lock.
    case active
    /// Another agent holds the lock; the text says which.
    case standby(holder: String)
    /// Nobody was asked: `aspired status` reads the volume alone.
    case observer
}

/// What a volume holds and, where a running agent answers, what it is doing about it.
public struct AgentStatus: Hashable, Sendable {
    /// The version of the program.
    public var program: String
    public var root: String
    public var role: AgentRole
    /// Pid and host name of who holds the lock, if anybody does.
    public var holder: String?
    /// Free bytes on the volume.
    public var freeBytes: Int64?
    /// `/readyz`: `nil` when only the volume was asked.
    public var isReady: Bool?
    /// In the configuration's order.
    public var models: [ModelStatus]

    public init(
        program: String, root: String, role: AgentRole, holder: String? = nil, freeBytes: Int64? = nil, isReady: Bool? = nil,
        models: [ModelStatus] = []
    ) {
        self.program = program
        self.root = root
        self.role = role
        self.holder = holder
        self.freeBytes = freeBytes
        self.isReady = isReady
        self.models = models
    }
}

/// One model as the configuration desires it.
public struct DesiredModel: Hashable, Sendable {
    /// One path component: letters, digits, `.`, `_`, `-`, not beginning with `.`.
    public let name: String
    public let source: SourceLocation
    public let policy: VersionPolicy
    public let ready: ReadinessRule
    /// How old the newest object of a version must be under `settled`.
    public let settle: Duration
    /// Whether it holds up `/readyz` and the exit code of `once`.
    public let isRequired: Bool
    /// What the server calls it; `nil`: as we do.
    public let serverName: String?

    public init(
        name: String, source: SourceLocation, policy: VersionPolicy, ready: ReadinessRule, settle: Duration, isRequired: Bool,
        serverName: String? = nil
    ) {
        self.name = name
        self.source = source
        self.policy = policy
        self.ready = ready
        self.settle = settle
        self.isRequired = isRequired
        self.serverName = serverName
    }
}

/// Where a model's versions come from.
public enum SourceLocation: Hashable, Sendable, CustomStringConvertible {
    /// `prefix` has no slash at either end; `endpoint` and `region` override the global setting for this model.
    case s3(bucket: String, prefix: String, endpoint: String?, region: String?)
    /// An absolute path.
    case directory(path: String)

    public var description: String {
        switch self {
        case .s3(let bucket, let prefix, _, _): prefix.isEmpty ? "s3://\(bucket)" : "s3://\(bucket)/\(prefix)"
        case .directory(let path): "file://\(path)"
        }
    }
}

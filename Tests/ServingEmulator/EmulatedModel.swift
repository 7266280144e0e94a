/// Which of the versions on disk a model's server wants.
public enum EmulatedPolicy: Hashable, Sendable {
    /// The so many highest numbers; less than one counts as one.
    case latest(Int)
    /// Whatever is a number.
    case all
    /// These, as far as they are there.
    case specific([Int64])
}

/// A model as `models.config` names it.
public struct EmulatedModel: Hashable, Sendable {
    public var name: String
    /// An absolute path: the folder whose children are versions.
    public var basePath: String
    public var policy: EmulatedPolicy
    /// Versions that requests may name by a label; each has to be available when the list is read.
    public var labels: [String: Int64]

    public init(name: String, basePath: String, policy: EmulatedPolicy = .latest(1), labels: [String: Int64] = [:]) {
        self.name = name
        self.basePath = basePath
        self.policy = policy
        self.labels = labels
    }
}

/// A version that was found on disk.
public struct ServableVersion: Hashable, Sendable {
    public let version: Int64
    /// The base path and the child's name as it was found (`…/007` for version 7).
    public let path: String

    public init(version: Int64, path: String) {
        self.version = version
        self.path = path
    }
}

/// What the polling source asks the manager for: from now on these versions of a model and no others.
public struct AspiredVersions: Hashable, Sendable {
    public let model: String
    /// In the order in which the policy emits them.
    public let versions: [ServableVersion]

    public init(model: String, versions: [ServableVersion]) {
        self.model = model
        self.versions = versions
    }
}

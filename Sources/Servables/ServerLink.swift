/// A model server, as one model's reconciler asks it (`--server`).
public protocol ServerLink: Sendable {
    /// For messages: which server and where, without secrets.
    var description: String { get }

    /// What the server says of the versions of one model. Asking changes nothing there.
    /// - Parameter model: the name that the server knows it by.
    /// - Returns: every version that it lists.
    /// - Throws: where no answer came, or none that can be understood.
    func view(of model: String) async throws(ServerFault) -> ServerView

    /// Whether it may be one that loads what it is told to, model by model, and wants nothing of a model moved while it does. One that
    /// does not looks at each version by itself.
    var loadsWhenTold: Bool { get }

    /// Has it load what is in the base path of a model now, and let go of what is not; waits until that has ended.
    /// - Parameter model: the name that the server knows it by.
    /// - Returns: how that went.
    /// - Throws: where no answer came, or none that can be understood.
    func load(_ model: String) async throws(ServerFault) -> LoadAnswer

    /// Has it begin to let go of a model.
    /// - Parameter model: the name that the server knows it by.
    /// - Returns: whether it does.
    /// - Throws: where no answer came, or none that can be understood.
    func unload(_ model: String) async throws(ServerFault) -> LoadAnswer
}

extension ServerLink {
    public var loadsWhenTold: Bool { false }
    public func load(_ model: String) async throws(ServerFault) -> LoadAnswer { .looksByItself("") }
    public func unload(_ model: String) async throws(ServerFault) -> LoadAnswer { .looksByItself("") }
}

/// What a server answers that was told to load, or unload.
public enum LoadAnswer: Hashable, Sendable {
    case done
    /// In its own words, on one line. What it had is still there.
    case failed(String)
    /// It takes no orders, and goes by what it sees; in its own words.
    case looksByItself(String)
}

/// What a server says of the versions of one model.
public struct ServerView: Hashable, Sendable {
    /// A version that is not here is one that the server does not list.
    public var states: [Version: ServedState]

    public init(_ states: [Version: ServedState] = [:]) { self.states = states }
}

/// How far a server is with a version (TensorFlow Serving's `ModelVersionStatus.State`).
public enum ServedState: Hashable, Sendable {
    /// It knows of it, and has not begun to load it: loads are serial.
    case waiting
    case loading
    case available
    case unloading
    /// It has let go of it.
    case ended
    /// It could not load it, and does not try again; the server's own words, on one line.
    case failed(String)

    /// Whether the server may have files of the version open, or is about to.
    public var isLoading: Bool { self == .waiting || self == .loading }

    /// Whether what the server has, or is about to have, is of files that it has read or reads: one that waits has read none, and one
    /// that was given up before its turn waits for ever (TensorFlow Serving tells nobody of its end).
    public var hasRead: Bool { self == .loading || self == .available || self == .unloading }

    /// Whether the server has let go of what it had of the version, or never had any.
    public var isGone: Bool {
        switch self {
        case .ended, .failed: true
        case .waiting, .loading, .available, .unloading: false
        }
    }
}

/// Why a server could not be asked.
public struct ServerFault: Error, Hashable, Sendable {
    public let failure: Failure
    /// Whether nobody is there: it was stopped, has died, or is not up yet. One that answers late, or nonsense, is there.
    public let isAway: Bool

    public init(_ failure: Failure, isAway: Bool) {
        self.failure = failure
        self.isAway = isAway
    }
}

/// What the plan needs of what a server has said.
public struct ServingState: Hashable, Sendable {
    /// Published versions that it has loaded.
    public var confirmed: Set<Version>
    /// Those of them that it has let go of since.
    public var dropped: Set<Version>
    /// Versions that must not be moved now, whoever put them there.
    public var loading: Set<Version>
    /// Published versions that it could not load, and why.
    public var failed: [Version: String]
    /// Versions that it serves and that are not in the base path: it would let go of them if that were empty. `nil` where nobody knows.
    public var unseen: Set<Version>?
    /// Whether nobody has been there for so long that it may not come up with what it sees.
    public var isLost: Bool

    public init(
        confirmed: Set<Version> = [], dropped: Set<Version> = [], loading: Set<Version> = [], failed: [Version: String] = [:],
        unseen: Set<Version>? = nil, isLost: Bool = false
    ) {
        self.confirmed = confirmed
        self.dropped = dropped
        self.loading = loading
        self.failed = failed
        self.unseen = unseen
        self.isLost = isLost
    }
}

/// One attempt to load a version.
public struct LoadAttempt: Hashable, Sendable {
    public let model: String
    public let version: Int64
    public let path: String
    /// Counted from 1.
    public let number: Int
    /// The server process that makes it, counted from 1.
    public let process: Int
}

/// What a test says comes of an attempt to load.
public enum LoadOutcome: Hashable, Sendable {
    /// What is in the folder decides.
    case readFolder
    /// It loads, and nothing is read.
    case loaded
    case failed(ServingStatus)
    /// It is still under way; at the next tick the question is put again.
    case pending
    /// The process dies.
    case crash
}

/// What came of an attempt to load.
public struct LoadRecord: Hashable, Sendable {
    public enum Outcome: Hashable, Sendable {
        case loaded
        /// It is available, and yet every request fails: there were no values for its variables.
        case uninitialised
        case failed(ServingStatus)
    }

    public let attempt: LoadAttempt
    public let outcome: Outcome
    /// What was in the folder at that moment, by path relative to it, as far as it was read.
    public let content: [String: ContentDigest]

    public var model: String { attempt.model }
    public var version: Int64 { attempt.version }
    public var path: String { attempt.path }
}

/// What kind of failure it is: each kind has one exit code (CONTRACT section 3).
public enum FailureKind: String, Hashable, Sendable, CaseIterable {
    /// Unsafe key, checksum mismatch that stays, two names of one number.
    case badData = "bad-data"
    /// No such bucket, no version of the model, a version named and not there.
    case notFound = "not-found"
    /// Source unreachable, failing or unintelligible.
    case unavailable
    /// A bug of ours.
    case internalError = "internal"
    /// No space, read-only, not the same mount.
    case volume
    /// Another agent holds the volume, stopped, or timed out while waiting.
    case busy
    /// Access denied, or no credentials.
    case denied
    /// The configuration is wrong.
    case configuration
}

/// A failure as a person meets it: what was tried on which object, what came back, what to do; on one line.
public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
    public let kind: FailureKind
    /// Operation, object, cause and remedy. Holds no secret and no line break.
    public let message: String
    /// Whether trying the same again may help without anybody's doing.
    public let isTransient: Bool

    public init(_ kind: FailureKind, _ message: String, isTransient: Bool = false) {
        self.kind = kind
        self.message = message
        self.isTransient = isTransient
    }

    public var description: String { message }
}

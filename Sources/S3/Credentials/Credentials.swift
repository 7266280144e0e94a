public import Servables

/// What requests are signed with. Its secrets are in no text made of it, not even by `dump`.
public struct Credentials: Hashable, Sendable {
    public let accessKeyID: String
    public let secretAccessKey: String
    /// Sent with each request where the credentials are temporary ones.
    public let sessionToken: String?
    /// When they cease to be valid; `nil` for those without end, and where nobody said.
    public let expiration: Timestamp?

    public init(accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil, expiration: Timestamp? = nil) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.expiration = expiration
    }
}

extension Credentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The last four characters of the access key id, which is what people compare, and nothing else.
    public var description: String {
        let tail = accessKeyID.count > 8 ? String(accessKeyID.suffix(4)) : ""
        return "Credentials(…\(tail))"
    }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Where credentials come from. A provider keeps what it has found until it is told that the store refused it.
public protocol CredentialProvider: Sendable {
    /// The credentials to sign the next request with.
    /// - Returns: `nil` for requests that carry no signature at all.
    /// - Throws: a failure of kind `denied` that says what was looked for and what to do.
    func credentials() async throws(Failure) -> Credentials?

    /// The store refused `credentials` as expired or unknown: look again, they may have been replaced.
    /// - Returns: whether the next ``credentials()`` can differ from these, so that trying again makes sense.
    func refresh(insteadOf credentials: Credentials) async -> Bool
}

/// No credentials: for buckets that everybody may read.
public struct AnonymousCredentials: CredentialProvider {
    public init() {}
    public func credentials() async throws(Failure) -> Credentials? { nil }
    public func refresh(insteadOf credentials: Credentials) async -> Bool { false }
}

import Servables

/// A role assumed with a token that an OpenID Connect provider gives: IAM roles for service accounts (IRSA) in Kubernetes.
struct WebIdentity: Sendable {
    let arn: String
    private let tokenFile: String
    private let sessionName: String?

    /// Each of the three values is taken from `AWS_WEB_IDENTITY_TOKEN_FILE`, `AWS_ROLE_ARN`, `AWS_ROLE_SESSION_NAME` first and
    /// else from the profile, as botocore does.
    /// - Returns: `nil` where no token file is named.
    /// - Throws: where one is, and no role.
    init?(environment: [String: String], profile: Profile) throws(Failure) {
        func value(_ variable: String, _ key: String) -> String? {
            environment[variable].map(trimmed).flatMap { $0.isEmpty ? nil : $0 } ?? profile[key]
        }
        guard let tokenFile = value("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file") else { return nil }
        guard let arn = value("AWS_ROLE_ARN", "role_arn") else {
            throw Failure(
                .denied,
                "a web identity's token file is set but no role: set AWS_ROLE_ARN, or role_arn in profile \(profile.name)")
        }
        self.tokenFile = tokenFile
        self.arn = arn
        sessionName = value("AWS_ROLE_SESSION_NAME", "role_session_name")
    }

    /// The token's file is read anew each time: kubelet replaces it long before the token expires.
    func fetch(
        _ service: SecurityTokenService, at time: Timestamp, read: (String) throws(Failure) -> String?
    ) async throws(Failure) -> Credentials {
        let path = oneLine(tokenFile)
        guard let text = try read(tokenFile) else {
            throw Failure(
                .denied,
                "web identity: there is no token file \(path): is the service account's token mounted? else correct the path")
        }
        let token = trimmed(text)
        guard !token.isEmpty else { throw Failure(.denied, "web identity: the token file \(path) is empty") }
        return try await service.assume(AssumedRole(arn: arn, sessionName: sessionName, at: time), webIdentityToken: token)
    }
}

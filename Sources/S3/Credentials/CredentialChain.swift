import FileIO
public import Servables

/// Looks for static credentials in botocore's order: the environment, then the profile in the shared credentials file, then
/// in the configuration file. A profile that was chosen by a flag excludes the environment's keys, as in botocore.
public final class CredentialChain: CredentialProvider {
    private let environment: [String: String]
    private let chosenProfile: String?
    private let read: @Sendable (String) throws(Failure) -> String?
    private let found: Lock<Credentials?>

    /// - Parameters:
    ///   - environment: the process's, or a test's.
    ///   - profile: of `--s3-profile`.
    ///   - read: a file's text, `nil` if there is none.
    public init(
        environment: [String: String], profile: String?,
        read: @escaping @Sendable (String) throws(Failure) -> String? = readProfileFile
    ) {
        self.environment = environment
        chosenProfile = profile
        self.read = read
        found = Lock(nil)
    }

    public func credentials() async throws(Failure) -> Credentials? {
        if let known = found.withLock({ $0 }) { return known }
        let fresh = try look()
        found.withLock { $0 = fresh }
        return fresh
    }

    /// Reads the files anew: a mounted secret may have been replaced while this process runs.
    public func refresh(insteadOf credentials: Credentials) async -> Bool {
        if let known = found.withLock({ $0 }), known != credentials { return true }
        guard let fresh = try? look(), fresh != credentials else { return false }
        found.withLock { $0 = fresh }
        return true
    }

    private func look() throws(Failure) -> Credentials {
        if chosenProfile == nil, let credentials = try EnvironmentCredentials.find(in: environment) { return credentials }
        let profile = try Profile(environment: environment, chosen: chosenProfile, read: read)
        if let credentials = try profile.credentials() { return credentials }
        let files = profile.files.isEmpty ? "no profile files (HOME is not set)" : profile.files.joined(separator: " and ")
        let isNamed = profile.name != "default" || chosenProfile != nil
        if isNamed, !profile.exists {
            throw Failure(.denied, "no profile \(profile.name) in \(files): correct --s3-profile or AWS_PROFILE")
        }
        if let way = CredentialChain.unsupported.first(where: { profile[$0] != nil }) {
            throw Failure(
                .denied, "profile \(profile.name) gets its credentials by \(way), which is not supported: use static keys")
        }
        throw Failure(
            .denied,
            "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile (looked for \(profile.name) in \(files)), "
                + "or --s3-anonymous for a public bucket")
    }

    /// Ways to credentials that a profile may name.
    private static let unsupported = [
        "role_arn", "source_profile", "credential_source", "credential_process", "web_identity_token_file", "sso_session",
        "sso_start_url",
    ]
}

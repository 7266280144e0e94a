import Servables

/// Where credentials were found.
struct FoundCredentials: Sendable {
    let credentials: Credentials
    /// For people: `role arn:… by web identity`.
    let origin: String

    init(_ credentials: Credentials, _ origin: String) {
        self.credentials = credentials
        self.origin = origin
    }
}

/// One look for credentials, in botocore's order: environment, role of a profile, web identity, shared credentials file,
/// `credential_process`, configuration file, container, instance. What is configured and fails ends the search: going on would
/// give the credentials of somebody else.
struct CredentialSearch: Sendable, Undisclosed {
    let environment: [String: String]
    /// Of `--s3-profile`; it shuts out the keys and the web identity of the environment.
    let chosenProfile: String?
    /// Where the token service is asked if neither environment nor profile name a region.
    let region: String
    let read: @Sendable (String) throws(Failure) -> String?
    let transport: any CredentialTransport
    let time: any TimeSource

    func find() async throws(Failure) -> FoundCredentials {
        if chosenProfile == nil, let keys = try EnvironmentCredentials.find(in: environment) {
            return FoundCredentials(keys, "the environment")
        }
        let files = try ProfileFiles(environment: environment, read: read)
        let profile = files.profile(ProfileFiles.name(environment: environment, chosen: chosenProfile))
        guard profile.exists || (chosenProfile == nil && profile.name == "default") else {
            throw Failure(
                .denied, "no profile \(oneLine(profile.name)) in \(files.places): correct --s3-profile or AWS_PROFILE")
        }
        if profile.assumesRole { return try await ProfileRoles(self, files).assume(profile, visited: [profile.name]) }
        if let found = try await find(in: profile, environment: chosenProfile == nil ? environment : [:]) { return found }
        if let container = try container() {
            return FoundCredentials(try await container.fetch(), "the container's agent")
        }
        switch try await instance(profile).fetch() {
        case .found(let credentials): return FoundCredentials(credentials, "the instance's role")
        case .absent(let reason): throw nothing(profile, files, reason)
        }
    }

    /// What a profile itself gives, but for a role that others' credentials assume. A web identity in `variables` comes before the
    /// profile's own.
    func find(in profile: Profile, environment variables: [String: String]) async throws(Failure) -> FoundCredentials? {
        if let identity = try WebIdentity(environment: variables, profile: profile) {
            return FoundCredentials(
                try await identity.fetch(tokenService(profile), at: time.now(), read: read),
                "role \(quoted(identity.arn)) by web identity")
        }
        if let keys = try profile.keys(in: .credentials) { return FoundCredentials(keys, "profile \(profile.name)") }
        if let command = profile["credential_process"] {
            let process = try CredentialProcess(command, profile: profile.name, environment: environment)
            return FoundCredentials(try await process.fetch(), "credential_process of profile \(profile.name)")
        }
        if let keys = try profile.keys(in: .configuration) { return FoundCredentials(keys, "profile \(profile.name)") }
        if let way = Self.unsupported.first(where: { profile[$0] != nil }) {
            throw Failure(
                .denied,
                "profile \(oneLine(profile.name)) gets its credentials by \(way), which needs a person who signs in: use a role, keys or "
                    + "credential_process")
        }
        return nil
    }

    func container() throws(Failure) -> ContainerCredentials? {
        try ContainerCredentials(environment: environment, read: read, transport: transport, time: time)
    }

    func instance(_ profile: Profile) throws(Failure) -> InstanceMetadata {
        try InstanceMetadata(environment: environment, profile: profile, transport: transport, time: time)
    }

    func tokenService(_ profile: Profile) throws(Failure) -> SecurityTokenService {
        try SecurityTokenService(environment: environment, profile: profile, region: region, transport: transport, time: time)
    }

    /// Ways to credentials that a profile may name and a daemon cannot go.
    private static let unsupported = ["sso_session", "sso_start_url", "login_session"]

    private func nothing(_ profile: Profile, _ files: ProfileFiles, _ instance: String) -> Failure {
        let variables =
            chosenProfile == nil
            ? "the environment (no AWS_ACCESS_KEY_ID), web identity (no AWS_WEB_IDENTITY_TOKEN_FILE), "
            : "(not in the environment, since a profile is chosen) "
        return Failure(
            .denied,
            "no credentials: looked in \(variables)profile \(oneLine(profile.name)) of \(files.places), the container (no "
                + "AWS_CONTAINER_CREDENTIALS_FULL_URI), the instance's metadata (\(instance)); set AWS_ACCESS_KEY_ID and "
                + "AWS_SECRET_ACCESS_KEY, name a profile, give the pod a role, or take --s3-anonymous for a public bucket")
    }
}

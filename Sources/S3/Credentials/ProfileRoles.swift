import Servables

/// Roles that a profile names to be assumed with other credentials: those of its `source_profile`, which may itself be for a role,
/// or of its `credential_source`.
struct ProfileRoles: Sendable {
    private let search: CredentialSearch
    private let files: ProfileFiles

    init(_ search: CredentialSearch, _ files: ProfileFiles) {
        self.search = search
        self.files = files
    }

    /// Assumes the role of `profile`, which has a `role_arn`. `visited` are the profiles on the way here, this one included: who
    /// comes back to one goes round for ever.
    func assume(_ profile: Profile, visited: [String]) async throws(Failure) -> FoundCredentials {
        let name = oneLine(profile.name)
        func refusal(_ reason: String) -> Failure { Failure(.denied, "profile \(name): \(reason)") }
        guard let arn = profile["role_arn"] else { throw refusal("it has no role_arn") }
        if profile["mfa_serial"] != nil {
            throw refusal("mfa_serial needs a person who types a code: use a role that does not ask for one")
        }
        var role = AssumedRole(arn: arn, sessionName: profile["role_session_name"], at: search.time.now())
        role.externalID = profile["external_id"]
        if let text = profile["duration_seconds"] {
            guard let seconds = Int(text), seconds > 0 else { throw refusal("duration_seconds is no number of seconds") }
            role.duration = seconds
        }
        let source: Credentials
        switch (profile["source_profile"], profile["credential_source"]) {
        case (nil, nil):
            throw refusal("role_arn needs a source_profile or a credential_source: whose credentials assume the role?")
        case (_?, _?): throw refusal("it has both source_profile and credential_source: remove one")
        case (let other?, nil): source = try await credentials(of: other, for: profile, visited)
        case (nil, let place?): source = try await credentials(in: place, for: profile)
        }
        let credentials = try await search.tokenService(profile).assume(role, as: source)
        return FoundCredentials(credentials, "role \(quoted(arn)) of profile \(profile.name)")
    }

    private func credentials(
        of name: String, for profile: Profile, _ visited: [String]
    ) async throws(Failure) -> Credentials {
        let source = files.profile(name)
        guard source.exists else {
            throw Failure(
                .denied, "profile \(oneLine(profile.name)): there is no source_profile \(oneLine(name)) in \(files.places)")
        }
        // A profile may be its own source where it holds keys, too.
        guard !visited.contains(name) || (name == profile.name && source.hasKeys) else {
            let way = (visited + [name]).map { oneLine($0) }.joined(separator: " → ")
            throw Failure(.denied, "source_profile goes round in a circle: \(way); let the last one name keys")
        }
        if !source.hasKeys, source.assumesRole { return try await assume(source, visited: visited + [name]).credentials }
        guard let found = try await search.find(in: source, environment: [:]) else {
            throw Failure(.denied, "profile \(oneLine(profile.name)): its source_profile \(oneLine(name)) has no credentials")
        }
        return found.credentials
    }

    private func credentials(in place: String, for profile: Profile) async throws(Failure) -> Credentials {
        func nothing(_ why: String) -> Failure {
            Failure(.denied, "profile \(oneLine(profile.name)): credential_source \(oneLine(place, limit: 80)): \(why)")
        }
        switch place {
        case "Environment":
            guard let keys = try EnvironmentCredentials.find(in: search.environment) else {
                throw nothing("AWS_ACCESS_KEY_ID is not set")
            }
            return keys
        case "EcsContainer":
            guard let container = try search.container() else {
                throw nothing("neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set")
            }
            return try await container.fetch()
        case "Ec2InstanceMetadata":
            switch try await search.instance(profile).fetch() {
            case .found(let credentials): return credentials
            case .absent(let reason): throw nothing(reason)
            }
        default:
            throw nothing("expected Environment, Ec2InstanceMetadata or EcsContainer")
        }
    }
}

public import Servables

/// One named profile: what the shared credentials file and the configuration file say of it, the credentials file first.
public struct Profile: Sendable {
    public let name: String
    /// Whether either file has a section of this name.
    public let exists: Bool
    /// The files that were looked at, for messages.
    let files: [String]
    private let values: [String: String]
    private let ofFile: [File: [String: String]]
    /// Of the section `[services X]` that the profile names, by service.
    private let services: [String: [String: String]]
    /// What stands indented below the profile's own `s3 =`.
    private let s3Values: [String: String]

    /// Which of the two files.
    enum File: Hashable, Sendable {
        case credentials
        case configuration
    }

    /// - Parameters:
    ///   - environment: `AWS_SHARED_CREDENTIALS_FILE`, `AWS_CONFIG_FILE`, `HOME`, `AWS_DEFAULT_PROFILE`, `AWS_PROFILE`
    ///     (in botocore's order) count.
    ///   - chosen: the profile of `--s3-profile`, which beats the environment.
    ///   - read: a file's text, `nil` if there is none.
    /// - Throws: where a file cannot be read or is malformed; a file that is not there holds no profile.
    public init(
        environment: [String: String], chosen: String?, read: (String) throws(Failure) -> String?
    ) throws(Failure) {
        self = try ProfileFiles(environment: environment, read: read)
            .profile(ProfileFiles.name(environment: environment, chosen: chosen))
    }

    init(
        name: String, files: [String], credentials: [String: String]?, configuration: [String: String]?,
        nested: [String: [String: String]], services: [String: [String: String]]
    ) {
        self.name = name
        self.files = files
        self.services = services
        exists = credentials != nil || configuration != nil
        var merged = configuration ?? [:]
        merged.merge(credentials ?? [:]) { _, new in new }
        values = merged.filter { !$0.value.isEmpty }
        s3Values = nested["s3"]?.filter { !$0.value.isEmpty } ?? [:]
        ofFile = [.credentials: credentials ?? [:], .configuration: configuration ?? [:]]
    }

    /// A setting of the profile; empty ones count as none.
    subscript(key: String) -> String? { values[key] }

    /// A setting of the profile, with the profile as its origin.
    func sourced(_ key: String) -> Sourced<String>? { values[key].map { Sourced($0, origin: "profile \(name)") } }

    /// A setting below the profile's `s3 =`.
    func s3Setting(_ key: String) -> Sourced<String>? { s3Values[key].map { Sourced($0, origin: "profile \(name)") } }

    /// The endpoint for S3: that of the profile's services section first, else that for all services.
    var endpointURL: String? { endpointURL(of: "s3") }

    /// The same for another service, named as in a services section.
    func endpointURL(of service: String) -> String? {
        services[service]?["endpoint_url"].flatMap { $0.isEmpty ? nil : $0 } ?? values["endpoint_url"]
    }

    var ignoresEndpointURLs: Bool { values["ignore_configured_endpoint_urls"]?.lowercased() == "true" }

    /// Whether either file has static keys for it, or a half of them.
    var hasKeys: Bool { values["aws_access_key_id"] != nil || values["aws_secret_access_key"] != nil }

    /// Whether it is for a role that other credentials assume, and not for one that a web identity does.
    var assumesRole: Bool { values["role_arn"] != nil && values["web_identity_token_file"] == nil }

    /// The profile's static keys in one of the files: a pair is never made of halves from both.
    /// - Returns: `nil` where it has none.
    /// - Throws: where the secret is missing.
    func keys(in file: File) throws(Failure) -> Credentials? {
        let values = (ofFile[file] ?? [:]).filter { !$0.value.isEmpty }
        switch (values["aws_access_key_id"], values["aws_secret_access_key"]) {
        case (let accessKeyID?, let secretAccessKey?):
            return Credentials(
                accessKeyID: accessKeyID, secretAccessKey: secretAccessKey,
                sessionToken: values["aws_security_token"] ?? values["aws_session_token"])
        case (_?, nil):
            throw Failure(.denied, "profile \(name) has aws_access_key_id but no aws_secret_access_key: set both in one file")
        // A secret alone is none, as for botocore.
        case (nil, _):
            return nil
        }
    }
}

extension Profile: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "Profile(\(name))" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

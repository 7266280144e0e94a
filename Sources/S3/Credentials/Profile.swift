public import Servables

/// One named profile: what the shared credentials file and the configuration file say of it, the credentials file first.
public struct Profile: Sendable {
    public let name: String
    /// Whether either file has a section of this name.
    public let exists: Bool
    /// The files that were looked at, for messages.
    let files: [String]
    private let values: [String: String]
    /// Of the section `[services X]` that the profile names: the settings of S3.
    private let serviceValues: [String: String]
    /// What stands indented below the profile's own `s3 =`.
    private let s3Values: [String: String]

    /// - Parameters:
    ///   - environment: `AWS_SHARED_CREDENTIALS_FILE`, `AWS_CONFIG_FILE`, `HOME`, `AWS_DEFAULT_PROFILE`, `AWS_PROFILE`
    ///     (in botocore's order) count.
    ///   - chosen: the profile of `--s3-profile`, which beats the environment.
    ///   - read: a file's text, `nil` if there is none.
    /// - Throws: where a file cannot be read or is malformed; a file that is not there holds no profile.
    public init(
        environment: [String: String], chosen: String?, read: (String) throws(Failure) -> String?
    ) throws(Failure) {
        let environment = environment.filter { !$0.value.isEmpty }
        name = chosen ?? environment["AWS_DEFAULT_PROFILE"] ?? environment["AWS_PROFILE"] ?? "default"
        let home = environment["HOME"]
        func path(_ variable: String, _ standard: String) -> String? {
            guard let path = environment[variable] ?? home.map({ _ in "~/.aws/\(standard)" }) else { return nil }
            guard path.hasPrefix("~/"), let home else { return path }
            return home + path.dropFirst(1)
        }
        func file(_ path: String?) throws(Failure) -> ProfileFile? {
            guard let path, let text = try read(path) else { return nil }
            return try ProfileFile(parsing: text, name: path)
        }
        let credentialsPath = path("AWS_SHARED_CREDENTIALS_FILE", "credentials")
        let configurationPath = path("AWS_CONFIG_FILE", "config")
        let credentials = try file(credentialsPath)?.sections[name]
        let configuration = try file(configurationPath)
        let section = configuration?.sections["profile \(name)"] ?? (name == "default" ? configuration?.sections["default"] : nil)
        files = [credentialsPath, configurationPath].compactMap(\.self)
        exists = credentials != nil || section != nil
        // A key pair is taken from one file, never a half from each.
        var merged = section?.values ?? [:]
        if let credentials {
            if credentials.values["aws_access_key_id"] != nil || credentials.values["aws_secret_access_key"] != nil {
                for key in Profile.credentialKeys { merged[key] = nil }
            }
            merged.merge(credentials.values) { _, new in new }
        }
        values = merged.filter { !$0.value.isEmpty }
        s3Values = section?.nested["s3"]?.filter { !$0.value.isEmpty } ?? [:]
        serviceValues = merged["services"].flatMap { configuration?.sections["services \($0)"]?.nested["s3"] } ?? [:]
    }

    /// A setting of the profile; empty ones count as none.
    subscript(key: String) -> String? { values[key] }

    /// A setting of the profile, with the profile as its origin.
    func sourced(_ key: String) -> Sourced<String>? { values[key].map { Sourced($0, origin: "profile \(name)") } }

    /// A setting below the profile's `s3 =`.
    func s3Setting(_ key: String) -> Sourced<String>? { s3Values[key].map { Sourced($0, origin: "profile \(name)") } }

    /// The endpoint for S3: that of the profile's services section first, else that for all services.
    var endpointURL: String? { serviceValues["endpoint_url"].flatMap { $0.isEmpty ? nil : $0 } ?? values["endpoint_url"] }

    var ignoresEndpointURLs: Bool { values["ignore_configured_endpoint_urls"]?.lowercased() == "true" }

    private static let credentialKeys = [
        "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_security_token",
    ]

    /// The profile's static keys.
    /// - Returns: `nil` where it has none.
    /// - Throws: where one half is missing, or where it wants a way to get credentials that is not supported.
    func credentials() throws(Failure) -> Credentials? {
        switch (values["aws_access_key_id"], values["aws_secret_access_key"]) {
        case (let accessKeyID?, let secretAccessKey?):
            return Credentials(
                accessKeyID: accessKeyID, secretAccessKey: secretAccessKey,
                sessionToken: values["aws_session_token"] ?? values["aws_security_token"])
        case (nil, _?):
            throw Failure(.denied, "profile \(name) has aws_secret_access_key but no aws_access_key_id: set both in one file")
        case (_?, nil):
            throw Failure(.denied, "profile \(name) has aws_access_key_id but no aws_secret_access_key: set both in one file")
        case (nil, nil):
            return nil
        }
    }
}

extension Profile: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "Profile(\(name))" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

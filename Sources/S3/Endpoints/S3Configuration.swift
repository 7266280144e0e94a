public import Servables
public import Transfer

/// Where S3 is and how it is spoken to, each value with its origin.
public struct S3Configuration: Sendable {
    /// `nil` for AWS's own endpoint of the region.
    public let endpoint: Sourced<EndpointURL?>
    public let region: Sourced<String>
    public let addressing: Sourced<Addressing>
    /// Use AWS's endpoints that have IPv6 addresses, too.
    public let dualStack: Sourced<Bool>
    /// Use AWS's endpoints with validated cryptography.
    public let fips: Sourced<Bool>
    /// The profile that was chosen by a flag, which then excludes the keys of the environment.
    public let profile: Sourced<String>?
    /// Send no signature at all.
    public let anonymous: Sourced<Bool>
    /// Agree to pay for requests to another's bucket.
    public let requestPayer: Sourced<Bool>
    /// The certificate authorities to trust; `nil` for the system's.
    public let caFile: Sourced<String?>
    public let verifyTLS: Sourced<Bool>
    /// What is shown to a store that asks for a certificate.
    public let clientCertificate: Sourced<ClientCertificate?>
    /// Which hosts are spoken to through which proxy.
    public let proxies: ProxySettings

    /// Decides every value from what was given, a pure function.
    ///
    /// Endpoint: the option, `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, `S3_ENDPOINT` (with `S3_USE_HTTPS`), the profile's.
    /// Region: the option, `AWS_REGION`, `AWS_DEFAULT_REGION`, `S3_REGION`, the profile's, else `us-east-1` and what the bucket
    /// answers. `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` shuts out the two `AWS_*` variables and the profile, as in the SDKs.
    /// - Parameters:
    ///   - options: what flags and the model's URI say.
    ///   - environment: the process's variables; empty ones count as none.
    ///   - profile: the profile in force, whose region and endpoint come last.
    /// - Throws: a failure of kind `configuration` that names the origin of the value that cannot be taken.
    public init(options: S3Options, environment: [String: String], profile: Profile?) throws(Failure) {
        let variables = Variables(environment)
        endpoint = try S3Configuration.endpoint(options, variables, profile)
        region =
            options.region ?? variables.first(of: ["AWS_REGION", "AWS_DEFAULT_REGION", "S3_REGION"]) ?? profile?.sourced("region")
            ?? Sourced(Region.standard, origin: "default")
        addressing = try S3Configuration.addressing(options, variables, profile)
        func isOn(_ variable: String, _ key: String) -> Sourced<Bool> {
            variables.flag(variable) ?? (profile?.s3Setting(key) ?? profile?.sourced(key))?.flag
                ?? Sourced(false, origin: "default")
        }
        dualStack = isOn("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")
        fips = isOn("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")
        self.profile = options.profile
        anonymous = options.anonymous ?? variables.flag("awsAnonymousCredential") ?? Sourced(false, origin: "default")
        requestPayer = options.requestPayer ?? Sourced(false, origin: "default")
        let file = options.caFile ?? variables.first(of: ["AWS_CA_BUNDLE", "S3_CA_FILE"]) ?? profile?.sourced("ca_bundle")
        caFile = file.map { Sourced($0.value, origin: $0.origin) } ?? Sourced(nil, origin: "default")
        verifyTLS =
            options.skipTLSVerify.map { Sourced(!$0.value, origin: $0.origin) } ?? variables.flag("S3_VERIFY_SSL")
            ?? Sourced(true, origin: "default")
        clientCertificate = try S3Configuration.clientCertificate(profile)
        proxies = try ProxySettings(environment: environment)
        try check()
    }

    private static func endpoint(
        _ options: S3Options, _ variables: Variables, _ profile: Profile?
    ) throws(Failure) -> Sourced<EndpointURL?> {
        let ignored = variables.flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")?.value ?? (profile?.ignoresEndpointURLs == true)
        if let option = options.endpoint { return try parsed(option) }
        if !ignored, let variable = variables.first(of: ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]) {
            return try parsed(variable)
        }
        if let variable = variables.first(of: ["S3_ENDPOINT"]) {
            if variable.value.contains("://") { return try parsed(variable) }
            let scheme = variables.flag("S3_USE_HTTPS")?.value == false ? "http" : "https"
            return try parsed(Sourced("\(scheme)://\(variable.value)", origin: variable.origin))
        }
        if !ignored, let profile, let url = profile.endpointURL {
            return try parsed(Sourced(url, origin: "profile \(profile.name)"))
        }
        return Sourced(nil, origin: "default")
    }

    private static func parsed(_ text: Sourced<String>) throws(Failure) -> Sourced<EndpointURL?> {
        do throws(ParseFault) {
            return Sourced(try EndpointURL(parsing: text.value), origin: text.origin)
        } catch {
            throw Failure(.configuration, "\(text.origin): \(error.reason)")
        }
    }

    /// The profile's is `addressing_style` below `s3 =`, as botocore has it.
    private static func addressing(
        _ options: S3Options, _ variables: Variables, _ profile: Profile?
    ) throws(Failure) -> Sourced<Addressing> {
        if let option = options.addressing { return option }
        if let flag = variables.flag("S3_USER_VIRTUAL_BUCKET") {
            return Sourced(flag.value ? .virtual : .auto, origin: flag.origin)
        }
        guard let style = profile?.s3Setting("addressing_style") else { return Sourced(.auto, origin: "default") }
        guard let addressing = Addressing(rawValue: style.value.lowercased()) else {
            throw Failure(.configuration, "\(style.origin): addressing_style is auto, path or virtual")
        }
        return Sourced(addressing, origin: style.origin)
    }

    /// `client_cert` and `client_key` of the profile: no SDK reads a client certificate from the environment, and botocore's
    /// parameter for it is called `client_cert`.
    private static func clientCertificate(_ profile: Profile?) throws(Failure) -> Sourced<ClientCertificate?> {
        guard let certificate = profile?.sourced("client_cert") else {
            if let key = profile?.sourced("client_key") {
                throw Failure(.configuration, "\(key.origin): client_key is given without client_cert; set both")
            }
            return Sourced(nil, origin: "default")
        }
        let key = profile?.sourced("client_key")?.value ?? certificate.value
        guard certificate.value.hasPrefix("/"), key.hasPrefix("/") else {
            throw Failure(.configuration, "\(certificate.origin): client_cert and client_key are absolute paths of PEM files")
        }
        return Sourced(ClientCertificate(certificate: certificate.value, key: key), origin: certificate.origin)
    }
}

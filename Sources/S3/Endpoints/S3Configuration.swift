public import Servables

/// Where S3 is and how it is spoken to, each value with its origin.
public struct S3Configuration: Sendable {
    /// `nil` for AWS's own endpoint of the region.
    public let endpoint: Sourced<EndpointURL?>
    public let region: Sourced<String>
    public let addressing: Sourced<Addressing>
    /// The profile that was chosen by a flag, which then excludes the keys of the environment.
    public let profile: Sourced<String>?
    /// Send no signature at all.
    public let anonymous: Sourced<Bool>
    /// Agree to pay for requests to another's bucket.
    public let requestPayer: Sourced<Bool>
    /// The certificate authorities to trust; `nil` for the system's.
    public let caFile: Sourced<String?>
    public let verifyTLS: Sourced<Bool>

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
        let region =
            options.region ?? variables.first(of: ["AWS_REGION", "AWS_DEFAULT_REGION", "S3_REGION"])
            ?? profile.flatMap { profile in profile["region"].map { Sourced($0, origin: "profile \(profile.name)") } }
            ?? Sourced(Region.standard, origin: "default")
        guard Region.isValid(region.value) else {
            throw Failure(.configuration, "\(region.origin): a region is a name such as us-east-1")
        }
        self.region = region
        addressing =
            options.addressing
            ?? variables.flag("S3_USER_VIRTUAL_BUCKET").map { Sourced($0.value ? .virtual : .auto, origin: $0.origin) }
            ?? Sourced(.auto, origin: "default")
        self.profile = options.profile
        anonymous = options.anonymous ?? variables.flag("awsAnonymousCredential") ?? Sourced(false, origin: "default")
        requestPayer = options.requestPayer ?? Sourced(false, origin: "default")
        let file = options.caFile ?? variables.first(of: ["AWS_CA_BUNDLE", "S3_CA_FILE"])
        caFile = file.map { Sourced($0.value, origin: $0.origin) } ?? Sourced(nil, origin: "default")
        verifyTLS =
            options.skipTLSVerify.map { Sourced(!$0.value, origin: $0.origin) } ?? variables.flag("S3_VERIFY_SSL")
            ?? Sourced(true, origin: "default")
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

    /// Where the requests of `bucket` go; `region` is what the bucket itself answered, in place of the configured one.
    func address(bucket: String?, region: String? = nil) -> BucketAddress {
        BucketAddress(
            endpoint: endpoint.value, region: region ?? self.region.value, addressing: addressing.value, bucket: bucket)
    }
}

/// Environment variables with their names as origins.
private struct Variables {
    private let environment: [String: String]

    init(_ environment: [String: String]) { self.environment = environment }

    /// The first that is set and not empty.
    func first(of names: [String]) -> Sourced<String>? {
        for name in names {
            if let value = environment[name].map(trimmed), !value.isEmpty { return Sourced(value, origin: name) }
        }
        return nil
    }

    /// A switch: `0`, `false`, `no` and `off` mean off, anything else on. (TensorFlow's own S3 code took every word that does
    /// not begin with `0` for on; nobody who writes `false` means that.)
    func flag(_ name: String) -> Sourced<Bool>? {
        first(of: [name]).map { Sourced(!["0", "false", "no", "off"].contains($0.value.lowercased()), origin: $0.origin) }
    }
}

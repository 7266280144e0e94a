import Digests
import Servables
import Transfer

/// A role to be assumed.
struct AssumedRole: Sendable, Undisclosed {
    let arn: String
    let sessionName: String
    /// What the role's owner demands besides; close to a secret.
    var externalID: String?
    /// How long the credentials shall be valid, in seconds.
    var duration: Int?

    /// `nil` for a session name of our own, which says who and since when.
    init(arn: String, sessionName: String?, at time: Timestamp) {
        self.arn = arn
        self.sessionName = sessionName ?? "aspired-\(time.secondsSinceEpoch)"
    }
}

/// Asks AWS's Security Token Service for a role's temporary credentials (its query interface, version 2011-06-15).
struct SecurityTokenService: Sendable {
    let endpoint: EndpointURL
    /// Whether the endpoint was configured, rather than AWS's own.
    let isConfigured: Bool
    let region: String
    let transport: any CredentialTransport
    let time: any TimeSource

    static let attempts = 3
    /// Further from the service's clock than this, a signature is not taken.
    private static let skewThatMatters = Duration.seconds(4 * 60)

    /// The endpoint: `AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL`, the profile's, else AWS's own of the region, with IPv6 or validated
    /// cryptography where that was asked for; never the global one, which not all regions share.
    /// - Throws: where a configured endpoint is no URL.
    init(
        environment: [String: String], profile: Profile, region fallback: String, transport: any CredentialTransport,
        time: any TimeSource
    ) throws(Failure) {
        func value(_ name: String) -> String? { environment[name].map(trimmed).flatMap { $0.isEmpty ? nil : $0 } }
        let named = value("AWS_REGION") ?? value("AWS_DEFAULT_REGION") ?? profile["region"] ?? fallback
        guard Region.isValid(named) else {
            throw Failure(.denied, "get credentials from AWS's token service: correct the region, a name such as us-east-1")
        }
        region = Region.signing(named)
        self.transport = transport
        self.time = time
        let ignored =
            value("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").map { $0.lowercased() == "true" } ?? profile.ignoresEndpointURLs
        let configured: (origin: String, url: String)? =
            ignored
            ? nil
            : value("AWS_ENDPOINT_URL_STS").map { ("AWS_ENDPOINT_URL_STS", $0) }
                ?? value("AWS_ENDPOINT_URL").map { ("AWS_ENDPOINT_URL", $0) }
                ?? profile.endpointURL(of: "sts").map { ("endpoint_url of profile \(profile.name)", $0) }
        isConfigured = configured != nil
        guard let configured else {
            func isOn(_ variable: String, _ key: String) -> Bool {
                (Variables(environment).flag(variable) ?? profile.sourced(key)?.flag)?.value ?? false
            }
            endpoint = AWSEndpoints(
                dualStack: isOn("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"),
                fips: isOn("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")
            ).tokenService(in: region)
            return
        }
        do throws(ParseFault) {
            endpoint = try EndpointURL(parsing: configured.url)
        } catch {
            throw Failure(.denied, "\(configured.origin): \(error.reason)")
        }
    }

    /// Assumes a role as whoever `source` are the keys of.
    func assume(_ role: AssumedRole, as source: Credentials) async throws(Failure) -> Credentials {
        var fields = fields("AssumeRole", role)
        if let externalID = role.externalID { fields.append(("ExternalId", externalID)) }
        if let duration = role.duration { fields.append(("DurationSeconds", "\(duration)")) }
        let secrets = [source.secretAccessKey, source.sessionToken, role.externalID].compactMap(\.self)
        return try await ask(
            "AssumeRole \(quoted(role.arn))", fields, as: source, secrets: secrets,
            remedy:
                "see that the role's trust policy names the source credentials' user or role, and that those may sts:AssumeRole")
    }

    /// Assumes a role as whoever an OpenID Connect provider says that this is. The request is not signed.
    func assume(_ role: AssumedRole, webIdentityToken token: String) async throws(Failure) -> Credentials {
        try await ask(
            "AssumeRoleWithWebIdentity \(quoted(role.arn))",
            fields("AssumeRoleWithWebIdentity", role) + [("WebIdentityToken", token)], as: nil, secrets: [token],
            remedy: "see that the role's trust policy names the cluster's OIDC provider and this service account")
    }

    private func fields(_ action: String, _ role: AssumedRole) -> [(name: String, value: String)] {
        [
            ("Action", action), ("Version", "2011-06-15"), ("RoleArn", role.arn),
            ("RoleSessionName", role.sessionName),
        ]
    }

    private func ask(
        _ what: String, _ fields: [(name: String, value: String)], as source: Credentials?, secrets: [String], remedy: String
    ) async throws(Failure) -> Credentials {
        let body = Array(fields.map { "\($0.name)=\(PercentEncoding.query($0.value))" }.joined(separator: "&").utf8)
        var offset = Duration.zero
        do throws(CredentialFault) {
            return try await CredentialFault.trying(Self.attempts, time) { () async throws(CredentialFault) in
                let sent = time.now().advanced(by: offset)
                let response: HTTPResponse
                do throws(TransportError) {
                    response = try await transport.send(
                        request(body, as: source, at: sent), by: isConfigured ? .configuredTokenService : .tokenService)
                } catch {
                    throw CredentialFault("\(error)", isTransient: error.isTransient)
                }
                if response.head.status == 200 {
                    do throws(ParseFault) { return try RoleAnswer.parse(response.body) } catch { throw CredentialFault(error) }
                }
                let refusal = Refusal(response)
                let reason = said(refusal, requestID: response.head["x-amzn-requestid"], secrets)
                if source != nil, offset == .zero, let skew = skew(refusal, sent: sent) {
                    offset = skew
                    throw CredentialFault(reason, isTransient: true, remedy: "set this machine's clock")
                }
                throw CredentialFault(reason, isTransient: mayHeal(refusal), remedy: mayHeal(refusal) ? nil : remedy)
            }
        } catch {
            throw error.failure("\(what) at \(endpoint.authority)")
        }
    }

    /// How far our clock is behind the service's, where that can be why a signature was refused.
    private func skew(_ refusal: Refusal, sent: Timestamp) -> Duration? {
        guard let skew = refusal.date?.since(sent) else { return nil }
        return skew > Self.skewThatMatters || skew < .zero - Self.skewThatMatters ? skew : nil
    }

    private func request(_ body: [UInt8], as source: Credentials?, at now: Timestamp) -> HTTPRequest {
        let payloadHash = Hex.encode(DigestKind.sha256.digest(of: body))
        var headers = [
            (name: "host", value: endpoint.authority),
            (name: "content-type", value: "application/x-www-form-urlencoded; charset=utf-8"),
        ]
        if let source {
            headers.append(("x-amz-date", now.compact))
            if let token = source.sessionToken { headers.append(("x-amz-security-token", token)) }
        }
        let canonical = CanonicalRequest(
            method: "POST", path: endpoint.basePath + "/", query: [], headers: headers, payloadHash: payloadHash)
        var sent = canonical.headers.map { HTTPHeader($0.name, $0.value) }
        if let source {
            let signer = RequestSigner(credentials: source, region: region, service: "sts")
            sent.append(HTTPHeader("authorization", signer.sign(canonical, at: now).authorization))
        }
        return HTTPRequest(
            "POST", "\(endpoint.scheme.rawValue)://\(endpoint.authority)\(canonical.path)", headers: sent, body: body)
    }

    /// The service gives a request's id in a header of its own name.
    private func said(_ refusal: Refusal, requestID: String?, _ secrets: [String]) -> String {
        Refusal(
            status: refusal.status, code: refusal.code.map { quoted($0, without: secrets) },
            message: refusal.message.map { quoted($0, without: secrets) }, requestID: requestID ?? refusal.requestID
        ).text
    }

    /// `IDPCommunicationError`: the service could not reach the OpenID Connect provider; AWS asks to try again.
    private func mayHeal(_ refusal: Refusal) -> Bool { refusal.retryPace != nil || refusal.code == "IDPCommunicationError" }
}

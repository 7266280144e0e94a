import Servables
import Transfer

/// Credentials of the role of an EC2 instance, from its metadata service in version 2. Version 1, which answers to whoever can
/// make us send a GET, is not asked.
struct InstanceMetadata: Sendable {
    /// What came of asking.
    enum Answer: Sendable {
        case found(Credentials)
        /// Nothing is to be had here, and why.
        case absent(String)
    }

    /// Of a connection, and of an answer.
    static let standardTimeout = Duration.seconds(1)
    static let standardAttempts = 2
    /// Seconds that a session of ours lasts: we ask once in hours.
    private static let sessionSeconds = "21600"

    private let endpoint: EndpointURL
    private let isDisabled: Bool
    private let timeout: Duration
    private let attempts: Int
    private let transport: any CredentialTransport
    private let time: any TimeSource

    /// - Throws: where a configured endpoint is no URL.
    init(
        environment: [String: String], profile: Profile, transport: any CredentialTransport, time: any TimeSource
    ) throws(Failure) {
        func value(_ name: String) -> String? { environment[name].map(trimmed).flatMap { $0.isEmpty ? nil : $0 } }
        isDisabled = value("AWS_EC2_METADATA_DISABLED")?.lowercased() == "true"
        timeout =
            value("AWS_METADATA_SERVICE_TIMEOUT").flatMap(Double.init).flatMap { $0.isFinite ? $0 : nil }
            .map { Duration.seconds(min(max($0, 0.05), 60)) } ?? Self.standardTimeout
        attempts =
            value("AWS_METADATA_SERVICE_NUM_ATTEMPTS").flatMap(Int.init).map { min(max($0, 1), 10) } ?? Self.standardAttempts
        self.transport = transport
        self.time = time
        let mode = value("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE") ?? profile["ec2_metadata_service_endpoint_mode"]
        let standard = mode?.lowercased() == "ipv6" ? "http://[fd00:ec2::254]" : "http://169.254.169.254"
        do throws(ParseFault) {
            endpoint = try EndpointURL(
                parsing: value("AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? profile["ec2_metadata_service_endpoint"] ?? standard)
        } catch {
            throw Failure(.denied, "AWS_EC2_METADATA_SERVICE_ENDPOINT: \(error.reason)")
        }
    }

    /// - Throws: where the service is there, and does not give what it should.
    func fetch() async throws(Failure) -> Answer {
        if isDisabled { return .absent("AWS_EC2_METADATA_DISABLED is set") }
        do throws(CredentialFault) {
            switch try await session() {
            case .absent(let reason): return .absent("\(endpoint.authority): \(reason)")
            case .open(let token): return try await credentials(token)
            }
        } catch {
            if error.isAbsent { return .absent("\(endpoint.authority): \(error.reason)") }
            throw error.failure("get the instance role's credentials from \(endpoint.authority)")
        }
    }

    private enum Session {
        case open(token: String)
        case absent(String)
    }

    private func session() async throws(CredentialFault) -> Session {
        let request = HTTPRequest(
            "PUT", url("api/token"), headers: [HTTPHeader("x-aws-ec2-metadata-token-ttl-seconds", Self.sessionSeconds)])
        return try await CredentialFault.trying(attempts, time) { () async throws(CredentialFault) -> Session in
            let response: HTTPResponse
            do throws(TransportError) {
                response = try await transport.send(request, by: .local(timeout: timeout))
            } catch {
                switch error.kind {
                case .timeout(.responseHeader, let after):
                    // The connection is there and the answer is not: its IP packets live for one hop only.
                    return .absent(
                        "it takes connections, but no answer to the token request came within \(after.text); within a container let "
                            + "the answer go one hop further (aws ec2 modify-instance-metadata-options "
                            + "--http-put-response-hop-limit 2), or give the pod a role of its own")
                // Nobody is there: no reason to wait long, but a machine that starts may be faster than its metadata.
                case .connect, .resolve, .timeout: throw CredentialFault("\(error)", isTransient: true, isAbsent: true)
                default: throw CredentialFault("\(error)", isTransient: error.isTransient)
                }
            }
            switch response.head.status {
            case 200:
                let token = trimmed(String(decoding: response.body, as: UTF8.self))
                guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                    throw CredentialFault("its session token is not one that a header can hold", isTransient: true)
                }
                return .open(token: token)
            case 403: return .absent("403: the instance's metadata options do not allow it (HttpEndpoint)")
            case 404, 405: return .absent("\(response.head.status): it knows no IMDSv2, and IMDSv1 is not asked")
            case let status: throw CredentialFault("\(status) to the token request", isTransient: status == 429 || status >= 500)
            }
        }
    }

    private func credentials(_ token: String) async throws(CredentialFault) -> Answer {
        let folder = "meta-data/iam/security-credentials/"
        guard let list = try await get(folder, token) else { return .absent("\(endpoint.authority): the instance has no role") }
        let role = trimmed(String(decoding: list, as: UTF8.self).prefix { !$0.isNewline })
        // IAM's own rule for names, so that no answer leads us to another path.
        guard (1...128).contains(role.utf8.count),
            role.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "_+=,.@-".contains($0)) })
        else { throw CredentialFault("the name of its role is none") }
        guard let document = try await get(folder + PercentEncoding.query(role), token) else {
            throw CredentialFault("404 for role \(role)")
        }
        do throws(ParseFault) {
            return .found(try CredentialDocument.parse(document, token: "Token"))
        } catch {
            // A role that EC2 may not assume is answered with 200, too.
            if let said = CredentialDocument.complaint(in: document, without: [token]), !said.hasPrefix("Success") {
                throw CredentialFault("role \(role): \(said)", remedy: "see that the role's trust policy names ec2.amazonaws.com")
            }
            throw CredentialFault(error)
        }
    }

    /// - Returns: `nil` for 404.
    private func get(_ path: String, _ token: String) async throws(CredentialFault) -> [UInt8]? {
        let request = HTTPRequest("GET", url(path), headers: [HTTPHeader("x-aws-ec2-metadata-token", token)])
        return try await CredentialFault.trying(attempts, time) { () async throws(CredentialFault) -> [UInt8]? in
            let response: HTTPResponse
            do throws(TransportError) {
                response = try await transport.send(request, by: .local(timeout: timeout))
            } catch {
                throw CredentialFault("\(error)", isTransient: error.isTransient)
            }
            switch response.head.status {
            case 200 where !response.body.isEmpty: return response.body
            case 404: return nil
            case let status:
                throw CredentialFault("\(status) for \(path)", isTransient: status == 200 || status == 429 || status >= 500)
            }
        }
    }

    private func url(_ path: String) -> String {
        "\(endpoint.scheme.rawValue)://\(endpoint.authority)\(endpoint.basePath)/latest/\(path)"
    }
}

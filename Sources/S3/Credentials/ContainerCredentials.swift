import Glibc
import Servables
import Transfer

/// Credentials from the agent beside a container: EKS Pod Identity's and ECS's.
struct ContainerCredentials: Sendable, Undisclosed {
    private let uri: String
    /// Host and port, for messages: path and query may hold a secret.
    private let place: String
    private let environment: [String: String]
    private let read: @Sendable (String) throws(Failure) -> String?
    private let transport: any CredentialTransport
    private let time: any TimeSource

    static let timeout = Duration.seconds(2)
    static let attempts = 3
    private static let relative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
    private static let full = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
    private static let tokenFile = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
    private static let token = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
    /// ECS's agent.
    private static let relativeHost = "http://169.254.170.2"

    /// - Returns: `nil` where neither address is in the environment. The relative one is taken first, as in botocore.
    /// - Throws: where an address cannot be taken.
    init?(
        environment: [String: String], read: @escaping @Sendable (String) throws(Failure) -> String?,
        transport: any CredentialTransport, time: any TimeSource
    ) throws(Failure) {
        let environment = environment.filter { !$0.value.isEmpty }
        self.environment = environment
        self.read = read
        self.transport = transport
        self.time = time
        if let path = environment[Self.relative].map(trimmed) {
            // Else `@elsewhere/` would make a user name of ECS's address.
            guard path.hasPrefix("/"), Self.isPlain(path) else {
                throw Failure(.denied, "\(Self.relative): expected a path that begins with / and is percent-encoded")
            }
            uri = Self.relativeHost + path
            place = "169.254.170.2"
        } else if let text = environment[Self.full].map(trimmed) {
            let address = try Self.address(of: text)
            uri = text
            place = address.authority
        } else {
            return nil
        }
    }

    func fetch() async throws(Failure) -> Credentials {
        let authorization = try authorization()
        do throws(CredentialFault) {
            return try await CredentialFault.trying(Self.attempts, time) { () async throws(CredentialFault) in
                try await ask(authorization)
            }
        } catch {
            throw error.failure("get container credentials from \(place)")
        }
    }

    private func ask(_ authorization: String?) async throws(CredentialFault) -> Credentials {
        var headers = [HTTPHeader("Accept", "application/json")]
        if let authorization { headers.append(HTTPHeader("Authorization", authorization)) }
        let response: HTTPResponse
        do throws(TransportError) {
            response = try await transport.send(
                HTTPRequest("GET", uri, headers: headers), by: .local(timeout: Self.timeout))
        } catch {
            throw CredentialFault("\(error)", isTransient: error.isTransient)
        }
        guard response.head.status == 200 else {
            let status = response.head.status
            let secrets = [authorization, String(uri.split(separator: "/", maxSplits: 2).last ?? "")].compactMap(\.self)
            let said = CredentialDocument.complaint(in: response.body, without: secrets).map { " \($0)" } ?? ""
            throw CredentialFault(
                "\(status)\(said)", isTransient: status == 429 || status >= 500, remedy: status < 500 ? remedy(status) : nil)
        }
        do throws(ParseFault) {
            return try CredentialDocument.parse(response.body, token: "Token")
        } catch {
            throw CredentialFault(error)
        }
    }

    private func remedy(_ status: Int) -> String {
        environment[Self.tokenFile] == nil && environment[Self.token] == nil
            ? "does it want an authorization token? set \(Self.tokenFile)"
            : "see that a role is associated with this pod's service account, or with the task, and that the token is its own"
    }

    /// The token's file is read anew each time, since it is replaced while we run, and is sent as it is.
    private func authorization() throws(Failure) -> String? {
        var token = environment[Self.token]
        var origin = Self.token
        if let path = environment[Self.tokenFile] {
            origin = Self.tokenFile
            guard let text = try read(path) else { throw Failure(.denied, "\(origin): there is no file \(oneLine(path))") }
            token = text
        }
        guard let token else { return nil }
        guard !token.isEmpty, token.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw Failure(.denied, "\(origin): the token is empty, or holds a line break or what else no header can hold")
        }
        return token
    }

    // MARK: Which addresses are taken

    /// By `http` only what cannot leave this machine, else a variable could send the token anywhere.
    private static func address(of text: String) throws(Failure) -> EndpointURL {
        let slashes = text.firstRange(of: "://")
        let end = slashes.flatMap { text[$0.upperBound...].firstIndex { $0 == "/" || $0 == "?" } } ?? text.endIndex
        let address: EndpointURL
        do throws(ParseFault) {
            guard isPlain(text) else { throw ParseFault("it holds a character that must be percent-encoded") }
            address = try EndpointURL(parsing: String(text[..<end]))
        } catch {
            throw Failure(.denied, "\(full): \(error.reason)")
        }
        guard address.scheme == .https || isLocal(address.host) else {
            throw Failure(
                .denied,
                "\(full): \(address.host) is not taken by http: expected https, a loopback address, 169.254.170.2, 169.254.170.23 or "
                    + "[fd00:ec2::23]")
        }
        return address
    }

    static func isLocal(_ host: String) -> Bool {
        if host == "localhost" { return true }
        if host.hasPrefix("[") {
            var address = in6_addr()
            guard inet_pton(AF_INET6, String(host.dropFirst().dropLast()), &address) == 1 else { return false }
            let bytes = withUnsafeBytes(of: &address) { Array($0) }
            return bytes == [0xFD, 0, 0x0E, 0xC2] + [UInt8](repeating: 0, count: 10) + [0, 0x23]
                || bytes == [UInt8](repeating: 0, count: 15) + [1]
        }
        var address = in_addr()
        guard inet_pton(AF_INET, host, &address) == 1 else { return false }
        let bytes = withUnsafeBytes(of: &address) { Array($0) }
        return bytes[0] == 127 || bytes == [169, 254, 170, 2] || bytes == [169, 254, 170, 23]
    }

    /// Printable ASCII without space and fragment.
    private static func isPlain(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }
    }
}

import Servables
import Transfer

/// Which way a request for credentials goes.
enum CredentialRoute: Hashable, Sendable {
    /// To AWS's own Security Token Service.
    case tokenService
    /// To a token service that was configured beside S3, and is trusted as that is.
    case configuredTokenService
    /// To what lies beside this machine or container: never by a proxy, and soon given up.
    case local(timeout: Duration)
}

/// Carries the small requests that get credentials.
protocol CredentialTransport: Sendable {
    /// Sends a request once and collects the answer, ``CredentialDocument/maximumBytes`` at most.
    func send(_ request: HTTPRequest, by route: CredentialRoute) async throws(TransportError) -> HTTPResponse
}

/// Over the HTTP client of S3 where that fits, else over one that lives for one request: hours lie between two of them.
struct CredentialHTTP: CredentialTransport {
    private let shared: HTTPClient
    private let configuration: HTTPClientConfiguration
    private let caBundle: String?

    /// - Parameters:
    ///   - shared: of S3.
    ///   - configuration: what that was made with.
    ///   - environment: `AWS_CA_BUNDLE` counts for all of AWS's services.
    init(_ shared: HTTPClient, _ configuration: HTTPClientConfiguration, environment: [String: String]) {
        self.shared = shared
        self.configuration = configuration
        caBundle = environment["AWS_CA_BUNDLE"].flatMap { $0.isEmpty ? nil : $0 }
    }

    func send(_ request: HTTPRequest, by route: CredentialRoute) async throws(TransportError) -> HTTPResponse {
        let wanted = configuration(for: route)
        if wanted == configuration { return try await shared.send(request, limit: CredentialDocument.maximumBytes) }
        let client = try HTTPClient(wanted)
        let outcome: Result<HTTPResponse, TransportError>
        do throws(TransportError) {
            outcome = .success(try await client.send(request, limit: CredentialDocument.maximumBytes))
        } catch {
            outcome = .failure(error)
        }
        await client.shutdown()
        return try outcome.get()
    }

    /// What a route's requests are carried with.
    func configuration(for route: CredentialRoute) -> HTTPClientConfiguration {
        var wanted = configuration
        if case .configuredTokenService = route { return wanted }
        // What was set for the S3 endpoint, a private authority or no check at all, is not for AWS's own services: an identity
        // token must not be sent to whoever is on the way.
        wanted.caFile = caBundle ?? HTTPClientConfiguration.systemCAFile
        wanted.insecureSkipVerify = false
        wanted.clientCertificate = nil
        guard case .local(let timeout) = route else { return wanted }
        // A proxy cannot reach what is beside this machine, and must not see what that hands out.
        wanted.proxies = .none
        wanted.threads = 1
        wanted.connectTimeout = timeout
        wanted.responseHeaderTimeout = timeout
        wanted.stall = StallLimit(bytes: 1, window: timeout)
        return wanted
    }
}

import FileIO
import Glibc
import SystemPackage
import Testing

@testable import Transfer

@Suite("TLS", .timeLimit(.minutes(5)), .enabled(if: OpenSSLServer.isAvailable, "needs the openssl command"))
struct TLSTests {
    private func send(
        _ url: String, _ change: (inout HTTPClientConfiguration) -> Void
    ) async throws -> Result<Int, TransportError> {
        try await HTTPClient.run(change) { client in
            do throws(TransportError) {
                return .success(try await client.send(HTTPRequest("GET", url), limit: 1 << 20).head.status)
            } catch {
                return .failure(error)
            }
        }
    }

    private func failure(_ url: String, _ change: (inout HTTPClientConfiguration) -> Void) async throws -> TransportError? {
        if case .failure(let error) = try await send(url, change) { error } else { nil }
    }

    @Test("a certificate is taken when its authority is named, or when verification is off, and not otherwise")
    func verification() async throws {
        try await OpenSSLServer.run { server in
            let url = "https://localhost:\(server.port)/"
            #expect(try await send(url) { $0.caFile = server.certificate } == .success(200))
            #expect(
                try await send(url) {
                    $0.caFile = nil
                    $0.insecureSkipVerify = true
                } == .success(200))
            for caFile in [HTTPClientConfiguration.systemCAFile, nil] {
                let error = try #require(try await failure(url) { $0.caFile = caFile })
                #expect(error.kind == .tls(.untrusted(reason: "SSL certificate problem: self-signed certificate")))
                #expect(error.description.contains("--s3-ca-file"))
                #expect(!error.isTransient)
            }
        }
    }

    @Test("a certificate for another name is refused even with its authority")
    func wrongName() async throws {
        try await OpenSSLServer.run { server in
            let error = try await failure("https://127.0.0.1:\(server.port)/") { $0.caFile = server.certificate }
            #expect(error?.kind == .tls(.wrongName))
        }
    }

    @Test("a CA file that is not there is named")
    func missingAuthorities() async throws {
        try await OpenSSLServer.run { server in
            let error = try await failure("https://localhost:\(server.port)/") { $0.caFile = "/nowhere/ca.pem" }
            #expect(error?.kind == .tls(.authorities(path: "/nowhere/ca.pem")))
        }
    }

    @Test("a client certificate is shown to a server that wants one, and what is wrong with it is said")
    func clientCertificate() async throws {
        try await OpenSSLServer.run(wantsCertificate: true) { server in
            let url = "https://localhost:\(server.port)/"
            func outcome(_ certificate: ClientCertificate?) async throws -> Result<Int, TransportError> {
                try await send(url) {
                    $0.caFile = server.certificate
                    $0.clientCertificate = certificate
                }
            }
            #expect(
                try await outcome(ClientCertificate(certificate: server.certificate, key: server.key)) == .success(200))
            guard case .failure(let none) = try await outcome(nil) else {
                Issue.record("taken without a certificate")
                return
            }
            #expect(none.kind == .tls(.certificateRequired) && !none.isTransient)
            #expect(none.description.contains("client_cert"))
            let noKey = ClientCertificate(certificate: server.certificate, key: "/nowhere/key.pem")
            guard case .failure(let wrong) = try await outcome(noKey) else {
                Issue.record("taken without a key")
                return
            }
            #expect(wrong.description.contains("the client certificate \(server.certificate) cannot be used"))
            #expect(wrong.description.contains("check client_cert") && !wrong.isTransient)
        }
    }

    @Test("TLS to a port that speaks plain HTTP")
    func plainPort() async throws {
        try await ScriptedServer.run({ _ in [] }, greeting: [.send("HTTP/1.1 400 Bad Request\r\n\r\n")]) { server in
            let error = try await failure("https://127.0.0.1:\(server.port)/") { _ in }
            guard case .tls(.handshake(let reason))? = error?.kind else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(reason.contains("wrong version number"))
            #expect(error?.description.contains("http://") == true)
        }
    }
}

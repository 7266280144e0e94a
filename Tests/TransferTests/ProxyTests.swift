import FileIO
import Testing

@testable import Transfer

@Suite("Through a proxy", .timeLimit(.minutes(5)))
struct ProxyTests {
    /// A client that sends everything that is not local through a proxy.
    private func client<R: Sendable>(
        _ proxy: ProxyServer, user: String = "", _ change: (inout HTTPClientConfiguration) -> Void = { _ in },
        _ body: (HTTPClient) async throws -> R
    ) async throws -> R {
        let settings = try ProxySettings(environment: ["ALL_PROXY": "http://\(user)127.0.0.1:\(proxy.port)"])
        return try await HTTPClient.run(
            {
                $0.proxies = settings
                change(&$0)
            }, body)
    }

    @Test("http is asked for in the absolute form, its path and query byte for byte as signed")
    func absoluteForm() async throws {
        try await ScriptedServer.run({ _ in [.answer(200, "hello")] }) { server in
            try await ProxyServer.run { proxy in
                try await client(proxy) { client in
                    let target = "/a/../b/./%2f%c3%A4%7e//=+&'()!*?x=%2F&list-type=2&a=b="
                    let url = "http://store.test:\(server.port)\(target)"
                    let headers = [HTTPHeader("Authorization", "AWS4 x"), HTTPHeader("Host", "store.test:\(server.port)")]
                    let response = try await client.send(HTTPRequest("GET", url, headers: headers), limit: 100)
                    #expect(String(response.body) == "hello")
                    let head = try #require(proxy.heads.first)
                    #expect(head.hasPrefix("GET \(url) HTTP/1.1\r\n"))
                    #expect(!head.contains("Proxy-Authorization"))
                    let request = try #require(server.log.requests.first)
                    #expect(request.line == ["GET", Substring(target), "HTTP/1.1"])
                    #expect(request.headers.filter { $0.hasPrefix("Host:") } == ["Host: store.test:\(server.port)"])
                }
            }
        }
    }

    @Test("what is local is asked for directly")
    func direct() async throws {
        try await ScriptedServer.run({ _ in [.answer(200, "")] }) { server in
            try await ProxyServer.run(status: 500) { proxy in
                try await client(proxy) { client in
                    let response = try await client.send(HTTPRequest("GET", server.url), limit: 0)
                    #expect(response.head.status == 200)
                    #expect(proxy.heads.isEmpty)
                }
            }
        }
    }

    @Test(
        "https goes through a tunnel, to whose end alone our headers go",
        .enabled(if: OpenSSLServer.isAvailable, "needs the openssl command"))
    func tunnel() async throws {
        try await OpenSSLServer.run { server in
            try await ProxyServer.run { proxy in
                try await client(proxy, { $0.caFile = server.certificate }) { client in
                    let url = "https://store.test:\(server.port)/secret/key?x=1"
                    let request = HTTPRequest("GET", url, headers: [HTTPHeader("Authorization", "AWS4 x")])
                    let response = try await client.send(request, limit: 1 << 20)
                    #expect(response.head.status == 200)
                    let head = try #require(proxy.heads.first)
                    #expect(head.hasPrefix("CONNECT store.test:\(server.port) HTTP/1.1\r\n"))
                    #expect(!head.contains("AWS4") && !head.contains("secret"))
                    // The name that the certificate must be for is the store's, not the proxy's.
                    let wrong = HTTPRequest("GET", "https://other.test:\(server.port)/")
                    #expect(await failure { try await client.send(wrong, limit: 0) } == .tls(.wrongName))
                }
            }
        }
    }

    @Test("user and password are sent to the proxy and to nobody else")
    func user() async throws {
        // "us er:hunter2:" in Base64.
        try await ScriptedServer.run({ _ in [.answer(200, "")] }) { server in
            try await ProxyServer.run(authorization: "Basic dXMgZXI6aHVudGVyMjo=") { proxy in
                try await client(proxy, user: "us%20er:hunter2%3A@") { client in
                    let response = try await client.send(HTTPRequest("GET", "http://store.test:\(server.port)/"), limit: 0)
                    #expect(response.head.status == 200)
                    #expect(server.log.requests.count == 1)
                }
                try await client(proxy, user: "u:hunter2@") { client in
                    let request = HTTPRequest("GET", "https://store.test/")
                    let error = try #require(await transportError { try await client.send(request, limit: 0) })
                    #expect(error.kind == .proxyRefused(status: 407) && !error.isTransient)
                    #expect(!error.description.contains("hunter2"))
                    #expect(
                        error.description
                            == "store.test (through the proxy 127.0.0.1:\(proxy.port) of ALL_PROXY): the proxy wants a user and "
                            + "password (407); set them, or others, in the proxy's URL")
                }
            }
        }
    }

    @Test(
        "a tunnel that the proxy refuses is an error that names it, for good or for now", arguments: [(403, false), (503, true)])
    func refused(status: Int, isTransient: Bool) async throws {
        try await ProxyServer.run(status: status) { proxy in
            try await client(proxy) { client in
                let request = HTTPRequest("GET", "https://store.test/")
                let error = try #require(await transportError { try await client.send(request, limit: 0) })
                #expect(error.kind == .proxyRefused(status: status))
                #expect(error.isTransient == isTransient)
                #expect(error.description.contains("127.0.0.1:\(proxy.port) of ALL_PROXY"))
            }
        }
    }

    @Test("a proxy that is not there is named")
    func unreachable() async throws {
        let socket = try BoundSocket()
        defer { socket.close() }
        let settings = try ProxySettings(environment: ["https_proxy": "http://u:hunter2@127.0.0.1:\(socket.port)"])
        try await HTTPClient.run({ $0.proxies = settings }) { client in
            let error = try #require(
                await transportError { try await client.send(HTTPRequest("GET", "https://store.test/"), limit: 0) })
            #expect(
                error.description
                    == "cannot connect to store.test (through the proxy 127.0.0.1:\(socket.port) of https_proxy): Connection refused"
            )
        }
    }
}

/// The error of a call; `nil` if there was none.
private func transportError<R>(of call: () async throws -> R) async -> TransportError? {
    do {
        _ = try await call()
        return nil
    } catch {
        return error as? TransportError
    }
}

import FileIO
import Glibc
import Testing

@testable import Transfer

@Suite("What goes wrong", .timeLimit(.minutes(5)))
struct FailureTests {
    private static let head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"

    private func kind(
        _ steps: [ScriptedServer.Step], limit: Int = 1000, _ change: (inout HTTPClientConfiguration) -> Void = { _ in }
    ) async throws -> TransportError.Kind? {
        try await withServer({ _ in steps }, change) { server, client in
            await failure { try await client.send(HTTPRequest("GET", server.url), limit: limit) }
        }
    }

    @Test("a body cut short by a clean end")
    func cut() async throws {
        #expect(try await kind([.send(Self.head + "12345"), .close]) == .bodyTooShort(expected: 100, received: 5))
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
        #expect(try await kind([.send(chunked), .close]) == .bodyTooShort(expected: nil, received: 5))
    }

    @Test("a connection that is reset within the body")
    func reset() async throws {
        let kind = try await kind([.send(Self.head + "12345"), .pause(milliseconds: 20), .reset])
        #expect(kind == .reset(reason: "Recv failure: Connection reset by peer"))
    }

    /// The first no resolver has to be asked for: a label has 63 characters at most.
    @Test(
        "a failure leaves nothing behind: the next request fails of the same, or is answered",
        arguments: ["http://\(String(repeating: "x", count: 64)).invalid/", "http://127.0.0.1:1/", "https://127.0.0.1:1/"])
    func again(url: String) async throws {
        try await withServer(
            { _ in [.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), .close] }, { $0.threads = 1 }
        ) { server, client in
            for connection in [HTTPRequest.Connection.any, .fresh, .any] {
                var request = HTTPRequest("GET", url)
                request.connection = connection
                switch await failure(of: { try await client.send(request, limit: 10) }) {
                case .resolve where url.contains("invalid"), .connect where url.contains("127"): break
                case let other: Issue.record("\(String(describing: other))")
                }
            }
            let answer = try await client.send(HTTPRequest("GET", server.url), limit: 10)
            #expect(answer.body == Array("ok".utf8))
        }
    }

    @Test("a connection that is closed without an answer")
    func closed() async throws {
        #expect(try await kind([.close]) == .closed)
    }

    @Test(
        "an answer that is not HTTP", arguments: ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 x y\r\n\r\n", "HTTP/3.0 200 OK\r\n\r\n"])
    func malformed(answer: String) async throws {
        guard case .malformed? = try await kind([.send(answer), .close]) else {
            Issue.record("taken for HTTP: \(answer)")
            return
        }
    }

    @Test("headers beyond 64 KiB")
    func headers() async throws {
        let line = "X: " + String(repeating: "x", count: 1000) + "\r\n"
        let kind = try await kind([.send("HTTP/1.1 200 OK\r\n" + String(repeating: line, count: 70))])
        #expect(kind == .malformed(reason: "more than 64 KiB of headers"))
    }

    @Test("no answer within the time for headers, also after an interim one")
    func slowHeaders() async throws {
        let limit = Duration.milliseconds(50)
        for step in [ScriptedServer.Step.send(""), .send("HTTP/1.1 200 OK\r\nX: y\r\n"), .send("HTTP/1.1 103 Early\r\n\r\n")] {
            #expect(try await kind([step]) { $0.responseHeaderTimeout = limit } == .timeout(.responseHeader, after: limit))
        }
    }

    @Test("as long as a request's body goes out, the time for the answer has not begun")
    func upload() async throws {
        let script: ScriptedServer.Script = { _ in [.pause(milliseconds: 1200), .answer(200, "")] }
        try await withServer(script) {
            $0.responseHeaderTimeout = .seconds(1)
        } _: { server, client in
            let url = server.url
            let body = [UInt8](repeating: 1, count: 100_000)
            async let large = failure { try await client.send(HTTPRequest("PUT", url, body: body), limit: 0) }
            async let small = failure { try await client.send(HTTPRequest("PUT", url, body: [1]), limit: 0) }
            let outcomes = await [large, small]
            #expect(outcomes == [nil, .timeout(.responseHeader, after: .seconds(1))])
        }
    }

    @Test("a body that stalls, after how much of it came")
    func stall() async throws {
        let limit = StallLimit(bytes: 10, window: .milliseconds(50))
        #expect(try await kind([.send(Self.head + "12345")]) { $0.stall = limit } == .stalled(limit, received: 5))
        #expect(try await kind([.send(Self.head)]) { $0.stall = limit } == .stalled(limit, received: 0))
    }

    @Test("a body that is slow, but faster than the limit, comes through")
    func slow() async throws {
        let drip = [[ScriptedServer.Step.send("0123456789"), .pause(milliseconds: 110)]]
        let steps = [.send(Self.head)] + Array(repeating: drip, count: 10).joined().joined()
        let limit = StallLimit(bytes: 10, window: .seconds(1))
        #expect(try await kind(Array(steps)) { $0.stall = limit } == nil)
    }

    @Test("the time that we take ourselves is not the network's")
    func ownTime() async throws {
        let limit = StallLimit(bytes: 10, window: .seconds(1))
        try await withServer({ _ in [.send(Self.head + "0"), .gate, .send(String(repeating: "x", count: 99))] }) {
            $0.stall = limit
        } _: { server, client in
            _ = try await client.stream(HTTPRequest("GET", server.url)) { bytes in
                if bytes.count == 1 {
                    usleep(1_200_000)  // a disk that is throttled
                    server.open()
                }
                return true
            }
        }
    }

    @Test("a connection whose time ran out while we were busy is made anew")
    func ownTimeWhileConnecting() async throws {
        try await ScriptedServer.run({ _ in [] }) { mute in
            try await withServer({ _ in [.send(Self.head + "0"), .gate, .send(String(repeating: "x", count: 99))] }) {
                $0.connectTimeout = .seconds(1)
                $0.caFile = nil  // parsing it takes longer than anything else here
            } _: { server, client in
                async let listing = client.stream(HTTPRequest("GET", server.url)) { bytes in
                    if bytes.count > 1 { usleep(1_200_000) }
                    return true
                }
                await server.wait { $0.requests.count == 1 }
                let handshake = start { try await client.send(HTTPRequest("GET", "https://127.0.0.1:\(mute.port)/"), limit: 0) }
                mute.when({ $0.bytes > 0 }, do: { server.open() })
                mute.when({ $0.connections == 2 }, do: { handshake.cancel() })
                _ = try await listing
                let kind = await handshake.value
                #expect(kind == .cancelled)
            }
        }
    }

    @Test("a port where no one listens")
    func refused() async throws {
        // Bound, but not listening: nobody else can get this port meanwhile.
        let socket = try BoundSocket()
        defer { socket.close() }
        try await HTTPClient.run { client in
            let kind = await failure { try await client.send(HTTPRequest("GET", "http://127.0.0.1:\(socket.port)/"), limit: 0) }
            #expect(kind == .connect(reason: "Connection refused"))
        }
    }

    @Test("a name that does not resolve")
    func unresolved() async throws {
        try await HTTPClient.run { client in
            let kind = await failure { try await client.send(HTTPRequest("GET", "http://no-such-host.invalid/"), limit: 0) }
            #expect(kind == .resolve(reason: "Could not resolve host: no-such-host.invalid"))
        }
    }

    @Test("a connection that does not come about within its time")
    func connectTimeout() async throws {
        // A server that takes the connection and never answers the TLS handshake.
        try await withServer({ _ in [] }) {
            $0.connectTimeout = .milliseconds(200)
        } _: { server, client in
            let kind = await failure { try await client.send(HTTPRequest("GET", "https://127.0.0.1:\(server.port)/"), limit: 0) }
            #expect(kind == .timeout(.tls, after: .milliseconds(200)))
        }
    }
}

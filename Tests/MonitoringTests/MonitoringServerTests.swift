import FileIO
import NIOCore
import PlainJSON
import Servables
import Testing

@testable import Monitoring

@Suite("HTTP endpoints")
struct MonitoringServerTests {
    /// Something a test opens when it likes.
    private final class Gate: Sendable {
        private let state = Lock((isOpen: false, entered: 0, waiting: [CheckedContinuation<Void, Never>]()))

        func pass() async {
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    state.entered += 1
                    if !state.isOpen { state.waiting.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
        }

        func open() {
            let waiting = state.withLock { state in
                state.isOpen = true
                defer { state.waiting = [] }
                return state.waiting
            }
            for continuation in waiting { continuation.resume() }
        }

        var entered: Int { state.withLock { $0.entered } }
    }

    private static func handlers(
        health: [String] = [], readiness: [String] = [], gate: Gate? = nil
    ) -> MonitoringHandlers {
        MonitoringHandlers(
            status: { AgentStatus(program: "0.1.0", root: "/models", role: .active) }, health: { health },
            readiness: { readiness },
            metrics: {
                await gate?.pass()
                return "aspired_build_info{version=\"0.1.0\"} 1\n"
            })
    }

    /// Runs a server for a test and ends it.
    private static func withServer(
        _ handlers: MonitoringHandlers = handlers(), limits: HTTPLimits = HTTPLimits(), address: String = "127.0.0.1:0",
        _ body: (MonitoringServer) async throws -> Void
    ) async throws {
        let server = try #require(
            try await MonitoringServer.start(address: ListenAddress(parsing: address), handlers: handlers, limits: limits))
        do {
            try await body(server)
        } catch {
            await server.shutdown()
            throw error
        }
        await server.shutdown()
    }

    @Test("each page has its status, type and body, and HEAD the same without the body")
    func routes() async throws {
        try await Self.withServer { server in
            let client = await TestClient(port: server.port)
            let pages: [(path: String, type: String, body: String?)] = [
                ("/healthz", "text/plain; charset=utf-8", "ok\n"), ("/readyz?verbose", "text/plain; charset=utf-8", "ok\n"),
                ("/metrics", "text/plain; version=0.0.4; charset=utf-8", "aspired_build_info{version=\"0.1.0\"} 1\n"),
                ("/status", "application/json", nil), ("/", "text/html; charset=utf-8", nil),
            ]
            for page in pages {
                let answer = try #require(await client.get(page.path))
                #expect(answer.status == 200)
                #expect(answer.fields["content-type"] == page.type)
                #expect(answer.fields["cache-control"] == "no-store")
                #expect(answer.fields["connection"] == nil)
                if let body = page.body { #expect(answer.body == body) }
                await client.send("HEAD \(page.path) HTTP/1.1\r\nHost: x\r\n\r\n")
                let head = try #require(await client.answer(hasBody: false))
                #expect(head.status == 200)
                #expect(head.fields == answer.fields)
            }
            let status = try #require(await client.get("/status"))
            #expect(try JSON(parsing: status.body)["role"] == "active")
            let index = try #require(await client.get("/"))
            for path in ["/healthz", "/readyz", "/metrics", "/status"] { #expect(index.body.contains("<a href=\"\(path)\">")) }
        }
    }

    @Test("503 gives the reasons, one a line")
    func reasons() async throws {
        try await Self.withServer(Self.handlers(health: ["model a is\nstuck"], readiness: ["a waits", "b waits"])) { server in
            let client = await TestClient(port: server.port)
            let ready = try #require(await client.get("/readyz"))
            #expect((ready.status, ready.body) == (503, "a waits\nb waits\n"))
            let health = try #require(await client.get("/healthz"))
            #expect((health.status, health.body) == (503, "model a is\\nstuck\n"))
        }
    }

    @Test("another path is 404, another method 405 with what is allowed; the connection stays")
    func refusals() async throws {
        try await Self.withServer { server in
            let client = await TestClient(port: server.port)
            for path in ["/nothing", "/healthz/", "/Metrics", "//", "/../status"] {
                let answer = try #require(await client.get(path))
                #expect(answer.status == 404)
            }
            for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
                await client.send("\(method) /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
                let answer = try #require(await client.answer())
                #expect(answer.status == 405)
                #expect(answer.fields["allow"] == "GET, HEAD")
            }
            let answer = try #require(await client.get("/healthz"))
            #expect(answer.status == 200)
        }
    }

    @Test(
        "what is no request that we take is refused and the connection ended",
        arguments: [
            ("GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 413),
            ("POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n", 413),
            ("nonsense\r\n\r\n", 400), ("GET / HTTP/9.9\r\n\r\n", 400), ("GET /\u{0} HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nX: \(String(repeating: "x", count: 17000))\r\n\r\n", 431),
            ("GET /\(String(repeating: "x", count: 17000)) HTTP/1.1\r\n\r\n", 431),
            ("GET / HTTP/1.1\r\n\((0..<101).map { "X\($0): 1\r\n" }.joined())\r\n", 431),
            ("GET / HTTP/1.1\r\n\((0..<30).map { "X\($0): \(String(repeating: "x", count: 600))\r\n" }.joined())\r\n", 431),
        ])
    func notTaken(request: String, status: Int) async throws {
        try await Self.withServer { server in
            let client = await TestClient(port: server.port)
            await client.send(request)
            let answer = try #require(await client.answer())
            #expect(answer.status == status)
            #expect(answer.fields["connection"] == "close")
            #expect(await client.isEnded())
        }
    }

    @Test("Connection: close and HTTP/1.0 end the connection, keep-alive keeps it")
    func keepAlive() async throws {
        try await Self.withServer { server in
            let closing = await TestClient(port: server.port)
            #expect(await closing.get("/healthz")?.fields["connection"] == nil)
            #expect(await closing.get("/healthz", "Connection: close\r\n")?.fields["connection"] == "close")
            #expect(await closing.isEnded())
            let old = await TestClient(port: server.port)
            await old.send("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(await old.answer()?.fields["connection"] == "keep-alive")
            await old.send("GET /healthz HTTP/1.0\r\n\r\n")
            #expect(await old.answer()?.status == 200)
            #expect(await old.isEnded())
        }
    }

    @Test("a client that does not wait for its answer gets that one and no more")
    func pipelining() async throws {
        try await Self.withServer { server in
            let client = await TestClient(port: server.port)
            let request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
            await client.send(request + request + request)
            let answer = try #require(await client.answer())
            #expect(answer.status == 200)
            #expect(answer.fields["connection"] == "close")
            #expect(await client.answer() == nil)
        }
    }

    @Test("a request that comes in single bytes is answered")
    func slowly() async throws {
        try await Self.withServer { server in
            let client = await TestClient(port: server.port)
            for character in "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".unicodeScalars { await client.send(String(character)) }
            #expect(await client.answer()?.status == 200)
        }
    }

    @Test("who says nothing, or half a request, is shown out; before the first answer and after it")
    func idle() async throws {
        var limits = HTTPLimits()
        limits.firstRequest = .milliseconds(50)
        try await Self.withServer(limits: limits) { server in
            let silent = await TestClient(port: server.port)
            #expect(await silent.isEnded())
            let half = await TestClient(port: server.port)
            await half.send("GET /healthz HTTP/1.1\r\nHost")
            #expect(await half.isEnded())
        }
        limits = HTTPLimits()
        limits.nextRequest = .milliseconds(50)
        try await Self.withServer(limits: limits) { server in
            let again = await TestClient(port: server.port)
            #expect(await again.get("/healthz")?.status == 200)
            #expect(await again.isEnded())
        }
    }

    @Test("an answer that does not come ends the connection")
    func stuckHandler() async throws {
        var limits = HTTPLimits()
        limits.answer = .milliseconds(50)
        let gate = Gate()
        try await Self.withServer(Self.handlers(gate: gate), limits: limits) { server in
            let client = await TestClient(port: server.port)
            #expect(await client.get("/metrics") == nil)
            gate.open()
            // On a busy machine the short limit may hit a good answer, too.
            var isAnswered = false
            for _ in 0..<1000 where !isAnswered {
                isAnswered = await TestClient(port: server.port).get("/metrics")?.status == 200
            }
            #expect(isAnswered)
        }
    }

    @Test("beyond the most connections the longest idle one makes room, never one that waits for its answer")
    func connectionLimit() async throws {
        var limits = HTTPLimits()
        limits.connections = 3
        limits.answer = .seconds(600)  // for a machine that is busy with other tests
        let gate = Gate()
        try await Self.withServer(Self.handlers(gate: gate), limits: limits) { server in
            let busy = await TestClient(port: server.port)
            await busy.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            while gate.entered == 0 { await Task.yield() }
            let first = await TestClient(port: server.port)
            #expect(await first.get("/healthz")?.status == 200)
            let second = await TestClient(port: server.port)
            #expect(await second.get("/healthz")?.status == 200)
            #expect(await first.get("/healthz")?.status == 200)
            let third = await TestClient(port: server.port)
            #expect(await third.get("/healthz")?.status == 200)
            #expect(await second.isEnded())
            #expect(await first.get("/healthz")?.status == 200)
            gate.open()
            #expect(await busy.answer()?.status == 200)
        }
    }

    @Test("with every connection waiting for an answer a new one is turned away")
    func allBusy() async throws {
        var limits = HTTPLimits()
        limits.connections = 1
        limits.answer = .seconds(600)  // for a machine that is busy with other tests
        let gate = Gate()
        try await Self.withServer(Self.handlers(gate: gate), limits: limits) { server in
            let busy = await TestClient(port: server.port)
            await busy.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            while gate.entered == 0 { await Task.yield() }
            #expect(await TestClient(port: server.port).isEnded())
            gate.open()
            #expect(await busy.answer()?.status == 200)
        }
    }

    @Test("a shutdown lets the answer at hand go out, ends idle connections and frees the port")
    func shutdown() async throws {
        let gate = Gate()
        var limits = HTTPLimits()
        limits.shutdown = .seconds(10)
        let server = try #require(
            try await MonitoringServer.start(
                address: ListenAddress(parsing: "127.0.0.1:0"), handlers: Self.handlers(gate: gate), limits: limits))
        let idle = await TestClient(port: server.port)
        #expect(await idle.get("/healthz")?.status == 200)
        let busy = await TestClient(port: server.port)
        await busy.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        while gate.entered == 0 { await Task.yield() }
        async let ended: Void = server.shutdown()
        #expect(await idle.isEnded())
        gate.open()
        #expect(await busy.answer()?.fields["connection"] == "close")
        #expect(await busy.isEnded())
        await ended
        await server.shutdown()
        let again = try #require(
            try await MonitoringServer.start(address: .host("127.0.0.1", port: server.port), handlers: Self.handlers()))
        await again.shutdown()
    }

    @Test("a handler that never ends does not hold up the shutdown, and its late answer goes nowhere", .timeLimit(.minutes(5)))
    func shutdownWhileStuck() async throws {
        let gate = Gate()
        var limits = HTTPLimits()
        limits.shutdown = .milliseconds(50)
        let server = try #require(
            try await MonitoringServer.start(
                address: ListenAddress(parsing: "127.0.0.1:0"), handlers: Self.handlers(gate: gate), limits: limits))
        let client = await TestClient(port: server.port)
        await client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        while gate.entered == 0 { await Task.yield() }
        // For as long as the gate is shut the handler goes on.
        await server.shutdown()
        #expect(await client.isEnded())
        gate.open()
        await Task.yield()
    }

    @Test("listens on all addresses, IPv4 always", arguments: [":0", "localhost:0", "0.0.0.0:0"])
    func addresses(address: String) async throws {
        try await Self.withServer(address: address) { server in
            #expect(await TestClient(port: server.port).get("/healthz")?.status == 200)
            #expect(server.boundAddress.hasSuffix(":\(server.port)"))
        }
    }

    @Test("off is no server")
    func off() async throws {
        #expect(try await MonitoringServer.start(address: .off, handlers: Self.handlers()) == nil)
    }

    @Test("an address that cannot be had is an error that names it and says why")
    func errors() async throws {
        try await Self.withServer { server in
            let taken = ListenAddress.host("127.0.0.1", port: server.port)
            let error = await #expect(throws: ListenError.self) {
                _ = try await MonitoringServer.start(address: taken, handlers: Self.handlers())
            }
            #expect(error?.errno == 98)
            #expect(error?.description == "cannot listen on 127.0.0.1:\(server.port): Address already in use")
            let elsewhere = await #expect(throws: ListenError.self) {
                _ = try await MonitoringServer.start(address: .host("192.0.2.1", port: 0), handlers: Self.handlers())
            }
            #expect(elsewhere?.description == "cannot listen on 192.0.2.1:0: Cannot assign requested address")
            let unknown = await #expect(throws: ListenError.self) {
                _ = try await MonitoringServer.start(address: .host("no-such-host.invalid", port: 0), handlers: Self.handlers())
            }
            #expect(unknown?.description == "cannot listen on no-such-host.invalid:0: no such host")
            #expect(unknown?.errno == nil)
        }
    }

    // MARK: Probe

    @Test("a probe gets status and body")
    func probe() async throws {
        try await Self.withServer(Self.handlers(readiness: ["a waits"])) { server in
            let address = ListenAddress.everywhere(port: server.port)
            let health = try await Probe.get(address: address, path: "/healthz", timeout: .seconds(10))
            #expect(health == Probe.Answer(status: 200, body: "ok\n"))
            let ready = try await Probe.get(address: address, path: "/readyz", timeout: .seconds(10))
            #expect(ready == Probe.Answer(status: 503, body: "a waits\n"))
        }
    }

    @Test("a probe that gets no answer says what it asked and why")
    func probeFaults() async throws {
        let gate = Gate()
        try await Self.withServer(Self.handlers(gate: gate)) { server in
            let stuck = await #expect(throws: Probe.Fault.self) {
                try await Probe.get(address: .everywhere(port: server.port), path: "/metrics", timeout: .milliseconds(50))
            }
            #expect(stuck?.description == "GET http://127.0.0.1:\(server.port)/metrics: no answer within 50ms")
            gate.open()
            await server.shutdown()
            let refused = await #expect(throws: Probe.Fault.self) {
                try await Probe.get(address: .everywhere(port: server.port), path: "/readyz", timeout: .seconds(10))
            }
            #expect(refused?.description == "GET http://127.0.0.1:\(server.port)/readyz: Connection refused")
        }
        let off = await #expect(throws: Probe.Fault.self) {
            try await Probe.get(address: .off, path: "/readyz", timeout: .seconds(1))
        }
        #expect(off?.description == "GET /readyz: the agent does not listen for HTTP (--http-listen is off)")
    }
}

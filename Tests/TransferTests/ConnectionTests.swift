import FileIO
import Glibc
import SystemPackage
import Testing

@testable import Transfer

@Suite("Connections, threads and ends", .timeLimit(.minutes(5)))
struct ConnectionTests {
    @Test("requests one after another share a connection, and nothing else")
    func reuse() async throws {
        try await withServer({ _ in [.answer(200, "a")] }) { server, client in
            for number in 0..<10 {
                let headers = [HTTPHeader("X-\(number)", "1")]
                _ = try await client.send(HTTPRequest(number % 2 == 0 ? "GET" : "PUT", server.url, headers: headers), limit: 1)
            }
            #expect(server.log.requests.map(\.connection) == Array(repeating: 0, count: 10))
            for (number, request) in server.log.requests.enumerated() {
                #expect(request.line.first ?? "" == (number % 2 == 0 ? "GET" : "PUT"))
                #expect(request.headers.filter { $0.hasPrefix("X-") } == ["X-\(number): 1"])
                #expect(request.headers.count == (number % 2 == 0 ? 3 : 4))
            }
        }
    }

    @Test("nothing of a request is left for the next one, whatever the two are")
    func nothingIsLeft() async throws {
        let kinds: [(method: String, body: String?)] = [
            ("GET", nil), ("HEAD", nil), ("PUT", "abc"), ("PUT", nil), ("POST", "de"), ("DELETE", nil),
        ]
        try await withServer({ request in
            request.line.first == "HEAD" ? [.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n")] : [.answer(200, "a")]
        }) { server, client in
            for kind in kinds.flatMap({ first in kinds.flatMap { [first, $0] } }) {
                let body = kind.body.map { Array($0.utf8) }
                _ = try await client.send(HTTPRequest(kind.method, server.url, body: body), limit: 1)
                let seen = try #require(server.log.requests.last)
                #expect(seen.line.first.map(String.init) == kind.method && seen.body == body ?? [])
                let lengths = seen.headers.filter { $0.hasPrefix("Content-Length") }
                #expect(lengths == (kind.method.hasPrefix("P") ? ["Content-Length: \(body?.count ?? 0)"] : []))
            }
            #expect(server.log.connections == 1)
        }
    }

    @Test("bytes are paid for one after the other, whoever takes them, and of what was not used a tenth of a second is saved up")
    func pacer() {
        let pacer = Pacer(bytesPerSecond: 1_000)
        #expect(pacer.took(500, at: 1_000_000_000) == 1_400_000_000)
        #expect(pacer.took(250, at: 1_000_000_000) == 1_650_000_000)
        #expect(pacer.took(1_000, at: 1_700_000_000) == 2_650_000_000)
        #expect(pacer.took(1_000, at: 5_000_000_000) == 5_900_000_000)
    }

    @Test("ten seconds of a bandwidth are exact to three per cent, however late two threads wake and however much each takes")
    func pace() {
        let rate = 25_000_000
        let pacer = Pacer(bytesPerSecond: Int64(rate))
        var dice = SystemRandomNumberGenerator()
        /// When each thread may take the next bytes.
        var free: [NetworkClock.Instant] = [1_000_000_000, 1_000_000_000]
        var taken: [(at: NetworkClock.Instant, bytes: Int)] = []
        while let now = free.min(), now < 14_000_000_000, let thread = free.firstIndex(of: now) {
            let bytes = Int.random(in: 1...1_000_000, using: &dice)
            taken.append((now, bytes))
            // The machine is busy: up to 20 ms late.
            free[thread] = max(now, pacer.took(Int64(bytes), at: now)) + .random(in: 0...20_000_000, using: &dice)
        }
        for start in stride(from: 1_000_000_000 as NetworkClock.Instant, to: 4_000_000_000, by: 50_000_000) {
            let window = start..<(start + 10_000_000_000)
            let bytes = taken.reduce(0) { $0 + (window.contains($1.at) ? $1.bytes : 0) }
            #expect(abs(bytes - 10 * rate) < 10 * rate * 3 / 100, "\(bytes) bytes from \(start)")
        }
    }

    @Test("a bandwidth holds for all threads together, and slows nobody into a time-out")
    func bandwidth() async throws {
        let size = 400_000
        try await withServer({ _ in [.answer(200, String(repeating: "x", count: size))] }) {
            $0.threads = 2
            $0.maxBandwidth = 4_000_000
            $0.stall = StallLimit(bytes: 1, window: .milliseconds(50))
        } _: { server, client in
            let start = ContinuousClock.now
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<4 {
                    group.addTask { try await client.send(HTTPRequest("GET", server.url), limit: 1 << 20).body.count }
                }
                for try await count in group { #expect(count == size) }
            }
            // The last bytes are taken before they are paid for.
            #expect(ContinuousClock.now - start > .milliseconds(4 * size / 4_000 - 200))
        }
    }

    /// Notes what it hears.
    private final class Listener: WaitListener {
        struct Spent: Sendable {
            let waited: Duration
            let worked: Duration
        }

        let isListening: Bool
        let heard = Lock<[Spent]>([])
        private let onReport: @Sendable ([Spent]) -> Void

        init(isListening: Bool, onReport: @escaping @Sendable ([Spent]) -> Void = { _ in }) {
            self.isListening = isListening
            self.onReport = onReport
        }

        func threadSpent(waiting waited: Duration, working worked: Duration) {
            onReport(
                heard.withLock {
                    $0.append(Spent(waited: waited, worked: worked))
                    return $0
                })
        }
    }

    @Test(
        "who listens hears, while a request waits for its answer, that the thread has nothing to do, and before the wait is over")
    func waits() async throws {
        try await ScriptedServer.run({ _ in [.gate, .answer(200, "a")] }) { server in
            // The answer comes once it was told of three waits.
            let listener = Listener(isListening: true) { if $0.count == 3 { server.open() } }
            try await HTTPClient.run(listener: listener) { client in
                _ = try await client.send(HTTPRequest("GET", server.url), limit: 1)
            }
            let heard = listener.heard.withLock { $0 }
            #expect(heard.allSatisfy { $0.waited + $0.worked >= .milliseconds(1) })
        }
    }

    @Test("a thread's work is told apart from its waits")
    func work() async throws {
        let head = "HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n"
        let busy = Duration.milliseconds(30)
        try await ScriptedServer.run({ _ in [.send(head + "a"), .gate, .send("b")] }) { server in
            // The rest comes once the work was told of.
            let listener = Listener(isListening: true) { if let last = $0.last, last.worked >= busy { server.open() } }
            try await HTTPClient.run(listener: listener) { client in
                _ = try await client.stream(HTTPRequest("GET", server.url)) { bytes in
                    let end = ContinuousClock.now + busy
                    while bytes.first == UInt8(ascii: "a"), ContinuousClock.now < end {}
                    return true
                }
            }
            #expect(listener.heard.withLock { $0.filter { $0.worked >= busy }.count } >= 1)
        }
    }

    @Test("who does not listen is told nothing")
    func silence() async throws {
        try await ScriptedServer.run({ _ in [.answer(200, "a")] }) { server in
            let listener = Listener(isListening: false)
            try await HTTPClient.run(listener: listener) { client in
                for _ in 0..<20 { _ = try await client.send(HTTPRequest("GET", server.url), limit: 1) }
            }
            #expect(listener.heard.withLock { $0.isEmpty })
        }
    }

    @Test("a request that wants a fresh connection gets one, though another is open")
    func fresh() async throws {
        try await withServer({ _ in [.answer(200, "a")] }) { server, client in
            var request = HTTPRequest("GET", server.url)
            for connection in [HTTPRequest.Connection.any, .any, .fresh, .fresh] {
                request.connection = connection
                _ = try await client.send(request, limit: 1)
            }
            #expect(server.log.requests.map(\.connection) == [0, 0, 1, 2])
        }
    }

    @Test("a reused connection that turns out to be closed is replaced")
    func stale() async throws {
        // The second request of a connection finds it closed.
        try await ScriptedServer.run({ $0.connection == 0 ? [.answer(200, "a"), .gate, .close] : [.answer(200, "b")] }) {
            server in
            try await HTTPClient.run { client in
                _ = try await client.send(HTTPRequest("GET", server.url), limit: 1)
                server.open()
                await server.wait { $0.closed == 1 }
                let response = try await client.send(HTTPRequest("GET", server.url), limit: 1)
                #expect(String(response.body) == "b")
            }
        }
    }

    @Test("200 requests at once, each with its own answer, on no more connections than that", arguments: [1, 3])
    func concurrent(threads: Int) async throws {
        try await withServer({ [.answer(200, String($0.line[1]))] }) {
            $0.threads = threads
        } _: { server, client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        let response = try await client.send(HTTPRequest("GET", "\(server.url)/\(number)"), limit: 10)
                        #expect(String(response.body) == "/\(number)")
                    }
                }
                try await group.waitForAll()
            }
            #expect(server.log.requests.count == 200)
            #expect(server.log.connections <= 200)
        }
    }

    @Test("a thread that is held up by a file does not hold up a request that comes later")
    func threads() async throws {
        try await withServer({ _ in [.answer(200, "a")] }) {
            $0.threads = 2
        } _: { server, client in
            let isDone = Lock(false)
            async let listing = client.stream(HTTPRequest("GET", server.url)) { _ in
                for _ in 0..<20_000 where !isDone.withLock({ $0 }) { usleep(1000) }
                return true
            }
            await server.wait { $0.requests.count == 1 }
            for _ in 0..<3 { _ = try await client.send(HTTPRequest("GET", server.url), limit: 1) }
            #expect(Set(threadNames()).isSuperset(of: ["aspired-xfer-0", "aspired-xfer-1"]))
            isDone.withLock { $0 = true }
            _ = try await listing
        }
    }

    @Test(
        "cancelling ends a call at once, before the answer and within it",
        arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"])
    func cancel(answer: String) async throws {
        try await withServer({ _ in [.send(answer)] }) { server, client in
            let call = start { try await client.send(HTTPRequest("GET", server.url), limit: 9) }
            await server.wait { $0.requests.count == 1 }
            call.cancel()
            #expect(await call.value == .cancelled)
            await server.wait { $0.closed == 1 }
        }
    }

    @Test("a task that is cancelled already sends nothing")
    func cancelledBefore() async throws {
        try await withServer({ _ in [.answer(200, "")] }) { server, client in
            for _ in 0..<100 {
                let call = Task { () -> TransportError.Kind? in
                    withUnsafeCurrentTask { $0?.cancel() }
                    return await failure { try await client.send(HTTPRequest("GET", server.url), limit: 0) }
                }
                #expect(await call.value == .cancelled)
            }
            #expect(server.log.requests.isEmpty)
        }
    }

    @Test("calls and cancellations that cross each other end once each")
    func cancelRace() async throws {
        try await withServer({ _ in [.answer(200, "a")] }) {
            $0.threads = 2
        } _: { server, client in
            let outcomes = await withTaskGroup(of: TransportError.Kind?.self) { group in
                for number in 0..<300 {
                    group.addTask {
                        let call = start { try await client.send(HTTPRequest("GET", server.url), limit: 1) }
                        for _ in 0..<(number % 50) { await Task.yield() }
                        call.cancel()
                        return await call.value
                    }
                }
                return await group.reduce(into: [TransportError.Kind?]()) { $0.append($1) }
            }
            #expect(outcomes.count == 300)
            #expect(outcomes.allSatisfy { $0 == nil || $0 == .cancelled })
            // The client is whole after that.
            let response = try await client.send(HTTPRequest("GET", server.url), limit: 1)
            #expect(String(response.body) == "a")
        }
    }

    @Test(
        "a task goes on on the thread that has carried its request, where its worker allows that, and sends the next one from there"
    )
    func goesOn() async throws {
        try await ScriptedServer.run({ _ in [.answer(200, "a")] }) { server in
            try await HTTPClient.run { client in
                let own = WorkerThread(name: "test-own")
                for (worker, ends) in [(staying, "aspired-xfer-0"), (own, "test-own")] {
                    let names = try await Task(executorPreference: worker) {
                        var names: [String] = []
                        for _ in 0..<3 {
                            _ = try await client.send(HTTPRequest("GET", server.url), limit: 1)
                            names.append(try threadName())
                        }
                        return names
                    }.value
                    #expect(names == [ends, ends, ends])
                }
            }
        }
    }

    @Test("shutting down ends the calls under way, those that follow, and the threads", arguments: [nil, staying])
    func shutdown(worker: WorkerThread?) async throws {
        try await ScriptedServer.run({ _ in [] }) { server in
            try await HTTPClient.run {
                $0.threads = 2
            } _: { client in
                let calls = (0..<20).map { _ in
                    start(on: worker) { try await client.send(HTTPRequest("GET", server.url), limit: 0) }
                }
                await server.wait { $0.requests.count == 20 }
                await client.shutdown()
                for call in calls { #expect(await call.value == .shutDown) }
                #expect(await failure { try await client.send(HTTPRequest("GET", server.url), limit: 0) } == .shutDown)
                await server.wait { $0.closed == 20 }
                await client.shutdown()
            }
        }
    }

    @Test("calls that cross a shutdown end once each", arguments: [nil, staying])
    func shutdownRace(worker: WorkerThread?) async throws {
        try await ScriptedServer.run({ _ in [.answer(200, "a")] }) { server in
            for _ in 0..<10 {
                let client = try HTTPClient(HTTPClientConfiguration(version: "1"))
                let calls = (0..<40).map { _ in
                    start(on: worker) { try await client.send(HTTPRequest("GET", server.url), limit: 1) }
                }
                await Task.yield()
                await client.shutdown()
                for call in calls {
                    let kind = await call.value
                    #expect(kind == nil || kind == .shutDown)
                }
            }
        }
    }

    @Test("a client that is dropped gives back its threads and connections")
    func dropped() async throws {
        try await ScriptedServer.run({ _ in [.answer(200, "a")] }) { server in
            do {
                let client = try HTTPClient(HTTPClientConfiguration(version: "1"))
                _ = try await client.send(HTTPRequest("GET", server.url), limit: 1)
            }
            await server.wait { $0.closed == 1 }
        }
    }

    @Test("an idle thread gives back its connections, and can be used again")
    func idle() async throws {
        try await withServer({ _ in [.answer(200, "a")] }) {
            $0.idleThreadLifetime = .milliseconds(20)
        } _: { server, client in
            _ = try await client.send(HTTPRequest("GET", server.url), limit: 1)
            await server.wait { $0.closed == 1 }
            _ = try await client.send(HTTPRequest("GET", server.url), limit: 1)
            #expect(server.log.connections == 2)
        }
    }

    @Test("a call that comes while an idle thread gives back what it has is carried")
    func idleRace() async throws {
        try await withServer({ _ in [.answer(200, "a")] }) {
            $0.idleThreadLifetime = .zero
        } _: { server, client in
            let clock = ContinuousClock()
            for round in 0..<1000 {
                // Each time somewhat later after the last answer, so that one of them meets that moment.
                let moment = clock.now + .microseconds(round % 50)
                while clock.now < moment {}
                _ = try await client.send(HTTPRequest("GET", server.url), limit: 1)
            }
        }
    }
}

/// The names of this process's threads.
private func threadNames() -> [String] {
    guard let directory = opendir("/proc/self/task") else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let thread = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        guard let file = fopen("/proc/self/task/\(thread)/comm", "r") else { continue }
        var buffer = [UInt8](repeating: 0, count: 32)
        let count = fread(&buffer, 1, buffer.count, file)
        fclose(file)
        names.append(String(decoding: buffer.prefix(count).filter { $0 != 0x0A }, as: UTF8.self))
    }
    return names
}

private func threadName() throws -> String {
    String(try FileSystem().readFile("/proc/thread-self/comm", limit: 64).dropLast())
}

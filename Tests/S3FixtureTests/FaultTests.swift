import Testing

@testable import S3Fixture

@Suite("Scripted faults")
struct FaultTests {
    private let data = SyntheticContent(size: 100_000, seed: 1).bytes(in: 0..<100_000)

    private func withObject(_ body: (FixtureServer) async throws -> Void) async throws {
        try await withOpenServer { server async throws in
            server.put(bucket: "b", key: "k", data: data)
            try await body(server)
        }
    }

    @Test("a fault meets the requests that it names, from the first for as many times as it says")
    func matching() async throws {
        try await withObject { server async throws in
            server.put(bucket: "b", key: "other", data: data)
            server.script(Fault(.status(503, code: "SlowDown"), on: .get, key: "b/k*", first: 2, times: 2))
            var statuses: [Int] = []
            for _ in 0..<5 {
                statuses.append(try await ask(server, "GET", "/b/k").status)
                statuses.append(try await ask(server, "GET", "/b/other").status)
                statuses.append(try await ask(server, "HEAD", "/b/k").status)
            }
            #expect(statuses == [200, 200, 200, 503, 200, 200, 503, 200, 200, 200, 200, 200, 200, 200, 200])
            server.script(Fault(.status(500, code: "InternalError"), method: "HEAD", times: nil))
            #expect(try await ask(server, "HEAD", "/b").status == 500)
            #expect(try await ask(server, "HEAD", "/b/k").status == 500)
            server.clearScript()
            #expect(try await ask(server, "HEAD", "/b/k").status == 200)
        }
    }

    @Test("an error has its code in S3's shape, and a body as large as scripted")
    func status() async throws {
        try await withObject { server async throws in
            server.script(Fault(.status(503, code: "SlowDown", bodySize: 2_000_000)))
            let answer = try await ask(server, "GET", "/b/k")
            #expect(answer.status == 503)
            #expect(answer.element("Code") == "SlowDown")
            #expect(answer.body.count == 2_000_000)
            server.script(Fault(.status(502, code: "", bodySize: 10)))
            #expect(try await ask(server, "GET", "/b/k").text == String(repeating: " ", count: 10))
        }
    }

    @Test("a cut body ends after its bytes, by FIN or by RST", arguments: [0, 1, 70_000])
    func cut(after: Int) async throws {
        try await withObject { server async throws in
            server.script(Fault(.cut(after: after)))
            let closed = try await ask(server, "GET", "/b/k")
            #expect(closed.status == 200)
            #expect(closed.headers["content-length"] == "100000")
            #expect(closed.fingerprint == fingerprint(Array(data[..<after])))
            #expect(closed.end == .closed)
            #expect(server.requests.last?.sentBytes == after)
            server.script(Fault(.cut(after: after, reset: true)))
            let reset = try await ask(server, "GET", "/b/k")
            // A reset may overtake what is still on its way.
            #expect(reset.body.count <= after)
            #expect(reset.end == .reset)
        }
    }

    @Test("a cut at or past the body's end changes nothing")
    func cutPastEnd() async throws {
        try await withObject { server async throws in
            server.script(Fault(.cut(after: 100_000)))
            let answer = try await ask(server, "GET", "/b/k")
            #expect(answer.fingerprint == fingerprint(data))
            #expect(answer.end == .whole)
        }
    }

    @Test("a stalled body goes no further until the client closes", .timeLimit(.minutes(5)))
    func stall() async throws {
        try await withObject { server async throws in
            server.script(Fault(.stall(after: 40_000)))
            try await Wire.to(server) { wire in
                try await wire.send(plainRequest(server, "GET", "/b/k"))
                let answer = try await wire.answer(stopAfter: 40_000)
                #expect(answer.fingerprint == fingerprint(Array(data[..<40_000])))
                // Time enough for a server that would close.
                for _ in 0..<5 { #expect(try await ask(server, "HEAD", "/b/k").status == 200) }
                #expect(wire.isOpen)
            }
            await server.connectionsClosed()
            #expect(server.requests.first?.sentBytes == 40_000)
        }
    }

    @Test("a flipped bit is at its offset in the object, in whichever range is asked for")
    func flipBit() async throws {
        try await Scratch.with { scratch in
            try scratch.write("b/file", data)
            try await FixtureServer.with(root: scratch.path, options: FixtureOptions(anonymous: true)) { server async throws in
                server.put(bucket: "b", key: "k", data: data)
                server.script(Fault(.flipBit(at: 50_000), times: nil))
                let wrong = data[..<50_000] + [data[50_000] ^ 1] + data[50_001...]
                for key in ["k", "file"] {
                    #expect(try await ask(server, "GET", "/b/\(key)").fingerprint == fingerprint(Array(wrong)))
                    let range = ("range", "bytes=50000-50001")
                    #expect(
                        try await ask(server, "GET", "/b/\(key)", [range]).fingerprint
                            == fingerprint(Array(wrong[50_000...50_001])))
                    let elsewhere = ("range", "bytes=0-49999")
                    #expect(
                        try await ask(server, "GET", "/b/\(key)", [elsewhere]).fingerprint == fingerprint(Array(data[..<50_000])))
                }
            }
        }
    }

    @Test("a range can be ignored or answered with another Content-Range")
    func ranges() async throws {
        try await withObject { server async throws in
            server.script(Fault(.ignoreRange))
            let whole = try await ask(server, "GET", "/b/k", [("range", "bytes=0-1")])
            #expect(whole.status == 200)
            #expect(whole.fingerprint == fingerprint(data))
            server.script(Fault(.header("Content-Range", "bytes 5-6/9")))
            let other = try await ask(server, "GET", "/b/k", [("range", "bytes=0-1")])
            #expect(other.status == 206)
            #expect(other.headers["content-range"] == "bytes 5-6/9")
            #expect(other.fingerprint == fingerprint(Array(data[..<2])))
        }
    }

    @Test("a connection is dropped before any answer", arguments: [false, true])
    func drop(reset: Bool) async throws {
        try await withObject { server async throws in
            server.script(Fault(.drop(reset: reset)))
            let answer = try await ask(server, "GET", "/b/k")
            #expect(answer.status == 0)
            #expect(answer.end == (reset ? .reset : .closed))
            #expect(server.requests.map(\.status) == [nil])
            #expect(try await ask(server, "GET", "/b/k").status == 200)
        }
    }

    @Test("a listing is truncated with a length that fits")
    func truncatedListing() async throws {
        try await withObject { server async throws in
            server.script(Fault(.truncateListing))
            let answer = try await ask(server, "GET", "/b?list-type=2")
            #expect(answer.status == 200)
            #expect(answer.end == .whole)
            #expect(answer.text.hasPrefix("<?xml"))
            #expect(!answer.text.contains("</ListBucketResult>"))
        }
    }

    @Test("a continuation token is repeated for ever")
    func repeatedToken() async throws {
        try await withOpenServer(options: FixtureOptions(pageSize: 1)) { server async throws in
            for key in ["a", "b", "c"] { server.put(bucket: "b", key: key, data: []) }
            server.script(Fault(.repeatContinuationToken, on: .list, times: nil))
            let first = try await ask(server, "GET", "/b?list-type=2")
            let token = try #require(first.element("NextContinuationToken"))
            for _ in 0..<3 {
                let answer = try await ask(server, "GET", "/b?list-type=2&continuation-token=" + percentEncoded(token.utf8))
                #expect(answer.elements("Key") == ["b"])
                #expect(answer.element("NextContinuationToken") == token)
                #expect(answer.element("IsTruncated") == "true")
            }
        }
    }

    @Test("an object is replaced at its request: the old ETag no longer matches")
    func replace() async throws {
        try await withObject { server async throws in
            let etag = try #require(server.etag(bucket: "b", key: "k"))
            server.script(Fault(.replace([1, 2, 3]), on: .get, key: "b/k", first: 2))
            let header = ("if-match", "\"\(etag)\"")
            #expect(try await ask(server, "GET", "/b/k", [header, ("range", "bytes=0-9")]).status == 206)
            #expect(try await ask(server, "GET", "/b/k", [header, ("range", "bytes=10-19")]).status == 412)
            #expect(try await ask(server, "GET", "/b/k").body == [1, 2, 3])
        }
    }

    @Test("delay and rate make an answer take its time")
    func pace() async throws {
        try await withObject { server async throws in
            let start = ContinuousClock.now
            server.script(Fault(.delay(.milliseconds(200))))
            _ = try await ask(server, "HEAD", "/b/k")
            let delayed = ContinuousClock.now
            #expect(delayed - start >= .milliseconds(200))
            server.script(Fault(.rate(400_000)))
            let answer = try await ask(server, "GET", "/b/k")
            let taken = ContinuousClock.now - delayed
            #expect(answer.fingerprint == fingerprint(data))
            // The last of the pieces of 20 ms is not waited for.
            #expect(taken >= .milliseconds(200))
        }
    }

    @Test("requests and connections are counted")
    func log() async throws {
        try await withObject { server async throws in
            try await Wire.to(server) { wire in
                for target in ["/b/k?x=1", "/b/k"] {
                    try await wire.send(plainRequest(server, "GET", target, [("Range", "bytes=0-4")]))
                    #expect(try await wire.answer().status == 206)
                }
            }
            _ = try await ask(server, "GET", "/b?list-type=2&prefix=k")
            let records = server.requests
            #expect(records.map(\.operation) == [.get, .get, .list])
            #expect(records.map(\.status) == [206, 206, 200])
            #expect(records.map(\.connection) == [1, 1, 2])
            #expect(records[0].path == "/b/k")
            #expect(records[0].query == "x=1")
            #expect(records[0].range == "bytes=0-4")
            #expect((records[0].bucket, records[0].key) == ("b", "k"))
            #expect(server.connections == 2)
            server.forgetRequests()
            #expect(server.requests.isEmpty)
        }
    }

    @Test("a shutdown ends stalled and idle connections", .timeLimit(.minutes(5)))
    func shutdown() async throws {
        let server = try await FixtureServer.start(options: FixtureOptions(anonymous: true))
        server.put(bucket: "b", key: "k", data: data)
        server.script(Fault(.stall(after: 10)))
        try await Wire.to(server) { wire in
            try await wire.send(plainRequest(server, "GET", "/b/k"))
            _ = try await wire.answer(stopAfter: 10)
            await server.shutdown()
            let rest = try await wire.answer()
            #expect(rest.end != .whole)
        }
        #expect(server.openConnections == 0)
    }

    @Test("a fault is read from text")
    func text() throws {
        let fault = try Fault(parsing: "status=503/SlowDown/50MB,on=get,key=b/*.bin,first=3,times=all")
        #expect(fault.operation == .get)
        #expect((fault.key, fault.first, fault.times) == ("b/*.bin", 3, nil))
        guard case .status(503, "SlowDown", 50_000_000) = fault.action else {
            Issue.record("\(fault.action)")
            return
        }
        guard case .cut(after: 65_536, reset: true) = try Fault(parsing: "reset=64KiB").action else {
            Issue.record("no reset")
            return
        }
        for wrong in ["", "nonsense", "cut=x", "delay=5", "cut=1,on=nothing", "cut=1,what=2", "header=x"] {
            #expect(throws: FaultTextError.self) { try Fault(parsing: wrong) }
        }
    }

    @Test(
        "patterns",
        arguments: [
            ("*", "b/k", true), ("b/k", "b/k", true), ("b/k", "b/kk", false), ("b/*/x", "b/1/2/x", true), ("b/?", "b/k", true),
            ("b/?", "b/", false), ("*.bin", "b/a.bin.bin", true), ("*.bin", "b/a.bim", false), ("", "", true), ("**", "", true),
            ("*ab", "aab", true),
        ])
    func glob(pattern: String, text: String, matches: Bool) {
        #expect(Glob(pattern).matches(Array(text.utf8)) == matches)
    }
}

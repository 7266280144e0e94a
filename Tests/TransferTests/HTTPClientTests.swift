import FileIO
import Testing

@testable import Transfer

@Suite("One request", .timeLimit(.minutes(5)))
struct HTTPClientTests {
    @Test("signed bytes are sent bytes: nothing is normalised, nothing is added but Host and User-Agent")
    func request() async throws {
        try await withServer({ _ in [.answer(200, "hello", headers: ["ETag: \"x\""])] }) { server, client in
            let target = "/a/../b/./%2f%c3%A4%7e//=+&'()!*?x=%2F&list-type=2&a=b="
            let headers = [HTTPHeader("X-Second", " b"), HTTPHeader("X-First", "a  a"), HTTPHeader("X-Empty", "")]
            let response = try await client.send(HTTPRequest("GET", server.url + target, headers: headers), limit: 100)
            #expect(response.head.status == 200)
            #expect(response.head["etag"] == "\"x\"")
            #expect(String(response.body) == "hello")
            let request = try #require(server.log.requests.first)
            #expect(request.line == ["GET", Substring(target), "HTTP/1.1"])
            #expect(
                request.headers == [
                    "Host: 127.0.0.1:\(server.port)", "User-Agent: aspired/1.2.3", "X-Second:  b", "X-First: a  a", "X-Empty:",
                ])
        }
    }

    @Test("the caller's Host and User-Agent are sent as given, once")
    func host() async throws {
        try await withServer({ _ in [.answer(200, "")] }) { server, client in
            let headers = [HTTPHeader("Host", "bucket.example:9000"), HTTPHeader("User-Agent", "other")]
            _ = try await client.send(HTTPRequest("GET", server.url + "/", headers: headers), limit: 0)
            let request = try #require(server.log.requests.first)
            #expect(Set(request.headers) == ["Host: bucket.example:9000", "User-Agent: other"])
        }
    }

    @Test("a body is sent with its length and nothing else", arguments: ["PUT", "POST", "DELETE"])
    func requestBody(method: String) async throws {
        let bytes = Array(repeating: Array("0123456789".utf8), count: 30_000).flatMap { $0 }
        try await withServer({ _ in [.answer(200, "")] }) { server, client in
            _ = try await client.send(HTTPRequest(method, server.url + "/k", body: bytes), limit: 0)
            let request = try #require(server.log.requests.first)
            #expect(request.line.first ?? "" == method)
            #expect(request.headers.dropFirst(2) == ["Content-Length: 300000"])
            #expect(request.body == bytes)
        }
    }

    @Test("a PUT without a body says so")
    func emptyBody() async throws {
        try await withServer({ _ in [.answer(200, "")] }) { server, client in
            _ = try await client.send(HTTPRequest("PUT", server.url + "/k"), limit: 0)
            #expect(server.log.requests.first?.headers.last == "Content-Length: 0")
        }
    }

    @Test("a HEAD has a length and no body")
    func head() async throws {
        try await withServer({ _ in [.send("HTTP/1.1 200 OK\r\nContent-Length: 5000000000\r\n\r\n")] }) { server, client in
            for _ in 0..<2 {
                let response = try await client.send(HTTPRequest("HEAD", server.url + "/k"), limit: 0)
                #expect(response.head.contentLength == 5_000_000_000)
                #expect(response.body.isEmpty)
            }
            #expect(server.log.connections == 1)
        }
    }

    @Test("a chunked body is put together, trailers are left out, and its encoding is not touched")
    func chunked() async throws {
        let answer = """
            HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n5\r\nhello\r\n1;x=y\r\n \r\n5\r\nworld\r\n0\r\nX-T: 1\r\n\r\n
            """
        try await withServer({ _ in [.send(answer)] }) { server, client in
            let response = try await client.send(HTTPRequest("GET", server.url), limit: 11)
            #expect(String(response.body) == "hello world")
            #expect(response.head["content-encoding"] == "gzip")
            #expect(response.head["x-t"] == nil)
        }
    }

    @Test("interim answers are skipped")
    func interim() async throws {
        let script: ScriptedServer.Script = { _ in [.send("HTTP/1.1 103 Early\r\nX-E: 1\r\n\r\n"), .answer(200, "a")] }
        try await withServer(script) { server, client in
            let response = try await client.send(HTTPRequest("GET", server.url), limit: 1)
            #expect(response.head == ResponseHead(status: 200, headers: [HTTPHeader("Content-Length", "1")]))
        }
    }

    @Test("an error's status and body are an answer", arguments: [301, 403, 404, 416, 500, 503])
    func statuses(status: Int) async throws {
        try await withServer({ _ in [.answer(status, "<Error/>", headers: ["Location: http://127.0.0.1:1/"])] }) {
            server, client in
            let response = try await client.send(HTTPRequest("GET", server.url), limit: 8)
            #expect(response.head.status == status)
            #expect(String(response.body) == "<Error/>")
        }
    }

    @Test("a 304 has no body, and the connection stays usable")
    func notModified() async throws {
        let script: ScriptedServer.Script = { _ in
            [.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: \"a\"\r\n\r\n")]
        }
        try await withServer(script) { server, client in
            for _ in 0..<2 {
                let response = try await client.send(HTTPRequest("GET", server.url), limit: 0)
                #expect(response.head.status == 304)
                #expect(response.body.isEmpty)
            }
            #expect(server.log.connections == 1)
        }
    }

    @Test("a body that ends with the connection is whole")
    func untilClose() async throws {
        try await withServer({ _ in [.send("HTTP/1.0 200 OK\r\n\r\nall"), .close] }) { server, client in
            let response = try await client.send(HTTPRequest("GET", server.url), limit: 10)
            #expect(String(response.body) == "all")
        }
    }

    @Test("a body of the limit is taken, one byte more is not", arguments: ["Content-Length: 1001", "X: y"])
    func limit(header: String) async throws {
        let body = String(repeating: "x", count: 1001)
        try await withServer({ _ in [.send("HTTP/1.1 200 OK\r\n\(header)\r\n\r\n\(body)"), .close] }) { server, client in
            let request = HTTPRequest("GET", server.url)
            #expect(await failure { try await client.send(request, limit: 1000) } == .bodyTooLarge(limit: 1000))
            let response = try await client.send(request, limit: 1001)
            #expect(response.body.count == 1001)
        }
    }

    @Test("a listing goes to the closure as it comes, in order")
    func stream() async throws {
        let body = String((0..<50_000).flatMap { "\($0)," })
        try await withServer({ _ in [.answer(200, body)] }) { server, client in
            let seen = Lock([UInt8]())
            let response = try await client.stream(HTTPRequest("GET", server.url)) { bytes in
                seen.withLock { $0 += bytes }
                return true
            }
            #expect(response.head.status == 200)
            #expect(response.body.isEmpty)
            #expect(String(seen.withLock { $0 }) == body)
        }
    }

    @Test("a closure that has enough ends the listing without an error")
    func streamEnough() async throws {
        try await withServer({ _ in [.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst")] }) { server, client in
            let calls = Lock(0)
            let response = try await client.stream(HTTPRequest("GET", server.url)) { _ in
                calls.withLock { $0 += 1 }
                return false
            }
            #expect(response.head.status == 200)
            #expect(calls.withLock { $0 } == 1)
            await server.wait { $0.closed == 1 }
        }
    }

    @Test("a listing's error is collected, up to 64 KiB")
    func streamError() async throws {
        let body = String(repeating: "e", count: 100_000)
        try await withServer({ _ in [.answer(403, body)] }) { server, client in
            let response = try await client.stream(HTTPRequest("GET", server.url)) { _ in
                Issue.record("an error's body is not part of a listing")
                return true
            }
            #expect(response.head.status == 403)
            #expect(response.body.count == 64 * 1024)
        }
    }

    @Test("a request that cannot be sent is refused")
    func invalid() async throws {
        try await withServer({ _ in [] }) { server, client in
            let request = HTTPRequest("GET", server.url + "/a b")
            let reason = "the URL holds a character that must be percent-encoded"
            #expect(await failure { try await client.send(request, limit: 0) } == .invalidRequest(reason: reason))
            #expect(server.log.connections == 0)
        }
    }
}

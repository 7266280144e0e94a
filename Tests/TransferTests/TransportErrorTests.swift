import FileIO
import SystemPackage
import Testing

@testable import Transfer

@Suite("Errors as people meet them")
struct TransportErrorTests {
    static let kinds: [TransportError.Kind] = [
        .resolve(reason: "Could not resolve host: h"), .connect(reason: "Connection refused"),
        .tls(.untrusted(reason: "self-signed")),
        .tls(.wrongName), .tls(.outOfDate(reason: "expired")), .tls(.authorities(path: "/ca")), .tls(.handshake(reason: "x")),
        .tls(.interrupted(reason: "x")), .timeout(.resolve, after: .seconds(10)), .timeout(.responseHeader, after: .seconds(30)),
        .stalled(.standard, received: 3 << 20), .closed, .reset(reason: "x"), .bodyTooShort(expected: 10, received: 3),
        .bodyTooShort(expected: nil, received: 3), .bodyTooLong(expected: 10), .bodyTooLarge(limit: 65536),
        .malformed(reason: "x"),
        .invalidRequest(reason: "x"), .write(FileError("pwrite", "/models/x", .noSpace)), .cancelled, .shutDown,
        .library(reason: "x"),
    ]

    @Test("each is one line that names the host", arguments: kinds)
    func oneLine(kind: TransportError.Kind) {
        let text = TransportError(kind, host: "s3.example:9000").description
        #expect(text.contains("s3.example:9000"))
        #expect(!text.contains("\n"))
    }

    @Test("the texts say what happened")
    func texts() {
        func text(_ kind: TransportError.Kind) -> String { TransportError(kind, host: "h:9").description }
        #expect(text(.connect(reason: "Connection refused")) == "cannot connect to h:9: Connection refused")
        #expect(text(.timeout(.connect, after: .seconds(10))) == "h:9: time-out after 10s while connecting")
        #expect(text(.stalled(.standard, received: 3 << 20)) == "h:9: stalled after 3.0 MiB: less than 30.0 KiB came in 30s")
        #expect(text(.bodyTooShort(expected: 10, received: 3)) == "h:9: the body ended early, after 3 of 10 bytes")
        #expect(
            text(.tls(.authorities(path: "/ca"))) == "no TLS with h:9: the CA file /ca cannot be read as PEM; check --s3-ca-file")
    }

    @Test("what the network does is worth another try; what we or the other side are is not")
    func transience() {
        let transient = Self.kinds.filter { TransportError($0, host: "h").isTransient }
        #expect(
            transient == [
                .resolve(reason: "Could not resolve host: h"), .connect(reason: "Connection refused"),
                .tls(.interrupted(reason: "x")),
                .timeout(.resolve, after: .seconds(10)), .timeout(.responseHeader, after: .seconds(30)),
                .stalled(.standard, received: 3 << 20), .closed, .reset(reason: "x"), .bodyTooShort(expected: 10, received: 3),
                .bodyTooShort(expected: nil, received: 3),
            ])
    }

    @Test("path, query and header values are in no error")
    func secrets() async throws {
        let answers: [[ScriptedServer.Step]] = [
            [.close], [.reset], [.send("SSH-2.0\r\n"), .close], [.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"), .close],
            [.answer(200, "too large")], [.send("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), .close],
        ]
        for answer in answers {
            try await withServer({ _ in answer }) { server, client in
                let headers = [HTTPHeader("Authorization", "hush")]
                for url in [
                    server.url, "http://h.invalid", "gopher://h", "http://user:hush@h", "http://h:99999", server.url + "/ ",
                ] {
                    do throws(TransportError) {
                        _ = try await client.send(
                            HTTPRequest("GET", url + "/hush?X-Amz-Security-Token=hush", headers: headers), limit: 1)
                        Issue.record("no error from \(url) with \(answer)")
                    } catch {
                        #expect(!"\(error) \(String(reflecting: error))".contains("hush"))
                    }
                }
            }
        }
    }
}

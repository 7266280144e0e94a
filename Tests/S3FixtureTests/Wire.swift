import NIOCore
import NIOPosix

@testable import S3Fixture

/// An answer as its bytes came, read without any HTTP library.
struct RawAnswer: Sendable {
    enum End: Sendable {
        /// As many bytes as `Content-Length` says; the connection is open.
        case whole
        /// The server closed the connection properly.
        case closed
        case reset
    }

    var status = 0
    var headers: [String: String] = [:]
    var body: [UInt8] = []
    var end = End.whole

    /// To compare large bodies by, since a difference between two arrays takes long to print.
    var fingerprint: String { S3FixtureTests.fingerprint(body) }

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The text between the first pair of tags of this name.
    func element(_ name: String) -> String? { elements(name).first }

    func elements(_ name: String) -> [String] {
        text.split(separator: "<\(name)>", omittingEmptySubsequences: false).dropFirst().map { rest in
            String(rest.split(separator: "</\(name)>", maxSplits: 1, omittingEmptySubsequences: false)[0])
        }
    }
}

func fingerprint(_ bytes: some Collection<UInt8>) -> String { hex(Digester<MD5>.digest(bytes)) }

/// One connection to a server, over which raw requests go.
enum Wire {
    /// Connects, lends the connection to `body`, and closes it.
    static func to<Result: Sendable>(
        _ server: FixtureServer, _ body: @Sendable (Exchange) async throws -> Result
    ) async throws -> Result {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: server.host, port: server.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await body(Exchange(channel.channel, inbound.makeAsyncIterator(), outbound))
        }
    }

    final class Exchange {
        fileprivate var parts: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        private let channel: any Channel
        fileprivate let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
        private var received: [UInt8] = []

        fileprivate init(
            _ channel: any Channel, _ parts: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
            _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
        ) {
            self.channel = channel
            self.parts = parts
            self.outbound = outbound
        }

        /// Whether neither side has closed the connection.
        var isOpen: Bool { channel.isActive }

        func send(_ request: String, body: [UInt8] = []) async throws {
            try await outbound.write(ByteBuffer(bytes: Array(request.utf8) + body))
        }

        /// Reads one answer, up to `stopAfter` bytes of its body.
        func answer(isHead: Bool = false, stopAfter: Int? = nil) async throws -> RawAnswer {
            var answer = RawAnswer()
            while true {
                if let headEnd = received.firstRange(of: Array("\r\n\r\n".utf8)) {
                    if answer.status == 0 { parse(String(decoding: received[..<headEnd.lowerBound], as: UTF8.self), &answer) }
                    let bodiless = isHead || answer.status == 204 || answer.status == 304
                    let length = bodiless ? 0 : Int(answer.headers["content-length"] ?? "") ?? 0
                    let wanted = min(length, stopAfter ?? .max)
                    if received.count - headEnd.upperBound >= wanted {
                        answer.body = Array(received[headEnd.upperBound...].prefix(wanted))
                        received.removeSubrange(..<(headEnd.upperBound + wanted))
                        return answer
                    }
                }
                do {
                    if let part = try await parts.next() {
                        received.append(contentsOf: part.readableBytesView)
                        continue
                    }
                    answer.end = .closed
                } catch {
                    answer.end = .reset
                }
                if let headEnd = received.firstRange(of: Array("\r\n\r\n".utf8)) {
                    answer.body = Array(received[headEnd.upperBound...])
                }
                return answer
            }
        }

        /// Reads an interim answer, which has no body.
        /// - Returns: its status.
        func interim() async throws -> Int { try await answer(isHead: true).status }

        private func parse(_ head: String, _ answer: inout RawAnswer) {
            let lines = head.split(separator: "\r\n")
            answer.status = Int(lines[0].split(separator: " ")[1]) ?? 0
            for line in lines.dropFirst() {
                let sides = line.split(separator: ":", maxSplits: 1).map(String.init)
                answer.headers[sides[0].lowercased()] = sides.count > 1 ? String(sides[1].drop { $0 == " " }) : ""
            }
        }
    }
}

/// Sends one unsigned request over a connection of its own; `target` is path and query, percent-encoded.
func ask(
    _ server: FixtureServer, _ method: String, _ target: String, _ headers: [(String, String)] = [], body: [UInt8] = []
) async throws -> RawAnswer {
    try await Wire.to(server) { wire in
        try await wire.send(plainRequest(server, method, target, headers, body: body), body: body)
        return try await wire.answer(isHead: method == "HEAD")
    }
}

func plainRequest(
    _ server: FixtureServer, _ method: String, _ target: String, _ headers: [(String, String)] = [], body: [UInt8] = []
) -> String {
    var lines = ["\(method) \(target) HTTP/1.1"]
    if !headers.contains(where: { $0.0 == "host" }) { lines.append("host: \(server.host):\(server.port)") }
    lines += headers.map { "\($0.0): \($0.1)" }
    if !body.isEmpty { lines.append("content-length: \(body.count)") }
    return lines.joined(separator: "\r\n") + "\r\n\r\n"
}

/// A server without a root that lets everybody in, with one bucket `b`.
func withOpenServer<Result: Sendable>(
    options: FixtureOptions = FixtureOptions(), _ body: (FixtureServer) async throws -> Result
) async throws -> Result {
    var options = options
    options.anonymous = true
    return try await FixtureServer.with(options: options) { server async throws in
        server.createBucket("b")
        return try await body(server)
    }
}

import FileIO
import NIOCore
import NIOHTTP1
import NIOPosix

/// An HTTP server on 127.0.0.1 that answers as a test says.
final class AnsweringServer: Sendable {
    struct Request: Sendable {
        let method: String
        /// Path and query.
        let target: String
        let headers: [(name: String, value: String)]
        let body: String

        subscript(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }

        /// Of a form: the values by name, decoded.
        var form: [String: String] {
            let pairs = body.split(separator: "&").map {
                $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            }
            return Dictionary(pairs.map { (String($0[0]), $0.count > 1 ? decoded($0[1]) : "") }) { $1 }
        }
    }

    enum Answer: Sendable {
        case reply(Int, String, headers: [String: String] = [:])
        /// The connection stays, and nothing comes.
        case silence
        case hangUp
    }

    typealias Script = @Sendable (Request) -> Answer

    let port: Int
    private let channel: any Channel
    private let log: Box<[Request]>

    var url: String { "http://127.0.0.1:\(port)" }
    var requests: [Request] { log.value }

    private init(_ script: @escaping Script) async throws {
        let log = Box<[Request]>([])
        channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(script, log))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
        self.log = log
    }

    /// Runs `body` beside a server.
    static func with<Result: Sendable>(
        _ script: @escaping Script, _ body: (AnsweringServer) async throws -> Result
    ) async throws -> Result {
        let server = try await AnsweringServer(script)
        let outcome: Swift.Result<Result, any Error>
        do { outcome = .success(try await body(server)) } catch { outcome = .failure(error) }
        try await server.channel.close().get()
        return try outcome.get()
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let script: Script
        private let log: Box<[Request]>
        private var head: HTTPRequestHead?
        private var body = ""

        init(_ script: @escaping Script, _ log: Box<[Request]>) {
            self.script = script
            self.log = log
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body = ""
            case .body(let piece): body += String(buffer: piece)
            case .end:
                guard let head else { return }
                let request = Request(
                    method: head.method.rawValue, target: head.uri, headers: head.headers.map { ($0.name, $0.value) }, body: body)
                log.change { $0.append(request) }
                answer(script(request), context)
            }
        }

        private func answer(_ answer: Answer, _ context: ChannelHandlerContext) {
            switch answer {
            case .silence: break
            case .hangUp: context.close(promise: nil)
            case .reply(let status, let text, let headers):
                var fields = HTTPHeaders(headers.map { ($0.key, $0.value) })
                fields.add(name: "Content-Length", value: "\(text.utf8.count)")
                let head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: fields)
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

private func decoded(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "%"), let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
            bytes.append(value)
            rest = rest.dropFirst(2)
        } else {
            bytes.append(byte)
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}

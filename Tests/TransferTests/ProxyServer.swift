import FileIO
import NIOCore
import NIOPosix

/// An HTTP proxy on 127.0.0.1: tunnels for `CONNECT`, the absolute form for the rest. It resolves every name to 127.0.0.1, so
/// that tests can ask for hosts that are not the machine itself.
final class ProxyServer: Sendable {
    let port: Int
    /// The heads of the requests that it was asked for, in order, without the empty line.
    var heads: [String] { state.withLock { $0 } }

    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel
    private let state: Lock<[String]>

    private init(status: Int?, authorization: String?) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let state = Lock([String]())
        channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = Handler(status: status, authorization: authorization) { head in
                        state.withLock { $0.append(head) }
                    }
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.group = group
        self.state = state
        port = channel.localAddress?.port ?? 0
    }

    /// Runs `body` beside a proxy, and ends the proxy.
    /// - Parameters:
    ///   - status: what it answers to everything; `nil` carries requests.
    ///   - authorization: the `Proxy-Authorization` that it wants.
    ///   - body: what is done meanwhile.
    /// - Returns: what `body` returns.
    /// - Throws: what `body` throws, or an error of the network.
    static func run<R: Sendable>(
        status: Int? = nil, authorization: String? = nil, _ body: (ProxyServer) async throws -> R
    ) async throws -> R {
        let server = try await ProxyServer(status: status, authorization: authorization)
        let result: Result<R, any Error>
        do { result = .success(try await body(server)) } catch { result = .failure(error) }
        try await server.channel.close().get()
        try await server.group.shutdownGracefully()
        return try result.get()
    }

    /// Reads one head, connects, and from then on copies bytes.
    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let status: Int?
        private let authorization: String?
        private let record: (String) -> Void
        private var received: [UInt8] = []
        private var upstream: (any Channel)?
        private var isConnecting = false

        init(status: Int?, authorization: String?, record: @escaping (String) -> Void) {
            self.status = status
            self.authorization = authorization
            self.record = record
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = unwrapInboundIn(data)
            if let upstream {
                upstream.writeAndFlush(bytes, promise: nil)
                return
            }
            received += Array(bytes.readableBytesView)
            guard !isConnecting, let end = received.indices.first(where: { received[$0...].starts(with: Array("\r\n\r\n".utf8)) })
            else {
                return
            }
            let head = String(decoding: received[..<end], as: UTF8.self)
            record(head)
            if let status = authorization.map({ head.contains("Proxy-Authorization: \($0)\r\n") }) == false ? 407 : status {
                let answer = "HTTP/1.1 \(status) No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
                context.close(promise: nil)
                return
            }
            isConnecting = true
            let words = head.prefix { $0 != "\r\n" }.split(separator: " ")
            let isTunnel = words[0] == "CONNECT"
            let authority = isTunnel ? words[1] : words[1].dropFirst("http://".count).prefix { $0 != "/" }
            let port = authority.split(separator: ":").last.flatMap { Int($0) } ?? (isTunnel ? 443 : 80)
            let first = isTunnel ? [] : Array(originForm(head, authority).utf8) + received[end...]
            connect(context.channel, port: port, first: first, isTunnel: isTunnel)
        }

        func channelInactive(context: ChannelHandlerContext) { upstream?.close(promise: nil) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        private func originForm(_ head: String, _ authority: Substring) -> String {
            head.replacing("http://\(authority)", with: "", maxReplacements: 1)
        }

        private func connect(_ client: any Channel, port: Int, first: [UInt8], isTunnel: Bool) {
            ClientBootstrap(group: client.eventLoop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Copier(to: client)) }
                }
                .connect(host: "127.0.0.1", port: port).assumeIsolated().whenComplete { result in
                    switch result {
                    case .success(let channel):
                        self.upstream = channel
                        if isTunnel {
                            client.writeAndFlush(ByteBuffer(string: "HTTP/1.1 200 Connected\r\n\r\n"), promise: nil)
                        } else {
                            channel.writeAndFlush(ByteBuffer(bytes: first), promise: nil)
                        }
                    case .failure:
                        client.writeAndFlush(ByteBuffer(string: "HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n"), promise: nil)
                    }
                }
        }
    }

    private final class Copier: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let client: any Channel

        init(to client: any Channel) { self.client = client }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            client.writeAndFlush(unwrapInboundIn(data), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { client.close(promise: nil) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

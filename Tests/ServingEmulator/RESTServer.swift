import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// A port of this machine on which connections are accepted at times, and refused at others.
final class RESTServer: Sendable {
    let port: Int
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let reservation: CInt
    private let answer: @Sendable (String, String) -> RESTAnswer?
    private let state: Lock<State>

    private struct State: Sendable {
        /// Openings and closings happen one after the other.
        var last: EventLoopFuture<Void>
        var listener: (any Channel)?
        var connections: [ObjectIdentifier: any Channel] = [:]
    }

    /// Takes a port for itself, on which nobody listens yet.
    /// - Parameter answer: to a method and a target; `nil` for a connection that is closed instead.
    /// - Throws: `IOError`.
    init(answer: @escaping @Sendable (String, String) -> RESTAnswer?) throws {
        self.answer = answer
        (reservation, port) = try RESTServer.reserve()
        state = Lock(State(last: group.any().makeSucceededVoidFuture()))
    }

    /// A bound socket that doesn't listen: whoever connects is refused, and nobody else is given the port.
    private static func reserve() throws -> (socket: CInt, port: Int) {
        let file = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard file >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        var yes: CInt = 1
        setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let error = withUnsafeMutableBytes(of: &address) { bytes -> CInt in
            guard let pointer = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return EFAULT }
            return bind(file, pointer, size) == 0 && getsockname(file, pointer, &size) == 0 ? 0 : errno
        }
        guard error == 0 else {
            Glibc.close(file)
            throw IOError(errnoCode: error, reason: "bind")
        }
        return (file, Int(UInt16(bigEndian: address.sin_port)))
    }

    /// Accepts connections from now on.
    /// - Parameter isWanted: asked when earlier closings are through; if it says no, nothing happens.
    /// - Returns: what succeeds once it is so.
    func open(isWanted: @escaping @Sendable () -> Bool) -> EventLoopFuture<Void> {
        enqueue { [self] in
            guard isWanted(), state.withLock({ $0.listener == nil }) else { return group.any().makeSucceededVoidFuture() }
            return ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 256)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelInitializer { [self] channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                        try channel.pipeline.syncOperations.addHandler(AnswerHandler(answer: answer))
                        keep(channel)
                    }
                }
                .bind(host: "127.0.0.1", port: port)
                .map { [self] channel in state.withLock { $0.listener = channel } }
        }
    }

    var isOpen: Bool { state.withLock { $0.listener != nil } }

    /// Ends all connections and refuses new ones.
    func close() -> EventLoopFuture<Void> {
        enqueue { [self] in
            let channels = state.withLock { state -> [any Channel] in
                let channels = (state.listener.map { [$0] } ?? []) + state.connections.values
                state.listener = nil
                return channels
            }
            return EventLoopFuture.andAllComplete(
                channels.map { channel in
                    channel.close(promise: nil)
                    return channel.closeFuture
                }, on: group.any())
        }
    }

    /// Closes, and gives back the port and the thread.
    func shutdown() async {
        try? await close().get()
        try? await group.shutdownGracefully()
        Glibc.close(reservation)
    }

    private func keep(_ channel: any Channel) {
        let key = ObjectIdentifier(channel)
        state.withLock { $0.connections[key] = channel }
        channel.closeFuture.whenComplete { [self] _ in state.withLock { $0.connections[key] = nil } }
    }

    private func enqueue(_ operation: @escaping @Sendable () -> EventLoopFuture<Void>) -> EventLoopFuture<Void> {
        state.withLock { state in
            let next = state.last.flatMapError { [group] _ in group.any().makeSucceededVoidFuture() }.flatMap(operation)
            state.last = next
            return next
        }
    }
}

/// Answers the requests of one connection.
private final class AnswerHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let answer: @Sendable (String, String) -> RESTAnswer?
    private var head: HTTPRequestHead?

    init(answer: @escaping @Sendable (String, String) -> RESTAnswer?) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head, let answer = answer(head.method.rawValue, head.uri) else { return context.close(promise: nil) }
            var response = HTTPResponseHead(version: head.version, status: HTTPResponseStatus(statusCode: answer.status))
            response.headers.add(name: "Content-Type", value: answer.contentType)
            response.headers.add(name: "Content-Length", value: String(answer.body.utf8.count))
            context.write(wrapOutboundOut(.head(response)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.body)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            if !head.isKeepAlive { context.close(promise: nil) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

import FileIO
import Glibc
import NIOCore
import NIOPosix

/// A TCP server on 127.0.0.1 that answers each request with scripted bytes, right or wrong.
final class ScriptedServer: Sendable {
    struct Request: Sendable {
        /// Request line and headers as they came, with line ends, without the empty line.
        let head: String
        let body: [UInt8]
        /// Which connection it came on, the first being 0.
        let connection: Int

        /// The words of the request line.
        var line: [Substring] { (head.split(separator: "\r\n").first ?? "").split(separator: " ") }
        /// The header lines, in order.
        var headers: [Substring] { Array(head.split(separator: "\r\n").dropFirst()) }
    }

    enum Step: Sendable {
        case send(String)
        case sendBytes([UInt8])
        /// Goes on when `open` is called.
        case gate
        case pause(milliseconds: Int64)
        case close
        case reset
    }

    /// What has happened so far.
    struct Log: Sendable {
        var connections = 0
        var closed = 0
        var bytes = 0
        var requests: [Request] = []
    }

    typealias Script = @Sendable (Request) -> [Step]

    let port: Int
    var url: String { "http://127.0.0.1:\(port)" }
    var log: Log { state.withLock { $0.log } }

    private struct Waiter: Sendable {
        let condition: @Sendable (Log) -> Bool
        let action: @Sendable () -> Void
    }
    private struct State {
        var log = Log()
        var waiters: [Waiter] = []
    }

    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel
    private let state: Lock<State>
    private let gate: EventLoopPromise<Void>

    private init(_ script: @escaping Script, greeting: [Step]) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let state = Lock(State())
        let gate = group.next().makePromise(of: Void.self)
        channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 512)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = Handler(script, greeting, gate.futureResult) { change in Self.record(in: state, change) }
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.group = group
        self.state = state
        self.gate = gate
        port = channel.localAddress?.port ?? 0
    }

    /// Runs `body` beside a server, and ends the server.
    /// - Parameters:
    ///   - script: its answer to each request.
    ///   - greeting: what it says on each connection before it is asked.
    ///   - body: what is done meanwhile.
    /// - Returns: what `body` returns.
    /// - Throws: what `body` throws, or an error of the network.
    static func run<R: Sendable>(
        _ script: @escaping Script, greeting: [Step] = [], _ body: (ScriptedServer) async throws -> R
    ) async throws -> R {
        let server = try await ScriptedServer(script, greeting: greeting)
        let result: Result<R, any Error>
        do { result = .success(try await body(server)) } catch { result = .failure(error) }
        server.open()
        try await server.channel.close().get()
        try await server.group.shutdownGracefully()
        return try result.get()
    }

    /// Lets every connection go past its gate, now and later.
    func open() { gate.succeed(()) }

    /// Calls `action` once, as soon as what has happened fulfils `condition`.
    func when(_ condition: @escaping @Sendable (Log) -> Bool, do action: @escaping @Sendable () -> Void) {
        let isFulfilled = state.withLock { state in
            if condition(state.log) { return true }
            state.waiters.append(Waiter(condition: condition, action: action))
            return false
        }
        if isFulfilled { action() }
    }

    /// Suspends until what has happened fulfils `condition`.
    func wait(until condition: @escaping @Sendable (Log) -> Bool) async {
        await withCheckedContinuation { continuation in when(condition) { continuation.resume() } }
    }

    private static func record(in state: Lock<State>, _ change: (inout Log) -> Void) {
        let fulfilled = state.withLock { state in
            change(&state.log)
            let log = state.log
            let fulfilled = state.waiters.filter { $0.condition(log) }
            state.waiters.removeAll { $0.condition(log) }
            return fulfilled
        }
        for waiter in fulfilled { waiter.action() }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let script: Script
        private let greeting: [Step]
        private let gate: EventLoopFuture<Void>
        private let record: ((inout Log) -> Void) -> Void
        private var received: [UInt8] = []
        /// A head whose body is still to come, and how long that is.
        private var head: (text: String, bodyLength: Int)?
        private var connection = 0

        init(
            _ script: @escaping Script, _ greeting: [Step], _ gate: EventLoopFuture<Void>,
            record: @escaping ((inout Log) -> Void) -> Void
        ) {
            self.script = script
            self.greeting = greeting
            self.gate = gate
            self.record = record
        }

        func channelActive(context: ChannelHandlerContext) {
            record { log in
                connection = log.connections
                log.connections += 1
            }
            play(greeting[...], context.channel)
        }

        func channelInactive(context: ChannelHandlerContext) { record { $0.closed += 1 } }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Array(unwrapInboundIn(data).readableBytesView)
            received += bytes
            record { $0.bytes += bytes.count }
            while let request = nextRequest() {
                record { $0.requests.append(request) }
                play(script(request)[...], context.channel)
            }
        }

        private func nextRequest() -> Request? {
            guard let (head, length) = head ?? parseHead(), received.count >= length else {
                return nil
            }
            let body = Array(received[..<length])
            received.removeFirst(length)
            self.head = nil
            return Request(head: head, body: body, connection: connection)
        }

        /// Takes a head off what was received: its text, and the length of the body that follows.
        private func parseHead() -> (String, Int)? {
            let end = Array("\r\n\r\n".utf8)
            let index = received.indices.first { received[$0...].starts(with: end) }
            guard let index else { return nil }
            let text = String(decoding: received[..<index], as: UTF8.self)
            received.removeFirst(index + end.count)
            let field = "content-length: "
            let line = text.lowercased().split(separator: "\r\n").first { $0.hasPrefix(field) }
            head = (text, line.flatMap { Int($0.dropFirst(field.count)) } ?? 0)
            return head
        }

        private func play(_ steps: ArraySlice<Step>, _ channel: any Channel) {
            guard let step = steps.first else { return }
            let rest = steps.dropFirst()
            switch step {
            case .send(let text): write(ByteBuffer(string: text), rest, channel)
            case .sendBytes(let bytes): write(ByteBuffer(bytes: bytes), rest, channel)
            case .gate: gate.assumeIsolated().whenSuccess { self.play(rest, channel) }
            case .pause(let milliseconds):
                channel.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(milliseconds)) { self.play(rest, channel) }
            case .close: channel.close(promise: nil)
            case .reset:
                (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
                    .whenComplete { _ in channel.close(promise: nil) }
            }
        }

        private func write(_ buffer: ByteBuffer, _ rest: ArraySlice<Step>, _ channel: any Channel) {
            channel.writeAndFlush(buffer).assumeIsolated().whenSuccess { self.play(rest, channel) }
        }
    }
}

extension ScriptedServer.Step {
    /// A whole answer with a `Content-Length`.
    static func answer(_ status: Int = 200, _ body: String, headers: [String] = []) -> Self {
        let lines = ["HTTP/1.1 \(status) X", "Content-Length: \(body.utf8.count)"] + headers
        return .send(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
    }
}

import NIOCore
import NIOHTTP1
import NIOPosix
import Servables

/// Asks a running agent over HTTP: `aspired probe`.
public enum Probe {
    public struct Answer: Hashable, Sendable {
        public let status: Int
        public let body: String
    }

    /// Why there was no answer.
    public struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
        /// What was asked, and what came of it; one line.
        public let description: String
    }

    /// Bytes of an answer at most.
    static let longestBody = 4 << 20

    /// GETs a path.
    /// - Parameters:
    ///   - address: where the agent listens; all addresses stand for the local one.
    ///   - path: begins with a slash.
    ///   - timeout: for all of it.
    /// - Returns: whatever the agent answers, errors of HTTP included.
    /// - Throws: why there was no answer.
    public static func get(address: ListenAddress, path: String, timeout: Duration) async throws(Fault) -> Answer {
        guard let (host, port) = address.localEndpoint else {
            throw Fault(description: "GET \(path): the agent does not listen for HTTP (--http-listen is off)")
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let answer = loop.makePromise(of: Answer.self)
        let timeoutAmount = TimeAmount(timeout)
        let bootstrap = ClientBootstrap(group: group)
            .connectTimeout(timeoutAmount)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(
                        ProbeHandler(host: ListenAddress.host(host, port: port).description, path: path, answer: answer))
                }
            }
        let deadline = loop.scheduleTask(in: timeoutAmount) { answer.fail(ProbeFailure.timedOut) }
        let channel = bootstrap.connect(host: host, port: port)
        channel.whenFailure { answer.fail($0) }
        let result: Result<Answer, Fault>
        do {
            result = .success(try await answer.futureResult.get())
        } catch {
            let asked = "GET http://\(ListenAddress.host(host, port: port))\(path)"
            result = .failure(Fault(description: "\(asked): \(reason(error, timeout))"))
        }
        deadline.cancel()
        try? await group.shutdownGracefully()
        return try result.get()
    }

    private static func reason(_ error: any Error, _ timeout: Duration) -> String {
        switch error {
        case ProbeFailure.timedOut, ChannelError.connectTimeout: "no answer within \(timeout.text)"
        case ProbeFailure.tooLong: "the answer is longer than \(ByteCount(Int64(longestBody)))"
        case ProbeFailure.cut, ChannelError.eof: "the connection ended before the answer did"
        case let error as IOError: ListenError.text(error.errnoCode)
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { reason($0.error, timeout) } ?? "no such host"
        case is HTTPParserError: "the answer is not HTTP"
        default: PlainText.escaped("\(error)")
        }
    }
}

private enum ProbeFailure: Error {
    case timedOut
    case tooLong
    case cut
}

/// Sends one request as soon as it is connected and collects the answer.
private final class ProbeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let host: String
    private let path: String
    private let answer: EventLoopPromise<Probe.Answer>
    private var status = 0
    private var body: [UInt8] = []

    init(host: String, path: String, answer: EventLoopPromise<Probe.Answer>) {
        self.host = host
        self.path = path
        self.answer = answer
    }

    func channelActive(context: ChannelHandlerContext) {
        let headers = HTTPHeaders([("Host", host), ("User-Agent", "aspired-probe"), ("Connection", "close")])
        context.write(
            wrapOutboundOut(.head(HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: headers))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): status = Int(head.status.code)
        case .body(let part):
            guard body.count + part.readableBytes <= Probe.longestBody else {
                answer.fail(ProbeFailure.tooLong)
                context.close(promise: nil)
                return
            }
            body += part.readableBytesView
        case .end:
            answer.succeed(Probe.Answer(status: status, body: String(decoding: body, as: UTF8.self)))
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answer.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(ProbeFailure.cut)
    }
}

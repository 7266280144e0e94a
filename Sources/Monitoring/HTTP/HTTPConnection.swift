import NIOCore
import NIOHTTP1

/// One client's connection: one request at a time, each with a deadline. Lives on the event loop.
///
/// A request with a body is refused, and a client that sends its next request before it has the answer (pipelining) gets
/// that answer and no more; both end the connection.
final class HTTPConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Phase {
        case awaitingRequest
        case readingRequest(HTTPRequestHead)
        case answering(HTTPRequestHead)
        /// The last answer was sent; what still comes is thrown away.
        case lingering
        case closed
    }

    private let connections: HTTPConnections
    private let handlers: MonitoringHandlers
    private let limits: HTTPLimits
    private var phase = Phase.awaitingRequest
    private var isLastAnswer = false
    private var isShuttingDown = false
    private var deadline: Scheduled<Void>?
    private var context: ChannelHandlerContext?

    init(connections: HTTPConnections, handlers: MonitoringHandlers, limits: HTTPLimits) {
        self.connections = connections
        self.handlers = handlers
        self.limits = limits
    }

    var isAnswering: Bool { if case .answering = phase { true } else { false } }

    // MARK: Called by HTTPConnections

    func close() {
        context?.close(promise: nil)
    }

    /// Ends the connection once the request at hand, if any, is answered.
    func closeWhenAnswered() {
        guard isAnswering else { return close() }
        isLastAnswer = true
        isShuttingDown = true
    }

    // MARK: ChannelInboundHandler

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        setDeadline(limits.firstRequest)
        connections.add(self)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        phase = .closed
        deadline?.cancel()
        self.context = nil
        connections.remove(self)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), phase) {
        case (.head(let head), .awaitingRequest):
            if head.announcesBody {
                isLastAnswer = true
                phase = .answering(head)
                send(.error(.payloadTooLarge, "a request here has no body"))
            } else {
                phase = .readingRequest(head)
            }
        case (.end, .readingRequest(let head)): answer(head)
        case (.head, .answering): isLastAnswer = true
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch (phase, error) {
        case (.awaitingRequest, let error as HTTPParserError):
            isLastAnswer = true
            phase = .answering(HTTPRequestHead(version: .http1_1, method: .GET, uri: "/"))
            send(
                error == .headerOverflow
                    ? .error(.requestHeaderFieldsTooLarge, "the request's head is too long")
                    : .error(.badRequest, "this is not a request of HTTP/1"))
        // Something unintelligible behind a good request, which the decoder throws away from now on.
        case (.answering, is HTTPParserError), (.answering, is ByteToMessageDecoderError): isLastAnswer = true
        case (.lingering, is HTTPParserError), (.lingering, is ByteToMessageDecoderError): break
        default: context.close(promise: nil)
        }
    }

    // MARK: Answering

    private func answer(_ head: HTTPRequestHead) {
        phase = .answering(head)
        isLastAnswer = isLastAnswer || !head.isKeepAlive
        setDeadline(limits.answer)
        switch Route.find(head.method, head.uri) {
        case .failure(let refusal): send(refusal.answer)
        case .success(let route):
            guard let loop = context?.eventLoop else { return }
            let connection = NIOLoopBound(self, eventLoop: loop)
            let gate = connections.gate
            Task { [handlers] in
                let answer = await route.answer(by: handlers)
                gate.execute { connection.value.send(answer) }
            }
        }
    }

    private func send(_ answer: HTTPAnswer) {
        guard let context, case .answering(let request) = phase else { return }
        var headers = HTTPHeaders()
        headers.add(name: "Content-Type", value: answer.contentType)
        headers.add(name: "Content-Length", value: String(answer.body.utf8.count))
        headers.add(name: "Cache-Control", value: "no-store")
        if let allow = answer.allow { headers.add(name: "Allow", value: allow) }
        if isLastAnswer {
            headers.add(name: "Connection", value: "close")
        } else if request.version.minor == 0 {
            headers.add(name: "Connection", value: "keep-alive")
        }
        let head = HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.body)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { result in
            self.answered(wasTaken: (try? result.get()) != nil)
        }
    }

    private func answered(wasTaken: Bool) {
        guard let context, case .answering = phase else { return }
        if !wasTaken || isShuttingDown {
            context.close(promise: nil)
        } else if isLastAnswer {
            phase = .lingering
            setDeadline(limits.linger)
            context.close(mode: .output, promise: nil)
        } else {
            phase = .awaitingRequest
            setDeadline(limits.nextRequest)
            connections.answered(self)
        }
    }

    private func setDeadline(_ amount: TimeAmount) {
        deadline?.cancel()
        deadline = context?.eventLoop.assumeIsolated().scheduleTask(in: amount) { self.close() }
    }
}

extension HTTPRequestHead {
    /// RFC 9112 section 6: one of these two fields says that a body follows.
    fileprivate var announcesBody: Bool {
        headers.contains(name: "Transfer-Encoding") || headers["Content-Length"].contains { $0 != "0" }
    }
}

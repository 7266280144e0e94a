import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// One client's connection: reads its requests and answers them in order.
struct Connection: Sendable {
    private typealias Channel = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>
    private typealias Parts = NIOAsyncChannelInboundStream<HTTPServerRequestPart>.AsyncIterator

    private let channel: Channel
    private let service: Service
    private let number: Int

    /// Bodies wait in memory, so there is a bound to them.
    private static let maximumBody = 1 << 30

    /// Serves a connection that has not been read from, and returns when either side has closed it.
    /// - `number`: of the connection, counted from 1.
    static func serve(_ channel: any NIOCore.Channel, service: Service, number: Int) async {
        // Not before it is served: NIO takes one that nobody serves for a mistake, and ends the process.
        let made = channel.eventLoop.submit {
            guard channel.isActive else { throw ChannelError.alreadyClosed }
            return try Channel(wrappingChannelSynchronously: channel)
        }
        guard let made = try? await made.get() else { return channel.close(promise: nil) }
        channel.setOption(.autoRead, value: true).whenFailure { _ in channel.close(promise: nil) }
        await Connection(channel: made, service: service, number: number).run()
    }

    private func run() async {
        // A client that goes away in the middle is nothing to report.
        try? await channel.executeThenClose { inbound, _ in
            var parts = inbound.makeAsyncIterator()
            while let part = try await parts.next() {
                guard case .head(let head) = part else { continue }
                guard let body = try await body(after: head, &parts) else { return }
                guard try await answer(head, body, &parts) else { return }
            }
        }
    }

    private func body(after head: HTTPRequestHead, _ parts: inout Parts) async throws -> ByteBuffer? {
        if head.headers.first(name: "expect")?.lowercased() == "100-continue" {
            let go = HTTPResponseHead(version: .http1_1, status: .continue)
            try await channel.channel.writeAndFlush(HTTPServerResponsePart.head(go)).get()
        }
        var body = ByteBuffer()
        while let part = try await parts.next() {
            switch part {
            case .head: return nil
            case .body(let piece):
                guard body.readableBytes + piece.readableBytes <= Connection.maximumBody else { return nil }
                body.writeImmutableBuffer(piece)
            case .end: return body
            }
        }
        return nil
    }

    /// - Returns: whether the connection goes on.
    private func answer(_ head: HTTPRequestHead, _ body: ByteBuffer, _ parts: inout Parts) async throws -> Bool {
        let options = service.options
        let request = S3Request(head, body: body, baseDomain: options.baseDomain)
        let record = service.log.append(RequestRecord(head, request, connection: number))
        let effects = request.map(service.script.effects) ?? Effects()
        if let drop = effects.drop {
            if drop.reset { try await reset() }
            return false
        }
        try await Task.sleep(for: options.delay + (effects.delay ?? .zero))
        let response = try await NIOThreadPool.singleton.runIfActive {
            request.map { service.answer($0, effects) } ?? service.answerToUnreadable()
        }
        service.log.update(record) { $0.status = response.status }

        let sender = BodySender(channel: channel.channel, effects: effects, rate: effects.rate ?? options.rate) { sent in
            service.log.update(record) { $0.sentBytes = sent }
        }
        switch try await sender.send(response, keepAlive: head.isKeepAlive) {
        case .whole:
            return head.isKeepAlive
        case .cut(let isReset):
            if isReset { try await reset() }
            return false
        case .stalled:
            // Ends when the client closes, or the server does.
            _ = try await parts.next()
            return false
        }
    }

    /// Closes with RST in place of FIN.
    private func reset() async throws {
        if let socket = channel.channel as? any SocketOptionProvider {
            try await socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        }
        try await channel.channel.close().get()
    }
}

extension RequestRecord {
    init(_ head: HTTPRequestHead, _ request: S3Request?, connection: Int) {
        let target = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        self.init(
            operation: request?.operation ?? .other, method: head.method.rawValue, bucket: request?.bucket ?? "",
            key: request?.key.text ?? "", path: target[0], query: target.count > 1 ? target[1] : "",
            headers: head.headers.map { ($0.name, $0.value) }, connection: connection)
    }
}

import NIOCore
import NIOHTTP1

/// Sends one answer over a channel, with what the faults do to its body.
struct BodySender: Sendable {
    enum Outcome: Sendable {
        /// All was sent.
        case whole
        /// The connection shall end here.
        case cut(reset: Bool)
        /// Nothing more shall be sent until the client goes.
        case stalled
    }

    let channel: any Channel
    let effects: Effects
    /// Bytes a second.
    let rate: Int?
    /// Told how many bytes of the body have been handed to the network.
    let progress: @Sendable (Int) -> Void

    func send(_ response: Response, keepAlive: Bool) async throws -> Outcome {
        var head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: response.status), headers: response.headers)
        if !keepAlive { head.headers.replaceOrAdd(name: "Connection", value: "close") }
        channel.write(HTTPServerResponsePart.head(head), promise: nil)

        let full = response.range
        let last = full.lowerBound + min(full.count, effects.cut?.after ?? .max, effects.stallAfter ?? .max)
        var position = full.lowerBound
        let start = ContinuousClock.now
        while position < last {
            let part = nextPart(of: response.content, position..<last)
            position += part.readableBytes
            // The last part and the end leave with one flush.
            if position == full.upperBound {
                channel.write(HTTPServerResponsePart.body(part), promise: nil)
                break
            }
            try await channel.writeAndFlush(HTTPServerResponsePart.body(part)).get()
            progress(position - full.lowerBound)
            if let rate {
                let due = start + .seconds(Double(position - full.lowerBound) / Double(max(1, rate)))
                try await Task.sleep(until: due, clock: .continuous)
            }
        }
        if last < full.upperBound {
            if position == full.lowerBound { try await flush() }
            return effects.cut.map { .cut(reset: $0.reset) } ?? .stalled
        }
        // Counted first: a client that has all must find it counted.
        progress(full.count)
        try await channel.writeAndFlush(HTTPServerResponsePart.end(nil)).get()
        return .whole
    }

    /// Writes the head when no body follows it.
    private func flush() async throws {
        try await channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer()))).get()
    }

    /// As much as is sent in one go; the flipped byte goes alone.
    private func nextPart(of content: ObjectContent, _ range: Range<Int>) -> IOData {
        let limit = rate.map { min(max($0 / 50, 1024), 1 << 20) } ?? 16 << 20
        guard let flipped = effects.flippedByte, range.contains(flipped) else { return content.part(range, limit: limit) }
        if range.lowerBound < flipped { return content.part(range.lowerBound..<flipped, limit: limit) }
        return .byteBuffer(ByteBuffer(bytes: [(content.byte(at: flipped) ?? 0) ^ 1]))
    }
}

import NIOCore
import NIOPosix
import ServingEmulator

/// What came over a connection.
struct WireAnswer: Sendable, Equatable {
    var status = 0
    var contentType = ""
    var body = ""
}

/// Sends one request over a connection of its own, and reads until the server closes it.
/// - Throws: an error if the connection is refused.
func get(_ url: String?, _ target: String, method: String = "GET") async throws -> WireAnswer {
    let port = url.flatMap { $0.split(separator: ":").last }.flatMap { Int($0) } ?? 0
    let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
    let text = try await channel.executeThenClose { inbound, outbound in
        let request = "\(method) \(target) HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        try await outbound.write(ByteBuffer(string: request))
        var received = ByteBuffer()
        for try await part in inbound { received.writeImmutableBuffer(part) }
        return String(buffer: received)
    }
    var answer = WireAnswer()
    let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { return answer }
    answer.body = String(parts[1])
    for (index, line) in parts[0].split(separator: "\r\n").enumerated() {
        if index == 0 { answer.status = Int(line.split(separator: " ")[1]) ?? 0 }
        if line.lowercased().hasPrefix("content-type: ") { answer.contentType = String(line.dropFirst(14)) }
    }
    return answer
}

/// Opens a connection, calls `body`, and returns when the server has closed it.
func connected(_ url: String?, _ body: @Sendable () async throws -> Void) async throws {
    let port = url.flatMap { $0.split(separator: ":").last }.flatMap { Int($0) } ?? 0
    let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .connect(host: "127.0.0.1", port: port).get()
    try await body()
    try await channel.closeFuture.get()
}

/// Whether a connection is accepted.
func isAccepted(_ url: String?) async -> Bool { (try? await get(url, "/v1/models/m")).map { $0.status != 0 } ?? false }

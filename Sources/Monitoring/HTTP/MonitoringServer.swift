import FileIO
import NIOCore
import NIOHTTP1
import NIOPosix

/// The agent's HTTP endpoints: `/healthz`, `/readyz`, `/metrics`, `/status`, `/` (CONTRACT section 6), on one thread.
///
/// `shutdown` must be called once it is no longer needed.
public final class MonitoringServer: Sendable {
    /// Where it listens, with the port that the system chose if 0 was asked for: `[::]:9464`.
    public let boundAddress: String
    /// The port it listens on.
    public let port: Int

    private let group: MultiThreadedEventLoopGroup
    private let listener: any Channel
    private let connections: NIOLoopBoundBox<HTTPConnections>
    private let gate: LoopGate
    private let limits: HTTPLimits
    private let isShutDown = Lock(false)

    /// Begins to listen.
    /// - Returns: `nil` for `ListenAddress.off`.
    /// - Throws: why the address cannot be listened on.
    public static func start(
        address: ListenAddress, handlers: MonitoringHandlers
    ) async throws(ListenError) -> MonitoringServer? {
        try await start(address: address, handlers: handlers, limits: HTTPLimits())
    }

    static func start(
        address: ListenAddress, handlers: MonitoringHandlers, limits: HTTPLimits
    ) async throws(ListenError) -> MonitoringServer? {
        guard address != .off else { return nil }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let gate = LoopGate(loop: loop)
        let connections = NIOLoopBoundBox.makeBoxSendingValue(
            HTTPConnections(limit: limits.connections, gate: gate), eventLoop: loop)
        let makeBootstrap = {
            ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: backlog)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: receiveBytes))
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandlers(
                            HTTPResponseEncoder(),
                            ByteToMessageHandler(HTTPRequestDecoder(limitConfiguration: limits.decoding)),
                            HTTPConnection(connections: connections.value, handlers: handlers, limits: limits))
                    }
                }
        }
        do {
            let listener = try await address.bind(makeBootstrap, on: loop)
            return MonitoringServer(
                listener: listener, group: group, connections: connections, gate: gate, limits: limits)
        } catch {
            try? await group.shutdownGracefully()
            throw ListenError(address: address.description, error)
        }
    }

    private init(
        listener: any Channel, group: MultiThreadedEventLoopGroup, connections: NIOLoopBoundBox<HTTPConnections>, gate: LoopGate,
        limits: HTTPLimits
    ) {
        let address = listener.localAddress
        port = address?.port ?? 0
        boundAddress = ListenAddress.host(address?.ipAddress ?? "", port: port).description
        self.listener = listener
        self.group = group
        self.connections = connections
        self.gate = gate
        self.limits = limits
    }

    /// Stops listening, lets requests at hand be answered for half a second, closes every connection and ends the thread.
    ///
    /// Takes less than a second. Calling it again does nothing.
    public func shutdown() async {
        let isFirst = isShutDown.withLock { isShutDown in
            defer { isShutDown = true }
            return !isShutDown
        }
        guard isFirst else { return }
        try? await listener.close()
        let loop = listener.eventLoop
        try? await loop.flatSubmit { [connections, limits] in
            connections.value.drain(within: limits.shutdown, on: loop)
        }.get()
        gate.close()
        try? await group.shutdownGracefully()
    }

    /// Connections that wait to be accepted: a few probes and a scraper.
    private static let backlog: Int32 = 64
    /// A request fits; memory for each connection is small.
    private static let receiveBytes = 2048
}

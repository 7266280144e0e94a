import NIOCore
import NIOHTTP1
import NIOPosix

/// A small S3 endpoint over a folder, for tests, demonstrations and benchmarks: it checks signatures by its own reading of the
/// specification, and misbehaves when told to.
///
/// `root/BUCKET/KEY…` are the objects. Files are looked at anew for each request. Objects put by `put` live in memory, may have any
/// key, and hide files of the same key. Serves HTTP without TLS.
public final class FixtureServer: Sendable {
    public let host: String
    /// The port that is listened on, chosen by the system where 0 was asked for.
    public let port: Int
    let service: Service
    private let connectionRegistry: ConnectionRegistry
    private let listener: any Channel
    private let serving: Task<Void, Never>

    /// `http://127.0.0.1:PORT`.
    public var url: String { "http://\(host.contains(":") ? "[\(host)]" : host):\(port)" }

    /// Starts to listen.
    /// - Parameters:
    ///   - root: the folder whose children are buckets; `nil` for a server with buckets in memory only.
    ///   - host: an address of this machine.
    ///   - port: 0 lets the system choose.
    ///   - options: what it accepts and offers.
    /// - Returns: the server, which serves until `shutdown`.
    /// - Throws: `IOError` if the address cannot be listened on.
    public static func start(
        root: String? = nil, host: String = "127.0.0.1", port: Int = 0, options: FixtureOptions = FixtureOptions()
    ) async throws -> FixtureServer {
        let service = Service(root: root, options: options)
        let registry = ConnectionRegistry()
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // Until there is somebody who serves it.
            .childChannelOption(.autoRead, value: false)
            .bind(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    return (channel: channel, number: registry.add(channel))
                }
            }
        let serving = Task {
            // Ends by the listener's closing or by cancellation; both are the shutdown.
            _ = try? await listener.executeThenClose { inbound in
                try await withThrowingDiscardingTaskGroup { group in
                    for try await (channel, number) in inbound {
                        group.addTask {
                            await Connection.serve(channel, service: service, number: number)
                            registry.remove(number)
                        }
                    }
                }
            }
        }
        return FixtureServer(
            host: host, port: listener.channel.localAddress?.port ?? port, service: service, registry: registry,
            listener: listener.channel, serving: serving)
    }

    /// Starts a server, lends it to `body`, and shuts it down whatever comes of that.
    public static func with<Result>(
        root: String? = nil, options: FixtureOptions = FixtureOptions(), isolation: isolated (any Actor)? = #isolation,
        _ body: (FixtureServer) async throws -> Result
    ) async throws -> Result {
        let server = try await start(root: root, options: options)
        do {
            let result = try await body(server)
            await server.shutdown()
            return result
        } catch {
            await server.shutdown()
            throw error
        }
    }

    private init(
        host: String, port: Int, service: Service, registry: ConnectionRegistry, listener: any Channel, serving: Task<Void, Never>
    ) {
        self.host = host
        self.port = port
        self.service = service
        connectionRegistry = registry
        self.listener = listener
        self.serving = serving
    }

    /// Stops listening, ends all connections, and returns when none is left.
    public func shutdown() async {
        try? await listener.close()
        serving.cancel()
        connectionRegistry.closeAll()
        await serving.value
    }

    // MARK: Looking on

    /// What was asked, in the order it came.
    public var requests: [RequestRecord] { service.log.records }

    public func forgetRequests() { service.log.removeAll() }

    /// How many connections have been accepted.
    public var connections: Int { connectionRegistry.accepted }

    /// How many of them are open.
    public var openConnections: Int { connectionRegistry.open }

    /// Returns as soon as no connection is open.
    public func connectionsClosed() async { await connectionRegistry.allClosed() }

    // MARK: Misbehaving

    /// Adds a fault to the script.
    public func script(_ fault: Fault) { service.script.add(fault) }

    public func clearScript() { service.script.removeAll() }

    /// Changes options from the next request on, the clock and the credentials for instance.
    public func change(_ body: (inout FixtureOptions) -> Void) { service.change(body) }
}

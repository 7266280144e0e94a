import Glibc
import NIOCore
import NIOPosix

extension ListenAddress {
    /// Binds a listening socket.
    ///
    /// `everywhere` is one IPv6 socket that takes IPv4 as well, and an IPv4 socket where the machine has no IPv6.
    /// - Parameters:
    ///   - makeBootstrap: called for each try.
    ///   - loop: looks up names, too, which blocks it: nothing else runs on it before it listens.
    /// - Returns: the listening channel.
    /// - Throws: `IOError` of the system, or `SocketAddressError`.
    func bind(_ makeBootstrap: () -> ServerBootstrap, on loop: any EventLoop) async throws -> any Channel {
        if case .everywhere(let port) = self {
            do {
                return try await makeBootstrap()
                    .serverChannelOption(ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only), value: 0)
                    .bind(to: try SocketAddress(ipAddress: "::", port: port)).get()
            } catch let error as IOError where Self.isWithoutIPv6(error) {
                return try await makeBootstrap().bind(to: try SocketAddress(ipAddress: "0.0.0.0", port: port)).get()
            }
        }
        guard let (host, port) = endpoint else { preconditionFailure("there is nothing to bind for an address that is off") }
        let address = try await loop.submit { try SocketAddress.makeAddressResolvingHost(host, port: port) }.get()
        return try await makeBootstrap().bind(to: address).get()
    }

    /// The family is not compiled in, or no interface has an address of it.
    private static func isWithoutIPv6(_ error: IOError) -> Bool {
        error.errnoCode == EAFNOSUPPORT || error.errnoCode == EADDRNOTAVAIL
    }
}

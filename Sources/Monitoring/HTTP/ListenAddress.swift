public import Servables

/// Where the agent listens for HTTP: `--http-listen`.
public enum ListenAddress: Hashable, Sendable {
    case off
    /// All addresses of the machine, IPv6 and IPv4.
    case everywhere(port: Int)
    /// One address, or the address of a name. `localhost` is 127.0.0.1, whatever it resolves to, so that what asks and
    /// what listens agree.
    case host(String, port: Int)

    /// Parses `:9464`, `127.0.0.1:9464`, `[::1]:9464`, `localhost:9464`, `off`. Port 0 lets the system choose one.
    public init(parsing text: String) throws(ParseFault) {
        if text == "off" {
            self = .off
            return
        }
        let fault = ParseFault("expected an address such as :9464, 127.0.0.1:9464, [::1]:9464 or localhost:9464, or off")
        guard let colon = text.lastIndex(of: ":") else { throw fault }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) else { throw fault }
        guard let port = Int(digits), port <= 65535 else { throw ParseFault("the port must be 65535 or less") }
        let host = text[..<colon]
        if host.isEmpty {
            self = .everywhere(port: port)
        } else if host.hasPrefix("["), host.hasSuffix("]"), host.contains(":") {
            let inner = host.dropFirst().dropLast()
            guard inner.utf8.allSatisfy({ Self.isHexDigit($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") }) else {
                throw fault
            }
            self = .host(String(inner), port: port)
        } else {
            guard host.utf8.allSatisfy(Self.isHostByte) else { throw fault }
            self = .host(String(host), port: port)
        }
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    static let localhost = "127.0.0.1"

    /// The host and port to bind or to connect to; `nil` for `off` and `everywhere`.
    var endpoint: (host: String, port: Int)? {
        guard case .host(let host, let port) = self else { return nil }
        return (host == "localhost" ? Self.localhost : host, port)
    }

    /// The host and port at which a local client finds who listens here; `nil` for `off`.
    var localEndpoint: (host: String, port: Int)? {
        switch self {
        case .off: nil
        case .everywhere(let port), .host("0.0.0.0", let port): (Self.localhost, port)
        case .host("::", let port): ("::1", port)
        case .host: endpoint
        }
    }
}

extension ListenAddress: CustomStringConvertible {
    public var description: String {
        switch self {
        case .off: "off"
        case .everywhere(let port): ":\(port)"
        case .host(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }
}

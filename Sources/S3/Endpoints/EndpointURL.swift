public import Servables
import Transfer

/// The address of an S3 service: scheme, host, port and a base path that is kept in front of everything.
public struct EndpointURL: Hashable, Sendable {
    public enum Scheme: String, Hashable, Sendable {
        case http
        case https

        var defaultPort: Int { self == .http ? 80 : 443 }
    }

    public let scheme: Scheme
    /// A DNS name in lower case, an IPv4 address, or an IPv6 address in brackets.
    public let host: String
    /// `nil` where it is the scheme's own.
    public let port: Int?
    /// Encoded; empty, or beginning and not ending with `/`.
    public let basePath: String

    init(scheme: Scheme, host: String, port: Int? = nil, basePath: String = "") {
        self.scheme = scheme
        self.host = host
        self.port = port == scheme.defaultPort ? nil : port
        self.basePath = basePath
    }

    /// - Throws: what is wrong, without quoting the URL, which may hold a password.
    public init(parsing text: String) throws(ParseFault) {
        guard let scheme = [Scheme.http, .https].first(where: { text.lowercased().hasPrefix("\($0.rawValue)://") }) else {
            throw ParseFault("expected a URL that begins with http:// or https://")
        }
        let rest = text.dropFirst("\(scheme.rawValue)://".count)
        if rest.contains(where: { $0 == "?" || $0 == "#" }) { throw ParseFault("an endpoint has no query and no fragment") }
        let authority = rest.prefix { $0 != "/" }
        if authority.contains("@") { throw ParseFault("credentials do not belong into the endpoint: set AWS_ACCESS_KEY_ID") }
        let (host, port) = try EndpointURL.hostAndPort(authority)
        guard let path = PercentEncoding.decodePath(String(rest.dropFirst(authority.count))) else {
            throw ParseFault("the path is not well encoded")
        }
        guard !path.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
            throw ParseFault("the path holds a control character")
        }
        var basePath = PercentEncoding.path(path)
        while basePath.hasSuffix("/") { basePath.removeLast() }
        self.init(scheme: scheme, host: host, port: port, basePath: basePath)
    }

    /// Scheme, host and port of any URL; `nil` where there are none.
    init?(origin text: String) {
        let parts = text.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count > 2, let url = try? EndpointURL(parsing: "\(parts[0])//\(parts[2].prefix { $0 != "?" && $0 != "#" })")
        else {
            return nil
        }
        self = url
    }

    private static func hostAndPort(_ authority: Substring) throws(ParseFault) -> (String, Int?) {
        let host: Substring
        let port: Substring
        if authority.hasPrefix("["), let bracket = authority.firstIndex(of: "]") {
            host = authority[...bracket]
            port = authority[authority.index(after: bracket)...]
            let inside = host.dropFirst().dropLast()
            guard inside.contains(":"), inside.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else {
                throw ParseFault("the IPv6 address is malformed")
            }
        } else {
            host = authority.prefix { $0 != ":" }
            port = authority[host.endIndex...]
            let labels = host.split(separator: ".", omittingEmptySubsequences: false)
            // An underscore is no part of a DNS name, but container networks do have hosts named so.
            guard !host.isEmpty, host.utf8.count <= 253,
                labels.allSatisfy({ (1...63).contains($0.utf8.count) && $0.allSatisfy(isHostCharacter) })
            else { throw ParseFault("the host is malformed") }
        }
        if port.isEmpty { return (host.lowercased(), nil) }
        guard port.utf8.dropFirst().allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let number = Int(port.dropFirst()), port.hasPrefix(":"), (1...65535).contains(number)
        else { throw ParseFault("the port is malformed") }
        return (host.lowercased(), number)
    }

    private static func isHostCharacter(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || character == "-" || character == "_")
    }

    /// Whether the host is an address, below which no bucket can have a name of its own.
    var isAddress: Bool {
        if host.hasPrefix("[") { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }

    /// The value of the `Host` header.
    var authority: String { port.map { "\(host):\($0)" } ?? host }
}

extension EndpointURL: CustomStringConvertible {
    public var description: String { "\(scheme.rawValue)://\(authority)\(basePath)" }
}

public import Servables

/// An HTTP proxy, and the variable that named it. No text that is made of it shows its user or password.
public struct ProxyAddress: Hashable, Sendable {
    /// The environment variable.
    public let origin: String
    /// `http` or `https`: how the proxy itself is spoken to.
    let scheme: String
    /// A name, or an address, that of IPv6 in brackets.
    let host: String
    let port: Int
    /// `user:password` as they stand in the URL, percent-encoded; `nil` if it names none.
    private let user: String?

    /// Reads `HOST:PORT` or a URL, which may hold a user and password.
    /// - Parameters:
    ///   - text: the variable's value.
    ///   - origin: the variable.
    /// - Throws: a failure of kind `configuration` that names the variable and quotes nothing of its value.
    public init(parsing text: String, origin: String) throws(Failure) {
        func fault(_ reason: String) -> Failure { Failure(.configuration, "\(origin): \(reason)") }
        guard text.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else {
            throw fault("the proxy's URL holds a character that must be percent-encoded")
        }
        let parts = text.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        scheme = parts.count == 2 ? parts[0].lowercased() : "http"
        guard ["http", "https"].contains(scheme) else {
            throw fault("expected an HTTP proxy, such as http://proxy.example:3128; others are not supported")
        }
        var rest = parts.last ?? ""
        if rest.hasSuffix("/") { rest.removeLast() }
        let sides = rest.split(separator: "@", omittingEmptySubsequences: false)
        guard sides.count <= 2, !rest.contains(where: { "/?#".contains($0) }) else {
            throw fault("expected a URL such as http://proxy.example:3128, a user and password in it percent-encoded")
        }
        guard let place = sides.last.flatMap({ HostAndPort($0) }) else { throw fault("the proxy's host or port is malformed") }
        host = place.host.contains(":") ? "[\(place.host)]" : place.host
        // libcurl's own default is 1080; everybody else's is that of the scheme.
        port = place.port ?? (scheme == "https" ? 443 : 80)
        user = sides.count == 2 && !sides[0].isEmpty ? String(sides[0]) : nil
        self.origin = origin
    }

    /// For libcurl, with user and password.
    var url: String { "\(scheme)://\(user.map { "\($0)@" } ?? "")\(host):\(port)" }

    /// Host and port, for messages.
    var authority: String { "\(host):\(port)" }
}

extension ProxyAddress: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// `http://***@proxy.example:3128`.
    public var description: String { "\(scheme)://\(user == nil ? "" : "***@")\(authority)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// What stands between the scheme and the path of a URL, without a user.
struct HostAndPort: Hashable, Sendable {
    /// In lower case, without the brackets of an IPv6 address and without a dot at its end.
    let host: String
    let port: Int?

    /// Reads `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`; `nil` for anything else.
    init?(_ text: some StringProtocol) {
        var host = Substring(text)
        var port: Int?
        if let colon = host.lastIndex(of: ":"), !host[colon...].contains("]"),
            host.hasPrefix("[") || host.firstIndex(of: ":") == colon
        {
            let digits = host[host.index(after: colon)...]
            guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(digits), (1...65535).contains(number) else {
                return nil
            }
            port = number
            host = host[..<colon]
        }
        if host.hasPrefix("[") {
            guard host.hasSuffix("]"), NetworkAddress(host.dropFirst().dropLast()) != nil else { return nil }
            host = host.dropFirst().dropLast()
        }
        while host.hasSuffix(".") { host.removeLast() }
        guard !host.isEmpty else { return nil }
        self.host = host.lowercased()
        self.port = port
    }
}

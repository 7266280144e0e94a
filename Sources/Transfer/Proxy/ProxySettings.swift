public import Servables

/// Which requests go through which proxy.
///
/// libcurl would read the environment itself, anew for each request and with a suffix rule of its own for `NO_PROXY`: it is told
/// for each request instead, so that `aspired config` can say what holds.
public struct ProxySettings: Hashable, Sendable {
    /// For `http://`.
    private let http: ProxyAddress?
    /// For `https://`.
    private let https: ProxyAddress?
    private let exceptions: ProxyExceptions
    /// The variable that the exceptions are of.
    private let exceptionsOrigin: String

    /// No proxy at all.
    public static let none = ProxySettings()

    private init() {
        http = nil
        https = nil
        exceptions = ProxyExceptions(parsing: "")
        exceptionsOrigin = ""
    }

    /// Reads `https_proxy`, `HTTPS_PROXY`, `http_proxy`, `all_proxy`, `ALL_PROXY`, `no_proxy`, `NO_PROXY`: lower case first, as
    /// curl and Python have it.
    ///
    /// `HTTP_PROXY` does not count, as in curl: in a CGI process it is what a client sent as the header `Proxy`.
    /// - Parameter environment: the process's variables; empty ones count as none.
    /// - Throws: a failure of kind `configuration` that names the variable whose value is no HTTP proxy.
    public init(environment: [String: String]) throws(Failure) {
        func first(of names: [String]) -> (name: String, value: String)? {
            for name in names {
                if let value = environment[name].map(trimmed), !value.isEmpty { return (name, value) }
            }
            return nil
        }
        func proxy(_ names: [String]) throws(Failure) -> ProxyAddress? {
            guard let found = first(of: names + ["all_proxy", "ALL_PROXY"]) else { return nil }
            return try ProxyAddress(parsing: found.value, origin: found.name)
        }
        http = try proxy(["http_proxy"])
        https = try proxy(["https_proxy", "HTTPS_PROXY"])
        let exceptions = first(of: ["no_proxy", "NO_PROXY"])
        self.exceptions = ProxyExceptions(parsing: exceptions?.value ?? "")
        exceptionsOrigin = exceptions?.name ?? ""
    }

    /// How a request gets where it goes, and what decided that.
    public struct Route: Hashable, Sendable {
        /// `nil`: directly.
        public let proxy: ProxyAddress?
        /// A variable, or `default` where nothing was said of this host.
        public let origin: String
    }

    /// The way of a request to `url`, which is absolute.
    public func route(to url: String) -> Route {
        let isSecure = url.hasPrefix("https://")
        guard let proxy = isSecure ? https : http, let place = Self.place(of: url) else {
            return Route(proxy: nil, origin: "default")
        }
        // What is never behind a proxy: credentials of a machine or pod come from these, and so do tests and sidecars.
        if Self.isLocal(place.host) { return Route(proxy: nil, origin: "default") }
        if exceptions.contain(place.host, port: place.port ?? (isSecure ? 443 : 80)) {
            return Route(proxy: nil, origin: exceptionsOrigin)
        }
        return Route(proxy: proxy, origin: proxy.origin)
    }

    private static func place(of url: String) -> HostAndPort? {
        let parts = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        return parts.count > 2 ? HostAndPort(parts[2].prefix { $0 != "?" }) : nil
    }

    /// Loopback, and link-local with the addresses that EC2, ECS and EKS give credentials at.
    private static func isLocal(_ host: String) -> Bool {
        guard let address = NetworkAddress(host) else { return host == "localhost" || host.hasSuffix(".localhost") }
        return localRanges.contains { $0.contains(address) }
    }

    private static let localRanges = ["127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10", "fd00:ec2::/32"].compactMap {
        NetworkRange($0)
    }
}

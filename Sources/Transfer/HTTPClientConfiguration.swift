import FileIO
import Glibc

/// When a connection is too slow to be kept.
public struct StallLimit: Hashable, Sendable {
    /// Bytes that must come within `window`, at any time while a body is under way.
    public var bytes: Int64
    public var window: Duration

    public init(bytes: Int64, window: Duration) {
        self.bytes = bytes
        self.window = window
    }

    /// 1 KiB/s over 30 s (CONTRACT section 5).
    public static let standard = StallLimit(bytes: 30 * 1024, window: .seconds(30))
}

/// What we show to a server that asks who we are: two PEM files, or one file twice.
public struct ClientCertificate: Hashable, Sendable {
    /// The certificate, and behind it those between it and its authority.
    public let certificate: String
    /// Its key, without a passphrase.
    public let key: String

    public init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }
}

/// What an `HTTPClient` is made with; nothing of it changes during the client's life.
public struct HTTPClientConfiguration: Hashable, Sendable {
    /// Threads that carry the requests, at least one. Of what is fetched as many objects go on by turns (`RequestWindow`).
    public var threads = 2
    /// From the start of a request to a connection that can take it: name resolution, TCP and TLS together.
    public var connectTimeout: Duration = .seconds(10)
    /// From the request being sent to the final headers; as long as bytes of the request's body go out, it begins anew.
    public var responseHeaderTimeout: Duration = .seconds(30)
    /// A body slower than this is given up.
    public var stall = StallLimit.standard
    /// PEM file of the authorities that are trusted; `nil` trusts none.
    public var caFile: String?
    /// Accepts any certificate, for any name.
    public var insecureSkipVerify = false
    /// Shown to servers that ask for one; `nil`: none.
    public var clientCertificate: ClientCertificate?
    /// Which requests go through a proxy.
    public var proxies = ProxySettings.none
    /// Sent as `User-Agent` where a request names none.
    public var userAgent: String
    /// Connections kept open for reuse: at least as many as requests are in flight at once.
    public var maxConnections = 128
    /// An idle connection older than this is not used again: S3 closes its own after 5 s.
    public var idleConnectionLifetime: Duration = .seconds(4)
    /// Bytes of bodies a second, over all requests; `nil`: as they come.
    public var maxBandwidth: Int64?
    /// Bytes taken from a socket at once; a request in flight holds a buffer of this size. Where a socket has them libcurl takes a
    /// hundred such buffers before the next request has its turn and the bandwidth is counted: under a low one they are small, so
    /// that a turn is a tenth of a second of it and not seconds. For a small answer it is small, too. With TLS no more than a record
    /// comes at once, and of many requests, `count` that are under way, each has less.
    func receiveBuffer(of request: HTTPRequest, among count: Int) -> Int {
        let share = request.url.hasPrefix("https://") ? 0 : Int64(ReceiveBuffers.pool.limit / count)
        // A few sizes, so that those that `ReceiveBuffers` keeps fit.
        let room: Int64 = [512 << 10, 256 << 10, 128 << 10].first { $0 <= share } ?? 64 << 10
        let enough = min(room, max(16 << 10, request.answerBytes.map { $0 + Self.headRoom } ?? 64 << 10))
        guard let maxBandwidth else { return Int(enough) }
        return Int(min(enough, max(1 << 10, maxBandwidth / 128_000)))
    }
    /// Bytes that the head of an answer may take.
    private static let headRoom: Int64 = 4 << 10
    /// A thread that had nothing to do for so long gives back its connections, handles and parsed authorities.
    public var idleThreadLifetime: Duration = .seconds(60)

    /// - Parameter version: of aspired, for the `User-Agent`.
    public init(version: String) {
        userAgent = "aspired/\(version)"
        caFile = Self.systemCAFile
    }

    /// The first that exists of where Debian, Fedora and Alpine keep their authorities.
    public static var systemCAFile: String? {
        ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"]
            .first { access($0, R_OK) == 0 }
    }
}

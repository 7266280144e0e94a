import CCurl
import Servables

/// One option of an easy handle and its value, as data, so that a test can read what is set.
enum CurlOption: Equatable {
    case long(CURLoption, Int)
    /// `nil` is the C null: none, not even the one that libcurl was built with.
    case string(CURLoption, String?)
    /// A body to send; libcurl keeps a copy.
    case body([UInt8])
    /// Header lines in libcurl's notation.
    case headers([String])
}

extension CurlOption {
    /// The option as curl.h numbers it.
    var number: UInt32 {
        switch self {
        case .long(let option, _), .string(let option, _): option.rawValue
        case .body: CURLOPT_COPYPOSTFIELDS.rawValue
        case .headers: CURLOPT_HTTPHEADER.rawValue
        }
    }

    /// Every option that a request is made with, but for the callbacks and their data, which `EasyHandle` sets.
    static func all(for request: HTTPRequest, _ configuration: HTTPClientConfiguration) -> [CurlOption] {
        lasting(configuration) + own(request, configuration, among: 1)
    }

    /// What is the same for all requests of a client: a handle keeps it.
    static func lasting(_ configuration: HTTPClientConfiguration) -> [CurlOption] {
        connection(configuration) + trust(configuration) + message(configuration)
    }

    /// What a request has of its own, each time all of it: `EasyHandle` takes nothing else back. `count` requests are under way.
    static func own(_ request: HTTPRequest, _ configuration: HTTPClientConfiguration, among count: Int) -> [CurlOption] {
        let isFresh = request.connection == .fresh
        let proxy = configuration.proxies.route(to: request.url).proxy
        var options: [CurlOption] = [
            .string(CURLOPT_URL, request.url),
            .headers(headerLines(of: request)),
            // Seconds; zero takes no answer from before.
            .long(CURLOPT_DNS_CACHE_TIMEOUT, isFresh ? 0 : 60),
            .long(CURLOPT_FRESH_CONNECT, isFresh ? 1 : 0),
            .long(CURLOPT_BUFFERSIZE, configuration.receiveBuffer(of: request, among: count)),
            .string(CURLOPT_PROXY, proxy?.url ?? ""),
            // A tunnel for https, the absolute form for http.
            .long(CURLOPT_HTTPPROXYTUNNEL, proxy != nil && request.url.hasPrefix("https://") ? 1 : 0),
        ]
        if request.method == "HEAD" {
            options += [.long(CURLOPT_NOBODY, 1), .string(CURLOPT_CUSTOMREQUEST, nil)]
        } else if request.sendsBody {
            options += [.long(CURLOPT_POST, 1), .body(request.body ?? []), .string(CURLOPT_CUSTOMREQUEST, request.method)]
        } else {
            options += [.long(CURLOPT_HTTPGET, 1), .string(CURLOPT_CUSTOMREQUEST, request.method)]
        }
        return options
    }

    private static func connection(_ configuration: HTTPClientConfiguration) -> [CurlOption] {
        [
            .string(CURLOPT_PROTOCOLS_STR, "http,https"),
            .string(CURLOPT_REDIR_PROTOCOLS_STR, "http,https"),
            .long(CURLOPT_FOLLOWLOCATION, 0),
            // HTTP/2 would put all requests on one connection.
            .long(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1),
            .long(CURLOPT_HTTP09_ALLOWED, 0),
            // No signal handlers: time-outs of the resolver are its thread's. SIGPIPE is blocked by the loop's thread.
            .long(CURLOPT_NOSIGNAL, 1),
            // A resolver that hangs must hold up neither a cancelled request nor the thread.
            .long(CURLOPT_QUICK_EXIT, 1),
            // One host name stands for many machines of a store: spread over them.
            .long(CURLOPT_DNS_SHUFFLE_ADDRESSES, 1),
            .long(CURLOPT_CONNECTTIMEOUT_MS, max(1, configuration.connectTimeout.wholeMilliseconds)),
            // The rest of the time-outs are ours (`TransferLoop`): libcurl's clocks run while we write.
            .long(CURLOPT_TIMEOUT_MS, 0),
            .long(CURLOPT_LOW_SPEED_TIME, 0),
            .long(CURLOPT_MAXAGE_CONN, max(1, configuration.idleConnectionLifetime.wholeMilliseconds / 1000)),
            .long(CURLOPT_TCP_NODELAY, 1),
            .long(CURLOPT_TCP_KEEPALIVE, 1),
            .long(CURLOPT_TCP_KEEPIDLE, 30),
            .long(CURLOPT_TCP_KEEPINTVL, 10),
            .long(CURLOPT_NOPROGRESS, 1),
            .long(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1),
            // Nothing of the environment is left to libcurl: an empty proxy and an empty list of exceptions are none.
            .string(CURLOPT_PRE_PROXY, nil),
            .string(CURLOPT_NOPROXY, ""),
            // What is signed is for the store's eyes.
            .long(CURLOPT_HEADEROPT, Int(CURLHEADER_SEPARATE)),
            .long(CURLOPT_PROXY_SSL_VERIFYPEER, 1),
            .long(CURLOPT_PROXY_SSL_VERIFYHOST, 2),
            .string(CURLOPT_PROXY_CAPATH, nil),
            .string(CURLOPT_PROXY_CAINFO, configuration.caFile),
        ]
    }

    private static func trust(_ configuration: HTTPClientConfiguration) -> [CurlOption] {
        let verify = !configuration.insecureSkipVerify
        return [
            .long(CURLOPT_SSL_VERIFYPEER, verify ? 1 : 0),
            .long(CURLOPT_SSL_VERIFYHOST, verify ? 2 : 0),
            // With a CAPATH (Debian builds one in) libcurl parses the whole bundle anew for each connection.
            .string(CURLOPT_CAPATH, nil),
            // OpenSSL would ask for AES-256 first, which takes a tenth more of both ends.
            .string(CURLOPT_TLS13_CIPHERS, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"),
            .string(CURLOPT_CAINFO, configuration.caFile),
            .long(CURLOPT_CA_CACHE_TIMEOUT, 24 * 3600),
            .string(CURLOPT_SSLCERT, configuration.clientCertificate?.certificate),
            .string(CURLOPT_SSLKEY, configuration.clientCertificate?.key),
            // Without one OpenSSL asks at the terminal for the passphrase of a key that has one.
            .string(CURLOPT_KEYPASSWD, configuration.clientCertificate == nil ? nil : ""),
        ]
    }

    private static func message(_ configuration: HTTPClientConfiguration) -> [CurlOption] {
        [
            // Signed bytes are sent bytes: no dot segments resolved, no name and password taken out of the URL.
            .long(CURLOPT_PATH_AS_IS, 1),
            .long(CURLOPT_DISALLOW_USERNAME_IN_URL, 1),
            // Stored bytes are received bytes.
            .string(CURLOPT_ACCEPT_ENCODING, nil),
            .long(CURLOPT_HTTP_CONTENT_DECODING, 0),
            .string(CURLOPT_USERAGENT, configuration.userAgent),
        ]
    }

    /// `Name: value`, `Name;` for an empty value, and `Name:` for a header that libcurl would add on its own: those of a body to a
    /// request that has one.
    private static func headerLines(of request: HTTPRequest) -> [String] {
        let own = (request.sendsBody ? ["Accept", "Content-Type", "Expect"] : ["Accept"]).filter { name in
            !request.headers.contains { $0.name.equalsIgnoringCase(name) }
        }
        return request.headers.map { String(pieces: $0.value.isEmpty ? [$0.name, ";"] : [$0.name, ": ", $0.value]) }
            + own.map { "\($0):" }
    }
}

extension Duration {
    /// Milliseconds, at least zero, a fraction rounded up; what no `int` holds is cut to that.
    var wholeMilliseconds: Int {
        let (seconds, attoseconds) = components
        guard seconds < 2_000_000 else { return 2_000_000_000 }
        return max(0, Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000))
    }
}

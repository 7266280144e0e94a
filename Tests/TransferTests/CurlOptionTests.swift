import Testing

@testable import Transfer

// The numbers are libcurl's, from curl.h: a test that named the same constants would say nothing of what they mean.
@Suite("libcurl's options")
struct CurlOptionTests {
    private func lines(_ request: HTTPRequest) -> Set<String> {
        var configuration = HTTPClientConfiguration(version: "1.2.3")
        configuration.caFile = "/ca.pem"
        return Set(CurlOption.all(for: request, configuration).map(\.line))
    }

    @Test("every option that a GET is sent with")
    func get() {
        let request = HTTPRequest("GET", "https://h/a/../b", headers: [HTTPHeader("X-A", "1"), HTTPHeader("X-Empty", "")])
        #expect(
            lines(request) == [
                "PROTOCOLS_STR=http,https", "REDIR_PROTOCOLS_STR=http,https", "FOLLOWLOCATION=0", "HTTP_VERSION=2",
                "HTTP09_ALLOWED=0",
                "NOSIGNAL=1", "QUICK_EXIT=1", "DNS_SHUFFLE_ADDRESSES=1", "DNS_CACHE_TIMEOUT=60", "FRESH_CONNECT=0",
                "CONNECTTIMEOUT_MS=10000", "TIMEOUT_MS=0",
                "LOW_SPEED_TIME=0",
                "MAXAGE_CONN=4", "TCP_NODELAY=1", "TCP_KEEPALIVE=1", "TCP_KEEPIDLE=30", "TCP_KEEPINTVL=10", "BUFFERSIZE=65536",
                "NOPROGRESS=1", "SUPPRESS_CONNECT_HEADERS=1", "SSL_VERIFYPEER=1", "SSL_VERIFYHOST=2", "CAPATH=null",
                "TLS13_CIPHERS=TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256", "CAINFO=/ca.pem",
                "CA_CACHE_TIMEOUT=86400", "PROXY=", "PRE_PROXY=null", "NOPROXY=", "HTTPPROXYTUNNEL=0", "HEADEROPT=1",
                "PROXY_SSL_VERIFYPEER=1", "PROXY_SSL_VERIFYHOST=2", "PROXY_CAPATH=null", "PROXY_CAINFO=/ca.pem",
                "SSLCERT=null", "SSLKEY=null", "KEYPASSWD=null", "URL=https://h/a/../b", "PATH_AS_IS=1",
                "DISALLOW_USERNAME_IN_URL=1", "ACCEPT_ENCODING=null", "HTTP_CONTENT_DECODING=0", "USERAGENT=aspired/1.2.3",
                "HTTPHEADER=X-A: 1|X-Empty;|Accept:", "HTTPGET=1", "CUSTOMREQUEST=GET",
            ])
    }

    @Test(
        "under a bandwidth little is taken at once",
        arguments: [(64 << 10, 1_024), (25_000_000, 1_024), (1 << 30, 8_388), (1 << 40, 65_536)])
    func bandwidth(bytes: Int, buffer: Int) {
        var configuration = HTTPClientConfiguration(version: "1")
        configuration.maxBandwidth = Int64(bytes)
        #expect(CurlOption.all(for: HTTPRequest("GET", "http://h/"), configuration).map(\.line).contains("BUFFERSIZE=\(buffer)"))
    }

    @Test(
        "much of a large answer is taken at once where few come, and what comes in records, or is small, needs no more than that",
        arguments: [
            ("http", 8_192, 1, 512), ("http", 8_192, 12, 512), ("http", 8_192, 13, 256), ("http", 8_192, 25, 128),
            ("http", 8_192, 49, 64),
            ("https", 8_192, 1, 64), ("http", 100, 1, 104), ("http", 1, 1, 16),
        ] as [(String, Int64, Int, Int)])
    func receiving(scheme: String, answerKiB: Int64, count: Int, bufferKiB: Int) {
        var request = HTTPRequest("GET", scheme + "://h/")
        request.answerBytes = answerKiB << 10
        #expect(HTTPClientConfiguration(version: "1").receiveBuffer(of: request, among: count) == bufferKiB << 10)
    }

    @Test("a request that wants a fresh connection takes neither an open one nor an address from before")
    func fresh() {
        var request = HTTPRequest("GET", "http://h/")
        request.connection = .fresh
        #expect(lines(request).isSuperset(of: ["DNS_CACHE_TIMEOUT=0", "FRESH_CONNECT=1"]))
    }

    @Test("a body makes a request that announces its length, also an empty one of a PUT")
    func bodies() {
        #expect(lines(HTTPRequest("PUT", "http://h/")).isSuperset(of: ["POST=1", "COPYPOSTFIELDS=0", "CUSTOMREQUEST=PUT"]))
        #expect(
            lines(HTTPRequest("POST", "http://h/", body: [1, 2])).isSuperset(of: [
                "POST=1", "COPYPOSTFIELDS=2", "CUSTOMREQUEST=POST",
            ]))
        #expect(lines(HTTPRequest("HEAD", "http://h/")).contains("NOBODY=1"))
        #expect(lines(HTTPRequest("DELETE", "http://h/")).isSuperset(of: ["HTTPGET=1", "CUSTOMREQUEST=DELETE"]))
    }

    @Test("headers that libcurl would add are the caller's if given")
    func ownHeaders() {
        let headers = [HTTPHeader("accept", "text/plain"), HTTPHeader("CONTENT-TYPE", "a/b")]
        #expect(
            lines(HTTPRequest("POST", "http://h/", headers: headers)).contains(
                "HTTPHEADER=accept: text/plain|CONTENT-TYPE: a/b|Expect:"))
        #expect(lines(HTTPRequest("PUT", "http://h/")).contains("HTTPHEADER=Accept:|Content-Type:|Expect:"))
        #expect(
            lines(HTTPRequest("GET", "http://h/", headers: headers)).contains("HTTPHEADER=accept: text/plain|CONTENT-TYPE: a/b"))
    }

    @Test("without verification neither the chain nor the name is checked")
    func insecure() {
        var configuration = HTTPClientConfiguration(version: "1")
        configuration.insecureSkipVerify = true
        let lines = CurlOption.all(for: HTTPRequest("GET", "https://h/"), configuration).map(\.line)
        #expect(lines.contains("SSL_VERIFYPEER=0"))
        #expect(lines.contains("SSL_VERIFYHOST=0"))
    }

    @Test("a proxy is given for each request, with a tunnel for https, and never found in the environment")
    func proxy() throws {
        var configuration = HTTPClientConfiguration(version: "1")
        configuration.proxies = try ProxySettings(
            environment: ["https_proxy": "u:p@q:1", "http_proxy": "q:2", "no_proxy": "direct"])
        func lines(_ url: String) -> [String] {
            CurlOption.all(for: HTTPRequest("GET", url), configuration).map(\.line)
                .filter { $0.contains("PROXY") && !$0.hasPrefix("PROXY_") }.sorted()
        }
        let none = ["NOPROXY=", "PRE_PROXY=null"]
        #expect(lines("https://h/") == ["HTTPPROXYTUNNEL=1"] + none + ["PROXY=http://u:p@q:1"])
        #expect(lines("http://h/") == ["HTTPPROXYTUNNEL=0"] + none + ["PROXY=http://q:2"])
        #expect(lines("https://direct/") == ["HTTPPROXYTUNNEL=0"] + none + ["PROXY="])
        // Not for the proxy: what skips the check of the store's certificate.
        configuration.insecureSkipVerify = true
        let all = CurlOption.all(for: HTTPRequest("GET", "https://h/"), configuration).map(\.line)
        #expect(all.contains("PROXY_SSL_VERIFYPEER=1") && all.contains("PROXY_SSL_VERIFYHOST=2"))
    }

    @Test("a client certificate comes with its key, which is never asked a passphrase for")
    func clientCertificate() {
        var configuration = HTTPClientConfiguration(version: "1")
        configuration.clientCertificate = ClientCertificate(certificate: "/c.pem", key: "/k.pem")
        let lines = CurlOption.all(for: HTTPRequest("GET", "https://h/"), configuration).map(\.line)
        #expect(Set(lines).isSuperset(of: ["SSLCERT=/c.pem", "SSLKEY=/k.pem", "KEYPASSWD="]))
    }

    @Test("libcurl takes every one of them")
    func accepted() throws {
        let configuration = HTTPClientConfiguration(version: "1")
        let handle = try EasyHandle(
            CurlOption.lasting(configuration),
            EasyHandle.Callbacks(header: { _, _, _, _ in 0 }, body: { _, _, _, _ in 0 }, connected: { _, _, _, _, _ in 0 }))
        var context = 0
        for method in ["GET", "HEAD", "PUT"] {
            try withUnsafeMutablePointer(to: &context) { context in
                try handle.prepare(
                    CurlOption.own(HTTPRequest(method, "http://h/"), configuration, among: 1), context: context)
            }
            handle.forget()
        }
    }
}

extension CurlOption {
    /// Name and value, the name as curl.h numbers it.
    fileprivate var line: String {
        let name = Self.names[number] ?? "\(number)"
        return switch self {
        case .long(_, let value): "\(name)=\(value)"
        case .string(_, let value): "\(name)=\(value ?? "null")"
        case .headers(let lines): "\(name)=" + lines.joined(separator: "|")
        case .body(let bytes): "\(name)=\(bytes.count)"
        }
    }

    private static let names: [UInt32: String] = [
        10318: "PROTOCOLS_STR", 10319: "REDIR_PROTOCOLS_STR", 52: "FOLLOWLOCATION", 84: "HTTP_VERSION", 285: "HTTP09_ALLOWED",
        99: "NOSIGNAL", 322: "QUICK_EXIT", 275: "DNS_SHUFFLE_ADDRESSES", 92: "DNS_CACHE_TIMEOUT", 74: "FRESH_CONNECT",
        156: "CONNECTTIMEOUT_MS", 155: "TIMEOUT_MS",
        20: "LOW_SPEED_TIME", 288: "MAXAGE_CONN", 121: "TCP_NODELAY", 213: "TCP_KEEPALIVE", 214: "TCP_KEEPIDLE",
        215: "TCP_KEEPINTVL",
        98: "BUFFERSIZE", 43: "NOPROGRESS", 265: "SUPPRESS_CONNECT_HEADERS", 64: "SSL_VERIFYPEER", 81: "SSL_VERIFYHOST",
        10097: "CAPATH", 10065: "CAINFO", 321: "CA_CACHE_TIMEOUT", 10247: "PROXY_CAPATH", 10246: "PROXY_CAINFO", 10002: "URL",
        10276: "TLS13_CIPHERS",
        234: "PATH_AS_IS", 278: "DISALLOW_USERNAME_IN_URL", 10102: "ACCEPT_ENCODING", 158: "HTTP_CONTENT_DECODING",
        10004: "PROXY", 10262: "PRE_PROXY", 10177: "NOPROXY", 61: "HTTPPROXYTUNNEL", 229: "HEADEROPT",
        248: "PROXY_SSL_VERIFYPEER", 249: "PROXY_SSL_VERIFYHOST", 10025: "SSLCERT", 10087: "SSLKEY", 10026: "KEYPASSWD",
        10018: "USERAGENT", 80: "HTTPGET", 10036: "CUSTOMREQUEST", 47: "POST", 44: "NOBODY", 10023: "HTTPHEADER",
        10165: "COPYPOSTFIELDS",
    ]
}

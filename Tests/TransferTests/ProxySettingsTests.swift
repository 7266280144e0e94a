import Servables
import Testing

@testable import Transfer

@Suite("Which requests go through a proxy")
struct ProxySettingsTests {
    private func route(_ url: String, _ environment: [String: String]) throws -> String {
        let route = try ProxySettings(environment: environment).route(to: url)
        return "\(route.proxy.map { "\($0)" } ?? "-") \(route.origin)"
    }

    @Test(
        "each scheme has its variables, lower case first, and all_proxy stands in for both",
        arguments: [
            ("https://h/", [:], "- default"),
            ("https://h/", ["HTTPS_PROXY": "http://p:1"], "http://p:1 HTTPS_PROXY"),
            ("https://h/", ["HTTPS_PROXY": "http://p:1", "https_proxy": "http://q:2"], "http://q:2 https_proxy"),
            ("https://h/", ["HTTPS_PROXY": "http://p:1", "https_proxy": " "], "http://p:1 HTTPS_PROXY"),
            ("http://h/", ["HTTPS_PROXY": "http://p:1"], "- default"),
            ("http://h/", ["http_proxy": "http://p:1"], "http://p:1 http_proxy"),
            // What a client of a CGI process sends as the header Proxy.
            ("http://h/", ["HTTP_PROXY": "http://p:1"], "- default"),
            ("http://h/", ["ALL_PROXY": "http://p:1"], "http://p:1 ALL_PROXY"),
            ("https://h/", ["ALL_PROXY": "http://p:1", "all_proxy": "q:2"], "http://q:2 all_proxy"),
            ("https://h/", ["ALL_PROXY": "http://p:1", "HTTPS_PROXY": "http://q:2"], "http://q:2 HTTPS_PROXY"),
            ("https://h/", ["HTTPS_PROXY": "http://p:1", "NO_PROXY": "h"], "- NO_PROXY"),
            ("https://h/", ["HTTPS_PROXY": "http://p:1", "NO_PROXY": "h", "no_proxy": "i"], "http://p:1 HTTPS_PROXY"),
            ("https://h/", ["HTTPS_PROXY": "http://p:1", "no_proxy": "h"], "- no_proxy"),
        ] as [(String, [String: String], String)])
    func variables(url: String, environment: [String: String], expected: String) throws {
        #expect(try route(url, environment) == expected)
    }

    @Test(
        "NO_PROXY's entries are names with all below them, addresses, ranges, and ports",
        arguments: [
            ("h", "https://h/", true), ("h", "https://hh/", false), ("h", "https://a.h/", true), ("h", "https://ah/", false),
            (".h", "https://a.h/", true), (".h", "https://h/", true), ("*.h", "https://a.b.h/", true),
            ("H.", "https://a.h/", true),
            ("h", "https://A.H./", true), ("*", "https://anything/", true), ("a, b c", "https://c/x", true),
            ("a,,b", "https://b:8443/", true), ("h:443", "https://h/", true), ("h:443", "https://h:8443/", false),
            ("h:8443", "https://a.h:8443/", true), ("h:80", "http://h/", true), ("h:x", "https://h/", false),
            ("10.1.2.3", "http://10.1.2.3:9000/", true), ("10.1.2.3:9000", "http://10.1.2.3:9000/", true),
            ("10.1.2.3:9001", "http://10.1.2.3:9000/", false), ("2.3", "http://10.1.2.3/", false),
            ("10.0.0.0/8", "http://10.255.0.1/", true), ("10.0.0.0/8", "http://11.0.0.1/", false),
            ("192.168.128.0/17", "http://192.168.127.1/", false), ("192.168.128.0/17", "http://192.168.129.1/", true),
            ("0.0.0.0/0", "http://8.8.8.8/", true), ("0.0.0.0/0", "http://h/", false), ("10.0.0.0/33", "http://10.0.0.1/", false),
            ("10.0.0.0/", "http://10.0.0.0/", false), ("fd01::/16", "http://[fd01::5]:9000/", true),
            ("fd01::/16", "http://[fd02::5]/", false), ("fd01::5", "http://[fd01:0:0::5]/", true),
            ("[fd01::5]", "http://[fd01::5]/", true), ("[fd01::5]:80", "http://[fd01::5]/", true),
            ("[fd01::5]:81", "http://[fd01::5]/", false), ("10.1.2.3", "http://[::ffff:10.1.2.3]/", true),
            ("", "https://h/", false),
            ("h/x", "https://h/", false),
        ])
    func exceptions(list: String, url: String, isDirect: Bool) throws {
        let route = try ProxySettings(environment: ["ALL_PROXY": "http://p:1", "NO_PROXY": list]).route(to: url)
        #expect((route.proxy == nil) == isDirect)
        #expect(route.origin == (isDirect ? "NO_PROXY" : "ALL_PROXY"))
    }

    @Test(
        "what gives a machine its credentials, and the machine itself, are never behind a proxy",
        arguments: [
            ("http://169.254.169.254/latest", true), ("http://169.254.170.2/", true), ("http://169.254.170.23:80/v1", true),
            ("http://[fd00:ec2::254]/", true), ("http://[fd00:ec2::23]/", true), ("http://[fd00:ec3::23]/", false),
            ("http://[fe80::1]/", true), ("http://[febf::1%25eth0]/", true), ("http://[fec0::1]/", false),
            ("http://127.0.0.1:9000/", true), ("http://127.9.9.9/", true), ("http://[::1]:80/", true),
            ("http://[::ffff:127.0.0.1]/", true), ("http://localhost/", true), ("https://b.LOCALHOST:1/", true),
            ("http://169.253.0.1/", false), ("http://128.0.0.1/", false), ("http://notlocalhost/", false),
        ])
    func local(url: String, isDirect: Bool) throws {
        let route = try ProxySettings(environment: ["ALL_PROXY": "http://p:1"]).route(to: url)
        #expect((route.proxy == nil) == isDirect)
    }

    @Test(
        "a proxy is a host with or without scheme, port, user",
        arguments: [
            ("p", "http://p:80", "http://p:80"), ("p:3128", "http://p:3128", "http://p:3128"),
            ("https://P/", "https://p:443", "https://p:443"),
            ("HTTP://[fd00::1]:8080", "http://[fd00::1]:8080", "http://[fd00::1]:8080"),
            ("http://u:hunter2@p:3128/", "http://u:hunter2@p:3128", "http://***@p:3128"),
            ("u%40x:hunter2%3A@p", "http://u%40x:hunter2%3A@p:80", "http://***@p:80"),
            ("http://@p", "http://p:80", "http://p:80"),
        ])
    func address(text: String, url: String, shown: String) throws {
        let proxy = try ProxyAddress(parsing: text, origin: "HTTPS_PROXY")
        #expect(proxy.url == url)
        var dumped = ""
        dump(proxy, to: &dumped)
        #expect("\(proxy)" == shown && String(reflecting: proxy) == shown && !dumped.contains("hunter2"))
    }

    @Test(
        "what is no HTTP proxy is refused by its variable, and nothing of it is quoted",
        arguments: [
            "socks5://u:hunter2@p:1080", "http://u:hunter2@p:99999", "http://u:hunter2@q@p", "http://u:hun/ter2hunter2@p",
            "http://",
            "http://p/hunter2", "http://p?hunter2", "hunter2 x", "http://u:hunter2@", "http://[hunter2]", "http://p:hunter2",
            "http://hunter2\u{7F}",
        ])
    func refused(text: String) throws {
        let failure = try #require(throws: Failure.self) { try ProxySettings(environment: ["HTTPS_PROXY": text]) }
        #expect(failure.kind == .configuration)
        #expect(failure.message.hasPrefix("HTTPS_PROXY: "))
        #expect(!failure.message.contains("hunter2"))
    }
}

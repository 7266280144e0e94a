import Servables
import Testing

@testable import Monitoring

@Suite("Listen address")
struct ListenAddressTests {
    @Test(
        "is read as it is written",
        arguments: [
            (":9464", ListenAddress.everywhere(port: 9464)), (":0", .everywhere(port: 0)), ("off", .off),
            ("127.0.0.1:0", .host("127.0.0.1", port: 0)), ("[::1]:9464", .host("::1", port: 9464)),
            ("[fe80::1.2.3.4]:65535", .host("fe80::1.2.3.4", port: 65535)), ("localhost:9464", .host("localhost", port: 9464)),
            ("my-host_1.example.:1", .host("my-host_1.example.", port: 1)),
        ])
    func good(text: String, address: ListenAddress) throws {
        #expect(try ListenAddress(parsing: text) == address)
        #expect(address.description == text)
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", ":", "9464", "host", "host:", ":65536", ":99999999999999999999", ":-1", ":+1", ": 1", "::1:9464", "[::1]", "[]:1",
            "[host]:1", "[::1:1", "::1]:1", "http://host:1", "ho st:1", "host:1/", "Off", "a\u{0}:1", "é:1", ":१",
        ])
    func bad(text: String) {
        #expect(throws: ParseFault.self) { try ListenAddress(parsing: text) }
    }

    @Test("a probe asks all addresses at the local one")
    func local() {
        let cases: [(ListenAddress, String, Int)] = [
            (.everywhere(port: 1), "127.0.0.1", 1), (.host("0.0.0.0", port: 2), "127.0.0.1", 2), (.host("::", port: 3), "::1", 3),
            (.host("localhost", port: 4), "127.0.0.1", 4), (.host("10.1.2.3", port: 5), "10.1.2.3", 5),
        ]
        for (address, host, port) in cases {
            #expect(address.localEndpoint?.host == host)
            #expect(address.localEndpoint?.port == port)
        }
        #expect(ListenAddress.off.localEndpoint == nil)
    }
}

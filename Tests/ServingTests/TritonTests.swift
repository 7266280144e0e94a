import Servables
import Testing
import Transfer

@testable import Serving

@Suite("Triton's repository interface")
struct TritonTests {
    /// Talks to nobody.
    private static func link(_ url: String = "http://127.0.0.1:8000/") throws -> Triton {
        Triton(url: url, asking: try HTTPClient(.asking(version: "test")), loading: try HTTPClient(.loading(version: "test")))
    }

    private static func version(_ number: Int64) -> Version { Version(number: number) }

    @Test("Each state of the model's own versions is understood, with the server's own words for a failure")
    func states() throws {
        let body = """
            [{"name":"m","version":"5","state":"READY","reason":""},
             {"name":"m","version":"4","state":"LOADING"},
             {"name":"m","version":"3","state":"UNLOADING","reason":""},
             {"name":"m","version":"2","state":"UNAVAILABLE","reason":"unloaded"},
             {"name":"m","version":"1","state":"UNAVAILABLE","reason":"Internal: failed to load\\nTraceback"},
             {"name":"m","version":"0","state":"UNKNOWN"},
             {"name":"m2","version":"9","state":"READY"},
             {"name":"m","version":"-1","state":"READY"},
             {"name":"m"}]
            """
        #expect(
            try Self.link().view(of: "m", answer: 200, Array(body.utf8))
                == ServerView([
                    Self.version(5): .available, Self.version(4): .loading, Self.version(3): .unloading,
                    Self.version(2): .ended, Self.version(1): .failed("Internal: failed to load Traceback"),
                ]))
        #expect(try Self.link().view(of: "m", answer: 200, Array("[{\"name\":\"m\"}]".utf8)) == ServerView())
    }

    @Test("What is no index is no view, and says what it expected")
    func noIndex() throws {
        for (status, body, words) in [
            (404, "<html>nothing here</html>", "it answered 404"),
            (500, "{\"error\": \"out of\\norder\"}", "it answered 500: out of order"),
            (200, "<html>a login</html>", "expected Triton's HTTP port"), (200, "{}", "expected Triton's HTTP port"),
        ] {
            let fault = #expect(throws: ServerFault.self) { try Self.link().view(of: "m", answer: status, Array(body.utf8)) }
            #expect(fault?.failure.message.contains(words) == true, "\(String(describing: fault))")
            #expect(fault?.failure.message.hasPrefix("ask Triton at http://127.0.0.1:8000 for m: ") == true)
            #expect(fault?.isAway == false && fault?.failure.isTransient == true)
        }
    }

    @Test("An order is done, failed in the server's words, or not taken; any other answer is none")
    func orders() throws {
        func answer(_ status: Int, _ body: String) throws -> LoadAnswer {
            try Self.link().done("load", "m", answer: status, Array(body.utf8))
        }
        #expect(try answer(200, "") == .done)
        #expect(
            try answer(400, "{\"error\":\"failed to load 'm', no version\\nis available\"}")
                == .failed("failed to load 'm', no version is available"))
        #expect(try answer(500, "{\"error\":\"failed to poll\"}") == .failed("failed to poll"))
        #expect(
            try answer(503, "{\"error\":\"explicit model load / unload is not allowed if polling is enabled\"}")
                == .looksByItself("explicit model load / unload is not allowed if polling is enabled"))
        let fault = #expect(throws: ServerFault.self) { try answer(502, "<html>bad gateway</html>") }
        #expect(fault?.failure.message == "load m at Triton at http://127.0.0.1:8000: it answered 502")
    }

    @Test("Nobody there is told from somebody who does not answer well, for each question")
    func away() async throws {
        // Nothing listens on port 1 of loopback.
        let link = try Self.link("http://127.0.0.1:1")
        let faults = [
            await #expect(throws: ServerFault.self) { try await link.view(of: "m") },
            await #expect(throws: ServerFault.self) { try await link.load("m") },
            await #expect(throws: ServerFault.self) { try await link.unload("m") },
        ]
        #expect(faults.allSatisfy { $0?.isAway == true })
        #expect(faults.map { $0?.failure.message.contains("m at Triton at http://127.0.0.1:1: ") } == [false, true, true])
    }
}

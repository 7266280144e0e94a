import Servables
import Testing
import Transfer

@testable import Serving

@Suite("TensorFlow Serving's REST status")
struct TensorFlowServingTests {
    /// Talks to nobody.
    private static func link() throws -> TensorFlowServing {
        TensorFlowServing(url: "http://127.0.0.1:8501/", http: try HTTPClient(.asking(version: "test")))
    }

    private static func entry(_ version: String, _ state: String, _ code: String = "OK", _ message: String = "") -> String {
        """
          {
           "version": "\(version)",
           "state": "\(state)",
           "status": {
            "error_code": "\(code)",
            "error_message": "\(message)"
           }
          }
        """
    }

    private static func body(_ entries: String...) -> [UInt8] {
        Array("{\n \"model_version_status\": [\n\(entries.joined(separator: ",\n"))\n ]\n}\n".utf8)
    }

    private static func version(_ number: Int64) -> Version { Version(number: number) }

    @Test("Each state is understood, with the server's own words for a failure")
    func states() throws {
        let body = Self.body(
            Self.entry("10", "START"), Self.entry("9", "LOADING"), Self.entry("8", "AVAILABLE"), Self.entry("7", "UNLOADING"),
            Self.entry("6", "END"), Self.entry("5", "END", "CANCELLED", "Loading of servable cancelled"),
            Self.entry("4", "END", "NOT_FOUND", "Could not find SavedModel .pb or .pbtxt at: /models/m/4"),
            Self.entry("3", "END", "DATA_LOSS"), Self.entry("2", "UNKNOWN"), Self.entry("-1", "AVAILABLE"))
        let view = try Self.link().view(of: "m", answer: 200, body)
        #expect(
            view
                == ServerView([
                    Self.version(10): .waiting, Self.version(9): .loading, Self.version(8): .available,
                    Self.version(7): .unloading,
                    Self.version(6): .ended, Self.version(5): .ended,
                    Self.version(4): .failed("NOT_FOUND: Could not find SavedModel .pb or .pbtxt at: /models/m/4"),
                    Self.version(3): .failed("DATA_LOSS"),
                ]))
    }

    @Test("The server's words stay on one line, and are bounded")
    func words() throws {
        let long = "first\\nsecond\\u001b[31m " + String(repeating: "x", count: 2_000)
        let view = try Self.link().view(of: "m", answer: 200, Self.body(Self.entry("4", "END", "INTERNAL", long)))
        guard case .failed(let words) = view.states[Self.version(4)] else {
            Issue.record("no failure: \(view)")
            return
        }
        #expect(words.hasPrefix("INTERNAL: first second [31m xxx") && words.hasSuffix("x…"))
        #expect(words.count < 520)
    }

    @Test("A model without versions is a view of none; anything else is no view, and says what it expected")
    func unknown() throws {
        let link = try Self.link()
        let none = Array("{ \"error\": \"Could not find any versions of model m\" }".utf8)
        #expect(try link.view(of: "m", answer: 404, none) == ServerView())
        #expect(try link.view(of: "m", answer: 200, Self.body()) == ServerView())
        for (status, body, words) in [
            (404, "<html>nothing here</html>", "it answered 404"),
            (500, "{\"error\": \"out of order\"}", "it answered 500: out of order"),
            (200, "<html>a login</html>", "expected the REST port of TensorFlow Serving"), (200, "[]", "expected the REST port"),
            (200, "{\"model_version_status\": {}}", "expected the REST port"),
        ] {
            let fault = #expect(throws: ServerFault.self) { try link.view(of: "m", answer: status, Array(body.utf8)) }
            #expect(fault?.failure.message.contains(words) == true, "\(String(describing: fault))")
            #expect(fault?.isAway == false && fault?.failure.isTransient == true)
            #expect(fault?.failure.message.contains("TensorFlow Serving at http://127.0.0.1:8501 for m") == true)
        }
    }

    @Test("Nobody there is told from somebody who does not answer well")
    func away() async throws {
        // Nothing listens on port 1 of loopback.
        let link = TensorFlowServing(
            url: "http://127.0.0.1:1", http: try HTTPClient(.asking(version: "test")))
        let fault = await #expect(throws: ServerFault.self) { try await link.view(of: "m") }
        #expect(fault?.isAway == true)
        #expect(fault?.failure.message.contains("ask TensorFlow Serving at http://127.0.0.1:1 for m: ") == true)
    }
}

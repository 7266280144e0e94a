import Testing

@testable import Transfer

@Suite("Requests and heads")
struct MessageTests {
    @Test("the authority is host and port, without path, query or user")
    func authority() {
        for (url, authority) in [
            ("http://a.example", "a.example"), ("https://a.example:9000/b?c", "a.example:9000"), ("http://h?token=1", "h"),
            ("https://user:secret@h/x", "h"), ("http://[::1]:80/", "[::1]:80"), ("nonsense", "?"),
        ] {
            #expect(HTTPRequest("GET", url).authority == authority)
        }
    }

    @Test("a request that could not be sent as it is is refused before it is sent")
    func faults() {
        #expect(
            HTTPRequest("GET", "http://h/a%20b?x=y", headers: [HTTPHeader("X-A", "tab\tand \u{e4}"), HTTPHeader("X-B", "")]).fault
                == nil)
        for url in ["ftp://h/", "h/a", "http://h/a b", "http://h/a#b", "http://h/\u{e4}", "http://h/a\r\nX: y", "http://u:p@h/"] {
            #expect(HTTPRequest("GET", url).fault != nil, "\(url)")
        }
        for header in [
            HTTPHeader("", "a"), HTTPHeader("a:b", "c"), HTTPHeader("a b", "c"), HTTPHeader("a", "b\r\nc: d"),
            HTTPHeader("a", "\0"),
        ] {
            #expect(HTTPRequest("GET", "http://h/", headers: [header]).fault != nil, "\(header)")
        }
        #expect(HTTPRequest("get", "http://h/").fault != nil)
        #expect(HTTPRequest("", "http://h/").fault != nil)
    }

    @Test("headers are found in any case, the first of a name wins")
    func lookup() {
        let head = ResponseHead(
            status: 206, headers: [HTTPHeader("ETag", "\"a\""), HTTPHeader("etag", "\"b\""), HTTPHeader("Content-Length", "12")])
        #expect(head["eTAG"] == "\"a\"")
        #expect(head["etags"] == nil)
        // Of the same length.
        #expect(head["etax"] == nil)
        #expect(head.contentLength == 12)
        #expect(head.isSuccess)
        #expect(!ResponseHead(status: 304).isSuccess)
        for text in ["", "-1", "+1", "1 2", "9223372036854775808", "x"] {
            #expect(ResponseHead(status: 200, headers: [HTTPHeader("Content-Length", text)]).contentLength == nil)
        }
    }

    @Test("content ranges have Swift's bounds")
    func contentRange() {
        func range(_ text: String) -> ContentRange? {
            ResponseHead(status: 206, headers: [HTTPHeader("content-range", text)]).contentRange
        }
        #expect(range("bytes 0-99/1234") == ContentRange(range: 0..<100, total: 1234))
        #expect(range("Bytes 5-5/6") == ContentRange(range: 5..<6, total: 6))
        #expect(range("bytes 0-99/*") == ContentRange(range: 0..<100, total: nil))
        #expect(range("bytes */1234") == ContentRange(range: nil, total: 1234))
        for text in [
            "", "bytes", "bytes 0-99", "items 0-9/10", "bytes 9-0/10", "bytes 0-10/10", "bytes -1/10", "bytes 0-/10",
            "bytes 0-1-2/10",
            "bytes 0-9/10/11", "bytes a-b/c", "bytes 0-9223372036854775807/*", "bytes 0-99/99999999999999999999",
        ] {
            #expect(range(text) == nil, "\(text)")
        }
    }

    private func parse(_ lines: [String]) -> [ResponseHead] {
        var parser = HeadParser()
        return lines.compactMap { line in
            if case .complete(let head) = Array(line.utf8).withUnsafeBytes({ parser.take($0) }) { head } else { nil }
        }
    }

    @Test("interim answers leave nothing in the final head")
    func interim() {
        let heads = parse([
            "HTTP/1.1 100 Continue\r\n", "X-Interim: 1\r\n", "\r\n", "HTTP/1.1 206 Partial Content\r\n", "ETag:\t \"a:b\" \r\n",
            "Empty:\r\n",
            " folded\r\n", "no colon\r\n", "\r\n",
        ])
        #expect(heads == [ResponseHead(status: 206, headers: [HTTPHeader("ETag", "\"a:b\""), HTTPHeader("Empty", "")])])
    }

    @Test("headers without end are given up, interim ones included")
    func tooLarge() {
        var parser = HeadParser()
        let block = Array(("HTTP/1.1 103 Early Hints\r\nX: " + String(repeating: "x", count: 1000) + "\r\n\r\n").utf8)
        var taken = 0
        while taken < 1000 {
            if case .tooLarge = block.withUnsafeBytes({ parser.take($0) }) { break }
            taken += 1
        }
        #expect(taken == HeadParser.limit / block.count)
    }

    @Test("durations become whole milliseconds, rounded up, within an int")
    func milliseconds() {
        #expect(Duration.milliseconds(1500).wholeMilliseconds == 1500)
        #expect(Duration.nanoseconds(1).wholeMilliseconds == 1)
        #expect(Duration.seconds(-3).wholeMilliseconds == 0)
        #expect(Duration.seconds(1 << 40).wholeMilliseconds == 2_000_000_000)
        #expect(Duration.milliseconds(1500).nanoseconds == 1_500_000_000)
    }
}

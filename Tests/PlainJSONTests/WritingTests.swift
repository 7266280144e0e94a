import PlainJSON
import Testing

@Suite("JSON is written")
struct WritingTests {
    private let document: JSON = [
        "name": "mnist", "versions": [1, 2], "lag": 0.5, "ok": true, "none": nil, "empty": [:], "list": [], "deep": [["a": 1]],
    ]

    @Test("without white space, in the order given")
    func compact() {
        let expected = #"{"name":"mnist","versions":[1,2],"lag":0.5,"ok":true,"none":null,"empty":{},"list":[],"deep":[{"a":1}]}"#
        #expect(document.text(indented: false) == expected)
        #expect("\(document)" == expected)
    }

    @Test("indented for people")
    func indented() {
        let expected = """
            {
              "name": "mnist",
              "versions": [
                1,
                2
              ],
              "lag": 0.5,
              "ok": true,
              "none": null,
              "empty": {},
              "list": [],
              "deep": [
                {
                  "a": 1
                }
              ]
            }
            """
        #expect(document.text(indented: true) == expected)
    }

    @Test("piece by piece into one buffer")
    func pieces() {
        var bytes = Array("[".utf8)
        JSON.writeString("a\"b", to: &bytes)
        bytes.append(contentsOf: ",".utf8)
        JSON.object([.init("k", 1)]).write(to: &bytes)
        bytes.append(contentsOf: "]".utf8)
        #expect(String(decoding: bytes, as: UTF8.self) == #"["a\"b",{"k":1}]"#)
    }

    @Test("strings are escaped where the RFC demands it, and nowhere else")
    func escapes() {
        #expect(JSON.string("\"\\/\u{8}\t\n\u{C}\r").description == #""\"\\/\b\t\n\f\r""#)
        #expect(JSON.string("\0\u{1}\u{F}\u{10}\u{1F}\u{7F}").description == "\"\\u0000\\u0001\\u000f\\u0010\\u001f\u{7F}\"")
        #expect(JSON.string("é\u{1F600}\u{2028}").description == "\"é\u{1F600}\u{2028}\"")
        #expect(JSON.object([.init("a\nb", nil)]).description == #"{"a\nb":null}"#)
    }

    @Test("a number that JSON has no form for becomes null")
    func notFinite() {
        #expect(JSON.array([.number(.nan), .number(.infinity), .number(-.infinity)]).description == "[null,null,null]")
    }

    @Test("what was written is read again as the same value, in both forms")
    func roundTrip() throws {
        let everyASCII = String(String.UnicodeScalarView((0..<128).map { Unicode.Scalar(UInt8($0)) }))
        let numbers: [JSON] = [
            .integer(.min), .integer(.max), 0, .number(1), .number(-0.1), .number(.leastNonzeroMagnitude), .number(1e300),
            .number(1e16),
            .number(.greatestFiniteMagnitude), .number(9_223_372_036_854_775_808),
        ]
        let value: JSON = [everyASCII: .array(numbers), "": .string(everyASCII + "e\u{301}\u{10FFFF}"), "document": document]
        #expect(try JSON(parsing: value.text(indented: false)) == value)
        #expect(try JSON(parsing: value.text(indented: true)) == value)
    }
}

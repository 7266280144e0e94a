import PlainJSON
import Testing

@Suite("JSON that is none is refused, and where")
struct HostileInputTests {
    @Test(
        "text outside the grammar",
        arguments: [
            ("", 0), ("  ", 2), ("{", 1), ("[", 1), ("[1", 2), ("[1,", 3), ("[1,]", 3), ("[,1]", 1), ("[1 2]", 3), ("]", 0),
            ("{]", 1),
            (#"{"a"}"#, 4), (#"{"a":}"#, 5), (#"{"a":1,}"#, 7), (#"{a:1}"#, 1), (#"{1:1}"#, 1), (#"{"a":1 "b":2}"#, 7),
            ("{'a':1}", 1),
            ("nul", 0), ("True", 0), ("nulls", 4), ("NaN", 0), ("Infinity", 0), ("1 2", 2), ("{}{}", 2), ("// x\n1", 0),
            ("[1]\0", 3),
            ("\u{A0}1", 0), ("\u{0B}1", 0),
        ])
    func grammar(text: String, offset: Int) {
        #expect(fault(text)?.offset == offset)
    }

    @Test(
        "numbers outside the grammar or too large",
        arguments: [
            ("-", 1), ("+1", 0), ("01", 1), ("-01", 2), ("1.", 2), (".5", 0), ("1.e1", 2), ("1e", 2), ("1e+", 3), ("1e-+1", 3),
            ("0x10", 1),
            ("1_0", 1), ("--1", 1), ("1e999", 0), ("[-1e999]", 1), ("1.5.5", 3),
        ])
    func numbers(text: String, offset: Int) {
        #expect(fault(text)?.offset == offset)
    }

    @Test("a leading zero is named as what it is")
    func leadingZeros() {
        #expect(fault("[-007]")?.description == "a number has a leading zero, at byte 3")
    }

    @Test("a number of a hundred thousand digits is refused or rounded, not trapped on")
    func longNumbers() throws {
        #expect(fault(String(repeating: "9", count: 100_000))?.reason == "a number is too large")
        #expect(try JSON(parsing: "0." + String(repeating: "3", count: 100_000)) == .number(1.0 / 3))
    }

    @Test(
        "strings that are cut, or escaped wrongly",
        arguments: [
            (#""abc"#, 0), (#"["abc\""#, 1), (#""\"#, 2), (#""\x""#, 1), (#""\u12"#, 5), (#""\u12G4""#, 5), (#""\U0041""#, 1),
            (#""\u+123""#, 3),
            ("\"a\nb\"", 2), ("\"a\u{1F}b\"", 2), ("\"\0\"", 1),
        ])
    func strings(text: String, offset: Int) {
        #expect(fault(text)?.offset == offset)
    }

    @Test(
        "lone surrogates",
        arguments: [
            #""\uD800""#, #""\uDC00""#, #""\uD800x""#, #""\uD800\n""#, #""\uD800\u0041""#, #""\uD800\uD800""#, #""\uDFFF\uD800""#,
            #""\uDC00\uDC00""#,
        ])
    func surrogates(text: String) {
        #expect(fault(text)?.description == "an escaped surrogate stands alone, at byte 1")
    }

    @Test(
        "bytes that are not UTF-8",
        arguments: [
            [0xFF], [0x80], [0xC3], [0xC0, 0x80], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80],
            [0xF0, 0x9F, 0x98],
        ] as [[UInt8]])
    func invalidUTF8(bytes: [UInt8]) {
        for tail in ["", "z", #"\n"#] {
            let text = Array("[\"é".utf8) + bytes + Array((tail + "\"]").utf8)
            #expect(fault(text)?.offset == 4)
            #expect(fault(text)?.reason == "a string holds bytes that are not UTF-8")
        }
    }

    @Test("a byte order mark, and UTF-16")
    func otherEncodings() {
        #expect(fault([0xEF, 0xBB, 0xBF] + Array("{}".utf8))?.reason.contains("byte order mark") == true)
        #expect(fault([0xFF, 0xFE, 0x7B, 0x00, 0x7D, 0x00])?.offset == 0)
    }

    @Test("nesting ends at the limit, however long the text")
    func depth() throws {
        func nested(_ depth: Int) -> String { String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        _ = try JSON(parsing: nested(JSON.depthLimit))
        #expect(fault(nested(JSON.depthLimit + 1))?.offset == JSON.depthLimit)
        #expect(fault(String(repeating: #"{"a":["#, count: 100_000))?.offset == JSON.depthLimit / 2 * 6)
        // The limit is on what lies in each other, not on what lies side by side.
        _ = try JSON(parsing: "[" + Array(repeating: "[[]]", count: 100).joined(separator: ",") + "]")
    }

    @Test("two members of one name, however spelled, few or many")
    func duplicates() throws {
        #expect(fault(#"{"a":1,"b":2,"a":3}"#)?.offset == 13)
        #expect(fault(#"{"a":1,"\u0061":2}"#)?.offset == 7)
        #expect(fault(#"{"x":{"a":1,"a":1}}"#)?.offset == 12)
        #expect(try JSON(parsing: #"{"a":{"a":1},"b":{"a":1}}"#)["b"]?["a"] == 1)

        for count in [15, 16, 17, 18, 20_000] {
            let members = (0..<count).map { "\"k\($0)\":0" }.joined(separator: ",")
            #expect(try JSON(parsing: "{\(members)}").object?.count == count)
            #expect(fault("{\(members),\"k\(count / 2)\":0}")?.offset == members.utf8.count + 2)
            #expect(fault("{\(members),\"k\(count - 1)\":0}")?.offset == members.utf8.count + 2)
        }
    }

    @Test("every cut of a text is refused")
    func cuts() throws {
        let text = Array(#"{"ke\ny":[1.5e3,"é\uD83D\uDE00",true,null,{"a":-1}]}"#.utf8)
        _ = try JSON(parsing: text)
        for length in 0..<text.count {
            #expect(fault(Array(text[..<length])) != nil)
        }
    }

    @Test("a fault says what and where on one line")
    func description() {
        #expect(fault("[1 2]")?.description == "a comma or the end of the array is expected, at byte 3")
    }

    private func fault(_ text: some Sequence<UInt8>) -> JSONFault? {
        do {
            _ = try JSON(parsing: text)
            return nil
        } catch { return error }
    }

    private func fault(_ text: String) -> JSONFault? { fault(text.utf8) }
}

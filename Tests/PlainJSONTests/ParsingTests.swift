import PlainJSON
import Testing

@Suite("JSON is parsed strictly")
struct ParsingTests {
    @Test("every kind of value is taken")
    func values() throws(JSONFault) {
        let text = #" { "a" : [ null , true , false , -12 , 1.5e-1 , "x\/y" ] , "" : { } , "b" : [ ] } "#
        let expected: JSON = ["a": [nil, true, false, -12, 0.15, "x/y"], "": [:], "b": []]
        #expect(try JSON(parsing: text) == expected)
        #expect(try JSON(parsing: "\r\n\t 7 ") == 7)
    }

    @Test("members keep their order")
    func order() throws {
        let json = try JSON(parsing: #"{"z":1,"a":2,"m":3}"#)
        #expect(json.object?.map(\.key) == ["z", "a", "m"])
        #expect(try JSON(parsing: #"{"a":2,"z":1,"m":3}"#) != json)
    }

    @Test("a value answers only as what it is")
    func access() throws {
        let json = try JSON(parsing: #"{"s":"x","i":3,"n":2.5,"b":false,"l":[1],"o":{"k":null}}"#)
        #expect(json["s"]?.string == "x" && json["s"]?.integer == nil)
        #expect(json["i"]?.integer == 3 && json["i"]?.number == 3 && json["i"]?.string == nil)
        #expect(json["n"]?.number == 2.5 && json["n"]?.integer == nil)
        #expect(json["b"]?.bool == false && json["b"]?.isNull == false)
        #expect(json["l"]?[0] == 1 && json["l"]?[1] == nil && json["l"]?[-1] == nil && json["l"]?.array?.count == 1)
        #expect(json["o"]?["k"]?.isNull == true && json["o"]?["x"] == nil && json["s"]?["x"] == nil)
    }

    @Test(
        "integers keep all 64 bits; what is more is a number",
        arguments: [
            ("9223372036854775807", JSON.integer(.max)), ("-9223372036854775808", .integer(.min)), ("-0", 0),
            ("9223372036854775808", .number(9_223_372_036_854_775_808)), ("1.0", .number(1)), ("1e2", .number(100)),
            ("1E+2", .number(100)),
            ("1e-999", .number(0)), ("-1.25e-2", .number(-0.0125)), ("1.7976931348623157e308", .number(.greatestFiniteMagnitude)),
        ])
    func numbers(text: String, expected: JSON) throws {
        #expect(try JSON(parsing: text) == expected)
    }

    @Test(
        "escapes are undone",
        arguments: [
            (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u0041\u00e9\u20AC""#, "A\u{E9}\u{20AC}"),
            (#""a\uD83D\uDE00b""#, "a\u{1F600}b"), (#""\uDBFF\uDFFF""#, "\u{10FFFF}"), (#""x\u0000y""#, "x\0y"),
            (#""\uFFFF""#, "\u{FFFF}"),
        ])
    func escapes(text: String, expected: String) throws {
        #expect(try JSON(parsing: text).string.map { Array($0.unicodeScalars) } == Array(expected.unicodeScalars))
    }

    @Test("characters of every length in UTF-8 pass, around escapes too")
    func encodings() throws {
        let text = "\"\u{7F}\u{80}\\n\u{7FF}\u{800}\u{FFFF}\\t\u{10000}\u{10FFFF}\""
        let expected = "\u{7F}\u{80}\n\u{7FF}\u{800}\u{FFFF}\t\u{10000}\u{10FFFF}"
        #expect(try JSON(parsing: text).string.map { Array($0.utf8) } == Array(expected.utf8))
    }

    @Test("names are compared by code points, not by canonical equivalence")
    func equivalence() throws {
        let json = try JSON(parsing: #"{"\u00e9":1,"e\u0301":2}"#)
        #expect(json["\u{E9}"] == 1)
        #expect(json["e\u{301}"] == 2)
        #expect(JSON.string("\u{E9}") != JSON.string("e\u{301}"))
    }
}

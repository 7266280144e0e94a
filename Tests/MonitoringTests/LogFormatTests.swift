import Logging
import PlainJSON
import Servables
import Testing

@testable import Monitoring

@Suite("Log lines")
struct LogFormatTests {
    private static func record(_ message: String, _ fields: [JSON.Member] = []) -> LogRecord {
        LogRecord(
            time: Timestamp(secondsSinceEpoch: 1_795_341_781, nanoseconds: 250_999_999), level: .info, message: message,
            fields: fields)
    }

    private static func text(_ format: LogFormat, _ record: LogRecord, longest: Int = 4096) -> String {
        String(decoding: format.line(record, longest: longest), as: UTF8.self)
    }

    @Test("text has time, level, message and pairs, quoted where a reader could not tell their end")
    func textLine() {
        let record = Self.record(
            "published mnist",
            [
                .init("model", "mnist"), .init("version", 8), .init("reason", "two words"), .init("empty", ""),
                .init("quote", #"a"b\c"#), .init("pair", "a=b"), .init("seconds", 1.5),
            ])
        #expect(
            Self.text(.text(colour: false), record)
                == "2026-11-22T10:03:01.250Z info    published mnist model=mnist version=8 reason=\"two words\" empty=\"\" "
                + #"quote="a\"b\\c" pair="a=b" seconds=1.5"# + "\n")
    }

    @Test("no text reaches the terminal that ends the line, moves the cursor or turns the direction of reading")
    func controlCharacters() {
        let evil = "a\nb\r\u{1B}[2Jc\u{9B}d\u{202E}e\u{2028}f\u{7F}\u{0}é\u{1F600}"
        let line = Self.text(.text(colour: false), Self.record(evil, [.init("key", .string(evil)), .init(evil, 1)]))
        let escaped = #"a\nb\r\u{1b}[2Jc\u{9b}d\u{202e}e\u{2028}f\u{7f}\u{0}é"# + "\u{1F600}"
        #expect(line == "2026-11-22T10:03:01.250Z info    \(escaped) key=\"\(escaped)\" \"\(escaped)\"=1\n")
    }

    @Test("only the level has colour, and only when asked")
    func colour() {
        #expect(
            Self.text(.text(colour: true), Self.record("m", [.init("k", "v")]))
                == "2026-11-22T10:03:01.250Z \u{1B}[32minfo   \u{1B}[0m m k=v\n")
    }

    @Test("text does not repeat a reason that the message ends with; JSON has it")
    func reason() throws {
        let record = Self.record("held: no marker", [.init("reason", "no marker")])
        #expect(Self.text(.text(colour: false), record) == "2026-11-22T10:03:01.250Z info    held: no marker\n")
        #expect(try JSON(parsing: Self.text(.json, record))["reason"] == "no marker")
    }

    @Test("JSON is one object a line, its own three keys first and never twice")
    func jsonLine() {
        let record = Self.record("say \"hi\"\n", [.init("version", 9_223_372_036_854_775_807), .init("time", "mine")])
        #expect(
            Self.text(.json, record)
                == #"{"time":"2026-11-22T10:03:01.250Z","level":"info","message":"say \"hi\"\n","#
                + #""version":9223372036854775807,"fields.time":"mine"}"# + "\n")
    }

    @Test("JSON stays valid whatever bytes come in")
    func anyBytes() throws {
        let bytes = (0...255).map { UInt8($0) }
        let text = String(decoding: bytes, as: UTF8.self)
        let line = LogFormat.json.line(
            Self.record(text, [.init(text, .string(text)), .init("n", .number(.nan))]), longest: 65536)
        #expect(line.filter { $0 == UInt8(ascii: "\n") }.count == 1)
        let value = try JSON(parsing: line.dropLast())
        #expect(value["message"] == .string(text))
        #expect(value[text] == .string(text))
        #expect(value["n"] == .null)
    }

    @Test(
        "a line that is too long is shortened to what is allowed and stays whole",
        arguments: [LogFormat.json, .text(colour: false)], ["x", "\u{1}", "é", "\u{1F600}"])
    func tooLong(format: LogFormat, filler: String) throws {
        let long = String(repeating: filler, count: 6000)
        let fields = (0..<10).map { JSON.Member("key\($0)", $0 % 2 == 0 ? .string(long) : .array([.string(long)])) }
        for record in [Self.record(long), Self.record(long, fields), Self.record("short", fields)] {
            let line = format.line(record, longest: 4096)
            #expect(line.count <= 4096)
            #expect(line.count > 1000)
            #expect(line.last == UInt8(ascii: "\n"))
            #expect(String(validating: line, as: UTF8.self) != nil)
            if format == .json { #expect(try JSON(parsing: line.dropLast())["level"] == "info") }
        }
    }

    @Test("fields have a fixed order, what is known first, and numbers stay numbers")
    func order() throws {
        let metadata: Logger.Metadata = [
            "zebra": "z", "ant": "a", "bytes": .stringConvertible(5), "model": "m", "version": .stringConvertible(Int64(7)),
            "yes": .stringConvertible(true), "list": ["a", .stringConvertible(1.5)], "inner": ["b": "2", "a": "1"],
        ]
        let fields = LogField.ordered(metadata)
        #expect(fields.map(\.key) == ["model", "version", "bytes", "ant", "inner", "list", "yes", "zebra"])
        #expect(
            JSON.object(fields).description
                == #"{"model":"m","version":7,"bytes":5,"ant":"a","inner":{"a":"1","b":"2"},"list":["a",1.5],"yes":true,"zebra":"z"}"#
        )
    }
}

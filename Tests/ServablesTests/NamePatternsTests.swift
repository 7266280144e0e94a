import Servables
import Testing

@Suite("Patterns of names (--model-files)")
struct NamePatternsTests {
    @Test(
        "A star stands for any bytes, a question mark for one, and neither for a dot at the beginning",
        arguments: [
            ("*", ["config.pbtxt", "a"], [".hidden"]), ("*.txt", ["a.txt", "a.b.txt"], ["a.txt.gz", ".txt", "txt"]),
            ("config.pbtxt,*.csv", ["config.pbtxt", "x.csv"], ["config_pbtxt", "x.csv2"]),
            ("a*b*c", ["abc", "axxbyyc", "abbbcc"], ["ab", "acb", "abcd"]), ("?x", ["ax"], ["x", "aax", "é"]),
            (".*", [".hidden"], ["a"]), ("a**", ["a", "ab"], ["b"]), ("none", [], ["none", "a"]), ("*é", ["xé"], ["xe\u{301}"]),
        ])
    func matches(text: String, names: [String], others: [String]) throws {
        let patterns = try NamePatterns(parsing: text)
        for name in names { #expect(patterns.matches(name), "\(name)") }
        for name in others { #expect(!patterns.matches(name), "\(name)") }
        #expect(patterns.description == text && patterns.isEmpty == (text == "none"))
    }

    @Test("What cannot be names of files is no pattern", arguments: ["", "a,", ",a", "a/b", "..", "a\nb", "*/x"])
    func faults(text: String) {
        #expect(throws: ParseFault.self) { try NamePatterns(parsing: text) }
    }
}

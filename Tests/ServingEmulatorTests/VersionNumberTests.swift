import ServingEmulator
import Testing

@Suite("What is a version")
struct VersionNumberTests {
    @Test(
        "numbers, with space around them and one sign",
        arguments: [
            ("1", 1), ("001", 1), ("00000123", 123), (" 5", 5), ("5 ", 5), ("\t5\n", 5), ("+5", 5), (" +5 ", 5), ("0", 0),
            ("-0", 0),
            ("-1", -1), ("20170111173521", 20_170_111_173_521), ("9223372036854775807", Int64.max),
            ("-9223372036854775808", Int64.min), ("0000000000000000000000000000000007", 7),
        ] as [(String, Int64)])
    func numbers(name: String, version: Int64) { #expect(VersionNumber.parse(name) == version) }

    @Test(
        "anything else",
        arguments: [
            "", " ", "+", "-", "+-5", "--5", "- 5", "5 5", "1.0", ".5", "v1", "0x1", "1_0", "1e3", "2.denied", "temp-123",
            "9223372036854775808", "-9223372036854775809", "99999999999999999999", "５", "5\u{a0}", "7.tmp", ".7",
        ])
    func others(name: String) { #expect(VersionNumber.parse(name) == nil) }
}

import Servables
import Testing

@Suite("Versions")
struct VersionTests {
    @Test(
        "A name of decimal digits is a version, and keeps its spelling",
        arguments: [
            ("0", 0), ("7", 7), ("007", 7), ("00000123", 123), ("000", 0), ("9223372036854775807", Int64.max),
            ("0009223372036854775807", Int64.max), (String(repeating: "0", count: 254) + "5", 5),
        ] as [(String, Int64)])
    func takesDigits(name: String, number: Int64) throws {
        let version = try #require(Version(name))
        #expect(version.number == number)
        #expect(version.name == name)
        #expect(version.description == name)
    }

    @Test(
        "Anything else is none",
        arguments: [
            "", " ", "-1", "+1", "-0", " 7", "7 ", "7\n", "\t7", "7a", "a7", "1_000", "1,000", "1.0", "1e3", "0x10", "९", "７",
            "1\u{301}",
            "9223372036854775808", "18446744073709551616", "99999999999999999999999999", "7/", "v7", "..",
            String(repeating: "0", count: 256),
            String(repeating: "9", count: 300),
        ])
    func refusesTheRest(name: String) {
        #expect(Version(name) == nil)
    }

    @Test("A substring makes the same version as its text")
    func takesSubstrings() {
        #expect(Version("x12".dropFirst())?.number == 12)
    }

    @Test("A version is its number: spellings are equal, hash alike, and order by number")
    func isItsNumber() throws {
        let padded = try #require(Version("007"))
        #expect(padded == Version(number: 7))
        #expect(Set([padded, Version(number: 7)]).count == 1)
        #expect(try #require(Version("10")) > padded)
        #expect(try #require(Version("0000000000008")) > padded)
    }
}

@Suite("Version policies")
struct VersionPolicyTests {
    @Test(
        "A policy is read as it is written",
        arguments: [
            ("latest", VersionPolicy.latest(1), "latest"), ("latest:1", .latest(1), "latest"),
            ("latest:3", .latest(3), "latest:3"),
            ("all", .all, "all"), ("3", .specific([3]), "3"), ("3,7", .specific([3, 7]), "3,7"),
            ("7,3", .specific([7, 3]), "7,3"),
            ("3,007,7", .specific([3, 7]), "3,7"), ("0", .specific([0]), "0"),
        ])
    func parses(text: String, policy: VersionPolicy, written: String) throws {
        #expect(try VersionPolicy(parsing: text) == policy)
        #expect(policy.description == written)
        #expect(try VersionPolicy(parsing: policy.description) == policy)
    }

    @Test(
        "What is no policy is refused",
        arguments: [
            "", "Latest", "latest:", "latest:0", "latest:-1", "latest:x", "latest:99999999999999999999", "ALL", ",", "3,", ",3",
            "3,,7",
            "3, 7", "-3", "3;7", "9223372036854775808", "newest",
        ])
    func refuses(text: String) {
        #expect(throws: ParseFault.self) { try VersionPolicy(parsing: text) }
    }

    @Test("A policy chooses the highest by number, highest first, however they are spelled")
    func chooses() throws {
        let listed = try ["9", "010", "2", "0003"].map { try #require(Version($0)) }
        #expect(VersionPolicy.latest(1).choose(from: listed).map(\.name) == ["010"])
        #expect(VersionPolicy.latest(2).choose(from: listed).map(\.name) == ["010", "9"])
        #expect(VersionPolicy.latest(9).choose(from: listed).map(\.name) == ["010", "9", "0003", "2"])
        #expect(VersionPolicy.all.choose(from: listed).map(\.name) == ["010", "9", "0003", "2"])
        #expect(VersionPolicy.specific([3, 10, 4]).choose(from: listed).map(\.name) == ["010", "0003"])
        #expect(VersionPolicy.all.choose(from: []).isEmpty)
    }
}

@Suite("Readiness rules")
struct ReadinessRuleTests {
    @Test("A rule is read and written", arguments: ["auto", "manifest", "marker:_DONE", "marker:a/b", "settled", "none"])
    func parses(text: String) throws {
        #expect(try ReadinessRule(parsing: text).description == text)
    }

    @Test("What is no rule is refused", arguments: ["", "marker", "marker:", "Auto", "settle"])
    func refuses(text: String) {
        #expect(throws: ParseFault.self) { try ReadinessRule(parsing: text) }
    }
}

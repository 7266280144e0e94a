import S3Fixture
import Testing

@Suite("A hostile bucket", .fewAtATime)
struct HostileBucketTests {
    struct Hostile: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Behind `mnist/2/`.
        let keys: [String]
        /// What the message shows of them.
        let shown: String
    }

    static let hostile: [Hostile] = [
        Hostile(testDescription: "a key that climbs out", keys: ["../../../escaped"], shown: "../../../escaped"),
        Hostile(testDescription: "a key that climbs within", keys: ["a/../b"], shown: "a/../b"),
        Hostile(testDescription: "a key that stays where it is", keys: ["./a"], shown: "./a"),
        Hostile(testDescription: "an absolute path", keys: ["/tmp/aspired-e2e-escaped"], shown: "/tmp/aspired-e2e-escaped"),
        Hostile(testDescription: "an empty component", keys: ["a//b"], shown: "a//b"),
        Hostile(testDescription: "a file that is a directory, too", keys: ["a", "a/b"], shown: "mnist/2/a"),
        Hostile(testDescription: "a line feed", keys: ["a\nb"], shown: "a\\"),
        Hostile(testDescription: "an escape sequence", keys: ["a\u{1b}[2Jb"], shown: "[2Jb"),
        Hostile(testDescription: "a DEL", keys: ["a\u{7f}b"], shown: "a\\"),
        Hostile(
            testDescription: "a component of 300 bytes", keys: [String(repeating: "long", count: 75)],
            shown: String(repeating: "long", count: 10)),
    ]

    @Test("a key that is no path fails the whole version, with the key in the message", arguments: hostile)
    func refusesKey(case hostile: Hostile) async throws {
        try await Site.with { site in
            try site.put(1)
            #expect(try await site.once().code == 0)
            let before = try published(site)
            for (path, bytes) in Models.version(2) { site.server.put(bucket: "models", key: "mnist/2/\(path)", data: bytes) }
            for key in hostile.keys { site.server.put(bucket: "models", key: "mnist/2/\(key)", data: Array("hostile".utf8)) }
            let outcome = try await site.once("--timeout", "40s")
            #expect(outcome.code == 65, "\(outcome)")
            #expect(outcome.lastWord.contains(hostile.shown), "\(outcome)")
            #expect(outcome.errors.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f || $0 == "\n" })
            #expect(outcome.lines.allSatisfy { $0.json != nil }, "each line is one log entry: \(outcome)")
            #expect(try published(site) == before)
            let outside = try FileTree(site.scratch).paths.filter { !$0.hasPrefix("s3") && !$0.hasPrefix("volume") }
            #expect(outside.isEmpty)
            #expect(!exists("/tmp/aspired-e2e-escaped"))
            #expect(try FileTree(site.root).files.values.allSatisfy { $0 != Array("hostile".utf8) })
        }
    }

    @Test("the versions beside a hostile one are published")
    func othersGoOn() async throws {
        try await Site.with { site in
            try site.put(1)
            for (path, bytes) in Models.version(2) { site.server.put(bucket: "models", key: "mnist/2/\(path)", data: bytes) }
            site.server.put(bucket: "models", key: "mnist/2/../x", data: [1])
            let outcome = try await site.once("--versions", "all")
            #expect(outcome.code == 65, "\(outcome)")
            #expect(site.versions() == ["1"])
            #expect(try FileTree(site.published(1)).files == Models.version(1))
        }
    }

    @Test("a huge error body is not taken in")
    func boundedErrorBody() async throws {
        try await Site.with { site in
            try site.put(1)
            site.server.script(Fault(.status(403, code: "AccessDenied", bodySize: 64 << 20), on: .list, times: nil))
            let outcome = try await site.once("--timeout", "40s")
            #expect(outcome.code == 77, "\(outcome)")
            #expect(outcome.errors.utf8.count < 20_000)
        }
    }

    private func published(_ site: Site) throws -> [String: FileTree.Entry] { try FileTree(site.base()).entries }
}

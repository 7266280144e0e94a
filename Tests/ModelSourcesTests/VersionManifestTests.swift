import Digests
import Servables
import Testing

@testable import ModelSources

@Suite("The manifest of a version")
struct VersionManifestTests {
    private static let digest = Hex.encode(DigestKind.sha256.digest(of: Array("x".utf8)))

    private static func file(_ path: String, size: String = "1", sha256: String = digest) -> String {
        #"{"path":"\#(path)","size":\#(size),"sha256":"\#(sha256)"}"#
    }

    private static func manifest(_ files: String...) -> String { #"{"version":1,"files":[\#(files.joined(separator: ","))]}"# }

    private func parse(_ text: String) throws -> VersionManifest { try VersionManifest(parsing: Array(text.utf8)) }

    private func listing(_ sizes: [String: Int64]) -> FileTable {
        var table = FileTable()
        for (path, size) in sizes.sorted(by: { $0.key < $1.key }) {
            table.append(FileEntry(path: path, size: size, tag: "\"e\"", modified: Timestamp(secondsSinceEpoch: 0)))
        }
        return table
    }

    @Test("Only what it lists is taken, and each file with its SHA-256")
    func complete() throws {
        let manifest = try parse(Self.manifest(Self.file("b/c", size: "2"), Self.file("a")))
        guard case .complete(let table) = manifest.match(listing(["a": 1, "b/c": 2, "b/other": 3])) else {
            Issue.record("not complete")
            return
        }
        #expect(table.map(\.path) == ["a", "b/c"])
        #expect(table.allSatisfy { $0.sha256.map(Hex.encode) == Self.digest && $0.token == "\"e\"" })
    }

    @Test("What other readers find in it is none of our business")
    func unknownMembers() throws {
        let text =
            #"{"tool":{"name":"x"},"files":[{"path":"a","size":1,"sha256":"\#(Self.digest.uppercased())","mode":420}],"version":1}"#
        guard case .complete = try parse(text).match(listing(["a": 1])) else {
            Issue.record("not complete")
            return
        }
    }

    @Test("A file that is missing or of another size is named")
    func incomplete() throws {
        let manifest = try parse(Self.manifest(Self.file("z"), Self.file("a"), Self.file("b")))
        func reason(_ sizes: [String: Int64]) -> String? {
            guard case .incomplete(let reason) = manifest.match(listing(sizes)) else { return nil }
            return reason
        }
        #expect(reason(["a": 1, "z": 1]) == "b, which its manifest lists, is not there yet")
        #expect(reason([:]) == "z, which its manifest lists, is not there yet (nor are 2 more)")
        #expect(reason(["a": 1, "b": 7, "z": 1]) == "b has 7 bytes, and its manifest says 1")
    }

    @Test(
        "What says nothing that can be followed is refused, with the reason",
        arguments: [
            ("", "no JSON"), ("[]", "no object"), ("{}", "no version"), (#"{"version":2,"files":[]}"#, "not 1"),
            (#"{"version":"1","files":[]}"#, "not 1"), (#"{"version":1}"#, "no array files"),
            (#"{"version":1,"files":{}}"#, "no array files"), (manifest(), "lists no file"),
            (manifest("7"), "file 1 has no path"),
            (manifest(file("a"), #"{"path":7}"#), "file 2 has no path"), (manifest(file("a", size: "-1")), "no size"),
            (manifest(file("a", size: "1.5")), "no size"), (manifest(file("a", sha256: "ab")), "no sha256"),
            (manifest(#"{"path":"a","size":1}"#), "no sha256"), (manifest(#"{"path":"a","size":1,"sha256":null}"#), "no sha256"),
            (manifest(file("a", sha256: String(repeating: "g", count: 64))), "no sha256"),
            (manifest(file("a"), file("a")), "\"a\" is listed twice"), (manifest(file(".aspired.json")), "lists itself"),
            (manifest(file("../x")), "\"../x\" cannot be a file"), (manifest(file("/etc/passwd")), "\"/etc/passwd\" cannot be"),
            (manifest(file("a//b")), "cannot be a file"), (manifest(file(#"a\u0000b"#)), "\"a\\u{0}b\" cannot be a file"),
            (manifest(file("")), "cannot be a file"), (manifest(file("a")) + "x", "no JSON"),
            (#"{"version":1,"files":[],"files":[]}"#, "no JSON"),
        ])
    func refused(text: String, reason: String) throws {
        do throws(VersionManifest.Fault) {
            _ = try VersionManifest(parsing: Array(text.utf8))
            Issue.record("taken")
        } catch {
            #expect(error.reason.contains(reason), "\(error.reason)")
            #expect(!error.reason.contains("\n"))
        }
    }

    @Test("Two spellings of one letter are two files")
    func spellings() throws {
        let manifest = try parse(Self.manifest(Self.file("\u{e9}"), Self.file("e\u{301}")))
        guard case .incomplete = manifest.match(listing(["\u{e9}": 1])) else {
            Issue.record("one was taken for the other")
            return
        }
    }

    @Test("As many files as a version may have, and not one more")
    func limit() throws {
        let files = (0...FileTable.limit).map { Self.file("variables/part-\($0)") }
        let text = Self.manifest(files.dropLast().joined(separator: ","))
        #expect(text.utf8.count < VersionManifest.maximumBytes)
        #expect(try parse(text).count == FileTable.limit)
        let error = #expect(throws: VersionManifest.Fault.self) { try parse(Self.manifest(files.joined(separator: ","))) }
        #expect(error?.reason == "it lists more than 100000 files")
    }
}

import FileIO
import S3
import Servables
import SystemPackage
import Testing

@testable import ModelSources

@Suite("Keys that become files")
struct KeyListingTests {
    private func list(_ keys: [String], marker: String? = nil, size: Int64 = 1) throws -> VersionListing {
        var listing = KeyListing(location: "s3://b/m/7", prefix: "m/7/", marker: marker)
        for key in keys {
            listing.add(ListedObject(key: "m/7/" + key, size: key.isEmpty || key.hasSuffix("/") ? 0 : size, etag: "\"e\""))
        }
        return try listing.finish()
    }

    private func refusal(_ keys: [String]) -> Failure? {
        do throws(SourceError) {
            var listing = KeyListing(location: "s3://b/m/7", prefix: "m/7/", marker: nil)
            for key in keys { listing.add(ListedObject(key: "m/7/" + key, size: 1, etag: "\"e\"")) }
            _ = try listing.finish()
            return nil
        } catch {
            return error.failure
        }
    }

    @Test("Deep keys are taken, and thousands of them are refused before their directories fill the memory")
    func deep() throws {
        let deep = { (number: Int) in "\(number)/" + String(repeating: "a/", count: 500) + "f" }
        #expect(try list([deep(1), deep(2)]).table.count == 2)
        let failure = try #require(refusal((0..<1_000).map(deep)))
        #expect(failure.kind == .badData && failure.message.contains("too many directories"), "\(failure.message)")
    }

    @Test("Without an ETag the time tells revisions from each other, and no request is pinned to it")
    func withoutTag() throws {
        func entry(_ etag: String, _ modified: Timestamp?) throws -> FileEntry {
            var listing = KeyListing(location: "s3://b/m/7", prefix: "m/7/", marker: nil)
            listing.add(ListedObject(key: "m/7/a", size: 1, etag: etag, lastModified: modified))
            return try listing.finish().table[0]
        }
        let (then, later) = (Timestamp(secondsSinceEpoch: 5), Timestamp(secondsSinceEpoch: 6))
        for etag in ["", "\"\""] {
            #expect(try entry(etag, then).tag != entry(etag, later).tag)
            #expect(EntryTag(try entry(etag, then).tag).etag.isEmpty)
            #expect(EntryTag(try entry(etag, then).requiring(sha256: [1]).tag).etag.isEmpty)
            #expect(try entry(etag, nil).tag.isEmpty)
        }
        #expect(try entry("\"e\"", then).tag == "\"e\"")
    }

    @Test(
        "Everything that can be a file is taken, byte for byte",
        arguments: [
            "a b", "a+b", "a%2Bb", "100%", "a=b&c=d", "ü€日本", "e\u{301}", "\u{e9}", "👩‍👩‍👧", ".hidden", "...", "a..b/..c", "~", "-rf",
            "a/\u{301}b", "a\u{600}/b", "a\\b", "a:b*c?d\"e'f", "$(reboot)", "`x`", "{{.}}", "a;b|c>d",
            String(repeating: "x", count: 255),
            String(repeating: "ü", count: 127) + "x", "d/" + String(repeating: "y", count: 255), "\u{200b}", " ", " a ", "a.",
        ])
    func taken(key: String) throws {
        let table = try list([key]).table
        #expect(table.count == 1)
        #expect(table[0].path.utf8.elementsEqual(key.utf8))
    }

    @Test(
        "What must not become a file refuses the whole version, by name",
        arguments: [
            "../x", "a/../../x", "..", "/etc/passwd", "//a", "a//b", "./a", "a/.", "a\u{0}b", "a\nb", "a\u{1b}[2J", "a\u{7f}",
            "a\u{9b}b", String(repeating: "x", count: 256), String(repeating: "ü", count: 128),
            "..\u{2f}\u{20dd}", "a/\u{301}/../b",
        ])
    func refused(key: String) throws {
        let failure = try #require(refusal(["good", key, "good/later"]))
        #expect(failure.kind == .badData && !failure.isTransient)
        #expect(failure.message.contains("\"m/7/\(PathRules.printable(key))\""), "\(failure.message)")
        #expect(failure.message.contains("rename the object"))
        #expect(failure.message.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) })
    }

    @Test(
        "A name that is a file and a directory is refused, in whichever order they come",
        arguments: [["a", "a/b"], ["a/b/c", "a/b"], ["a/b", "a"], ["a-b", "a/x", "a"]])
    func both(keys: [String]) throws {
        let failure = try #require(refusal(keys))
        #expect(failure.message.contains("it cannot be a file and a directory"))
        #expect(failure.message.contains(keys.contains("a/b/c") ? "\"m/7/a/b\"" : "\"m/7/a\""))
    }

    @Test("A file beside a directory's marker of the same name is refused, too")
    func fileAndMarker() {
        #expect(throws: SourceError.self) { try list(["a", "a/"]) }
        #expect(throws: Never.self) { try list(["a.b", "a/", "a/b"]) }
    }

    @Test("A key that comes twice is refused")
    func twice() throws {
        #expect(try #require(refusal(["a", "b", "a"])).message.contains("\"m/7/a\""))
        #expect(refusal(["e\u{301}", "\u{e9}"]) == nil, "two spellings of one letter are two keys")
    }

    @Test("Keys that end with a slash are directories if they are empty, also the version's own")
    func directoryMarkers() throws {
        let listing = try list(["", "assets/", "variables/deep/", "a"])
        #expect(listing.table.map(\.path) == ["a"])
        #expect(listing.table.emptyDirectories == ["assets", "variables/deep"])
        #expect(try #require(refusal(["assets/"])).message.contains("it ends with a slash and is not empty"))
        #expect(try #require(refusal([""])).message.contains("it ends with a slash and is not empty"))
        #expect(throws: SourceError.self) { try list(["a/../"]) }
        #expect(throws: SourceError.self) { try list(["a//"]) }
    }

    @Test("Marker and manifest are seen and are no files; the marker byte for byte")
    func marker() throws {
        let listing = try list(["_DONE", ".aspired.json", "sub/.aspired.json", "a"], marker: "_DONE")
        #expect(listing.hasMarker)
        #expect(listing.manifest?.path == ".aspired.json")
        #expect(listing.table.map(\.path) == ["sub/.aspired.json", "a"])
        #expect(try list(["e\u{301}"], marker: "\u{e9}").hasMarker == false)
        #expect(try list(["done/x"], marker: "done/x").hasMarker)
    }

    @Test("More files than a version may have are refused, empty directories among them")
    func limit() throws {
        let files = (0..<FileTable.limit).map { "f\($0)" }
        #expect(try list(files).table.count == FileTable.limit)
        #expect(try #require(refusal(files + ["one-more"])).message.contains("more than 100000 files"))
        #expect(throws: SourceError.self) { try list((0...FileTable.limit).map { "d\($0)/" }) }
    }
}

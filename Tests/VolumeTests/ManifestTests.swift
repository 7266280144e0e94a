import FileIO
import Servables
import SystemPackage
import Testing

@testable import Volume

@Suite("Manifests")
struct ManifestTests {
    private func header(files: Int, model: String = "m", version: Version = .eight) -> ManifestHeader {
        ManifestHeader(
            model: model, version: version, source: "s3://bucket/\"quoted\"\n/ü", isAdopted: true,
            summary: ManifestSummary(
                files: files, bytes: 12_345, publishedAt: Timestamp(secondsSinceEpoch: 1_800_000_000, nanoseconds: 1_000_000),
                newest: Timestamp(secondsSinceEpoch: 1), verified: [.sha256: 2, .size: 1],
                releasedAt: Timestamp(secondsSinceEpoch: 1_800_000_001, nanoseconds: 999_000_000)),
            emptyDirectories: ["a/b", "\u{e9}"])
    }

    private func files(_ count: Int) -> [ManifestFile] {
        (0..<count).map { number in
            ManifestFile(
                entry: FileEntry(
                    path: "d/\(number)-\"\\\u{10ffff}", size: Int64(number) << 20, tag: "\"tag \(number)\"",
                    modified: Timestamp(secondsSinceEpoch: Int64(number), nanoseconds: 7_000_000)),
                verification: Verification(crc64nvme: UInt64(number) &* 0x9e37_79b9_7f4a_7c15, method: .crc32c))
        }
    }

    private func write(_ header: ManifestHeader, _ files: [ManifestFile], _ bench: Bench) throws {
        try bench.volume().manifests.write(header) { (take) throws(FileError) in
            for file in files { try take(file) }
        }
    }

    @Test("a manifest says the same after it was written and read", arguments: [0, 1, 10_000])
    func roundTrip(count: Int) async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try write(header(files: count), files(count), bench)
            #expect(try bench.volume().manifests.header("m", .eight) == header(files: count))
            #expect(try bench.fileSystem.status(bench.layout.state.appending("manifests/m/8.json"))?.mode == 0o644)
            #expect(try bench.state("manifests/m") == ["8.json"])
            let content = try read(bench.layout.state.appending("manifests/m/8.json"))
            let lines = content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            #expect(lines[1..<(count + 1)].map { ManifestText.parseFile($0) } == files(count).map { $0 })

            // What changes of the whole leaves the files as they are.
            let volume = bench.volume()
            try volume.setReleased("m", .eight, at: nil)
            var changed = header(files: count)
            changed.summary.releasedAt = nil
            #expect(try bench.volume().manifests.header("m", .eight) == changed)
            try volume.setReleased("m", .eight, at: header(files: count).summary.releasedAt)
            #expect(try read(bench.layout.state.appending("manifests/m/8.json")) == content)
        }
    }

    @Test("any single damaged byte, and any cut, makes a manifest count as none")
    func damage() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try write(header(files: 2), files(2), bench)
            try bench.fileSystem.makeDirectory(bench.base.appending("8"), mode: 0o755)
            let path = bench.layout.state.appending("manifests/m/8.json")
            let content = try read(path)
            #expect(try bench.published() == [.eight])
            for position in content.indices {
                for flip in [0x01, content[position] ^ UInt8(ascii: "\n")] where flip != 0 {
                    var damaged = content
                    damaged[position] ^= flip
                    try VolumeTests.write(damaged, to: path)
                    #expect(try bench.volume().manifests.header("m", .eight) == nil, "byte \(position) ^ \(flip)")
                }
                try VolumeTests.write(Array(content[..<position]), to: path)
                #expect(try bench.volume().manifests.header("m", .eight) == nil, "cut at \(position)")
            }
            for addition in ["\n", "x", "{}\n"] {
                try VolumeTests.write(content + Array(addition.utf8), to: path)
                #expect(try bench.volume().manifests.header("m", .eight) == nil)
            }
            #expect(try bench.volume().inventory("m")[.eight]?.kind == .unknownDirectory)
            try VolumeTests.write(content, to: path)
            #expect(try bench.published() == [.eight])
        }
    }

    @Test("that a version was refused is written where it was, and anything that is not exactly that makes the manifest none")
    func refusal() {
        var header = header(files: 0)
        #expect(!String(decoding: ManifestText.header(header), as: UTF8.self).contains("refusal"))
        header.summary.refusal = LoadRefusal(reason: "says \"no\"", at: Timestamp(secondsSinceEpoch: 1), count: 3)
        let text = String(decoding: ManifestText.header(header), as: UTF8.self)
        let refusal = #""refusal":{"reason":"says \"no\"","at":"1970-01-01T00:00:01.000Z","count":3}"#
        #expect(text.contains(refusal))
        #expect(ManifestText.parseHeader(Array(text.utf8)[...]) == header)
        for other in [
            "null", "{}", "[]", #"{"reason":"","at":"1970-01-01T00:00:01Z","count":0}"#,
            #"{"reason":"","at":"1970-01-01T00:00:01Z","count":9223372036854775807}"#,
            #"{"reason":"","at":"1970-01-01T00:00:01Z","count":1,"x":1}"#, #"{"reason":"","at":"yesterday","count":1}"#,
            #"{"reason":1,"at":"1970-01-01T00:00:01Z","count":1}"#, #"{"reason":"","at":"1970-01-01T00:00:01Z","count":1.5}"#,
        ] {
            let changed = text.replacing(refusal, with: "\"refusal\":\(other)")
            #expect(changed != text)
            #expect(ManifestText.parseHeader(Array(changed.utf8)[...]) == nil, "\(other)")
        }
    }

    @Test(
        "a server's words become one line of 1,000 bytes at most, never half a letter",
        arguments: [
            ("", ""), ("a\r\nb\u{0}c\u{85}d\u{7f}\u{2029}e", "a  b c d  e"), (String(repeating: "x", count: 1_001), nil),
            (String(repeating: "\u{1f600}", count: 251), String(repeating: "\u{1f600}", count: 250)),
        ] as [(String, String?)])
    func oneLine(text: String, expected: String?) {
        #expect(ManifestText.oneLine(text) == expected ?? String(repeating: "x", count: 1_000))
    }

    @Test("a manifest of another model or version, or that is no file, is none")
    func misplaced() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try write(header(files: 1), files(1), bench)
            let manifests = bench.layout.state.appending("manifests")
            let content = try read(manifests.appending("m/8.json"))
            try bench.fileSystem.makeDirectory(manifests.appending("n"), mode: 0o755)
            for path in ["m/9.json", "m/08.json", "n/8.json"] { try VolumeTests.write(content, to: manifests.appending(path)) }
            try bench.fileSystem.makeDirectory(manifests.appending("m/10.json"), mode: 0o755)
            let store = bench.volume().manifests
            #expect(try store.header("m", .nine) == nil)
            #expect(try store.header("m", #require(Version("08"))) == nil)
            #expect(try store.header("n", .eight) == nil)
            #expect(try store.header("m", Version(number: 10)) == nil)
            #expect(try store.header("m", .eight) != nil)
        }
    }

    @Test("fewer or more files than the manifest says make it none")
    func wrongCount() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            for count in [1, 3] {
                try write(header(files: 2), files(count), bench)
                #expect(try bench.volume().manifests.header("m", .eight) == nil)
            }
        }
    }

    @Test("a manifest that did not change is not read again, one that did is")
    func cached() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try write(header(files: 1), files(1), bench)
            let probe = Probe()
            let store = bench.volume(probe).manifests
            for _ in 0..<3 { #expect(try store.header("m", .eight) != nil) }
            #expect(probe.calls.filter { $0.operation == .open }.count == 1)
            var other = header(files: 1)
            other.source = "file:///x"
            try write(other, files(1), bench)
            #expect(try store.header("m", .eight)?.source == "file:///x")
            try bench.fileSystem.removeFile(bench.layout.state.appending("manifests/m/8.json"))
            #expect(try store.header("m", .eight) == nil)
        }
    }
}

import Glibc
import Testing

@testable import S3Fixture

@Suite("Listings")
struct ListingTests {
    @Test("keys come in the order of their bytes, from folder and memory together")
    func order() async throws {
        try await Scratch.with { scratch in
            for name in ["b/a/x", "b/a.txt", "b/a-", "b/Z", "b/10", "b/9", "b/é"] { try scratch.write(name, [1]) }
            try await FixtureServer.with(root: scratch.path, options: FixtureOptions(anonymous: true)) { server async throws in
                server.put(bucket: "b", key: "a//y", data: [1])
                server.put(bucket: "b", key: "a/x", data: [1, 2])
                server.put(bucket: "b", key: "../up", data: [1])
                // Two spellings of one text to Swift's String, two keys to S3, with another key between them.
                for key in ["\u{e9}", "e\u{301}", "f"] { server.put(bucket: "b", key: key, data: [1]) }
                let answer = try await ask(server, "GET", "/b?list-type=2")
                let expected = ["../up", "10", "9", "Z", "a-", "a.txt", "a//y", "a/x", "e\u{301}", "f", "\u{e9}"]
                #expect(answer.elements("Key").map { Array($0.utf8) } == expected.map { Array($0.utf8) })
                #expect(answer.element("KeyCount") == "11")
                #expect(answer.element("IsTruncated") == "false")
                // The object in memory hides the file of the same key.
                #expect(answer.elements("Size")[7] == "2")
            }
        }
    }

    @Test("pages of every size tell the same keys and prefixes", arguments: [1, 2, 3, 100])
    func pages(size: Int) async throws {
        try await Scratch.with { scratch in
            for name in ["m/1/a", "m/1/b", "m/2/a", "m/config", "m/z", "n/x"] { try scratch.write("b/" + name, [1]) }
            let options = FixtureOptions(anonymous: true, pageSize: size)
            try await FixtureServer.with(root: scratch.path, options: options) { server async throws in
                server.put(bucket: "b", key: "m/3//", data: [])
                server.put(bucket: "b", key: "m/1/c", data: [])
                let (keys, prefixes, pages) = try await list(server, "prefix=m%2F&delimiter=%2F")
                #expect(keys == ["m/config", "m/z"])
                #expect(prefixes == ["m/1/", "m/2/", "m/3/"])
                #expect(pages == (5 + size - 1) / size)
                let all = try await list(server, "")
                #expect(all.keys == ["m/1/a", "m/1/b", "m/1/c", "m/2/a", "m/3//", "m/config", "m/z", "n/x"])
            }
        }
    }

    @Test("max-keys bounds a page, and zero gives an empty last page")
    func maxKeys() async throws {
        try await withOpenServer { server async throws in
            for key in ["a", "b", "c"] { server.put(bucket: "b", key: key, data: []) }
            let two = try await ask(server, "GET", "/b?list-type=2&max-keys=2")
            #expect(two.elements("Key") == ["a", "b"])
            #expect(two.element("IsTruncated") == "true")
            #expect(two.element("MaxKeys") == "2")
            let none = try await ask(server, "GET", "/b?list-type=2&max-keys=0")
            #expect(none.elements("Key") == [])
            #expect(none.element("IsTruncated") == "false")
            let wrong = try await ask(server, "GET", "/b?list-type=2&max-keys=x")
            #expect(wrong.element("Code") == "InvalidArgument")
        }
    }

    @Test("a token has characters that must be encoded, and a false one is refused")
    func tokens() async throws {
        try await withOpenServer(options: FixtureOptions(pageSize: 1)) { server async throws in
            for key in ["a", "b"] { server.put(bucket: "b", key: key, data: []) }
            let token = try #require(try await ask(server, "GET", "/b?list-type=2").element("NextContinuationToken"))
            #expect(["+", "/", "="].allSatisfy { token.contains($0) })
            let wrong = try await ask(server, "GET", "/b?list-type=2&continuation-token=nonsense")
            #expect(wrong.status == 400)
            // As a form would decode it: the plus is lost, and with it the token.
            let encoded = percentEncoded(token.utf8).replacing("%2B", with: "%20")
            let asForm = try await ask(server, "GET", "/b?list-type=2&continuation-token=\(encoded)")
            #expect(asForm.status == 400)
        }
    }

    @Test("start-after begins behind a key")
    func startAfter() async throws {
        try await withOpenServer { server async throws in
            for key in ["a", "b", "b/x", "c"] { server.put(bucket: "b", key: key, data: []) }
            let answer = try await ask(server, "GET", "/b?list-type=2&start-after=b")
            #expect(answer.elements("Key") == ["b/x", "c"])
            #expect(answer.element("StartAfter") == "b")
        }
    }

    @Test("encoding-type=url writes keys as a form does, slashes kept; without it XML escapes")
    func encoding() async throws {
        try await withOpenServer { server async throws in
            server.put(bucket: "b", key: "quux ab/c+d&<\u{1}>é~", data: [])
            let encoded = try await ask(server, "GET", "/b?list-type=2&encoding-type=url&prefix=quux%20ab")
            #expect(encoded.elements("Key") == ["quux+ab/c%2Bd%26%3C%01%3E%C3%A9%7E"])
            #expect(encoded.element("Prefix") == "quux+ab")
            #expect(encoded.element("EncodingType") == "url")
            let plain = try await ask(server, "GET", "/b?list-type=2")
            #expect(plain.elements("Key") == ["quux ab/c+d&amp;&lt;&#x1;&gt;é~"])
            #expect(plain.element("EncodingType") == nil)
        }
    }

    @Test("an entry has size, quoted ETag, time to the millisecond, class and checksum")
    func entry() async throws {
        try await withOpenServer { server async throws in
            server.put(
                bucket: "b", key: "k", data: Array("123456789".utf8), lastModified: .milliseconds(1_369_353_600_045),
                storageClass: "GLACIER")
            let answer = try await ask(server, "GET", "/b?list-type=2")
            #expect(answer.element("Size") == "9")
            #expect(answer.element("ETag") == "&quot;25f9e794323b453885f5181f1b624d0b&quot;")
            #expect(answer.element("LastModified") == "2013-05-24T00:00:00.045Z")
            #expect(answer.element("StorageClass") == "GLACIER")
            #expect(answer.element("ChecksumAlgorithm") == "CRC64NVME")
            #expect(answer.element("ChecksumType") == "FULL_OBJECT")
        }
    }

    @Test("files that come, change and go are seen by the next listing, though the clock be too coarse to tell")
    func liveFolder() async throws {
        try await Scratch.with { scratch in
            let now = time(nil)
            func freeze() { ["b/one", "b"].forEach { scratch.freezeTime($0, at: now) } }
            try scratch.write("b/one", [1])
            freeze()
            try await FixtureServer.with(root: scratch.path, options: FixtureOptions(anonymous: true)) { server async throws in
                let first = try await ask(server, "GET", "/b?list-type=2")
                #expect(first.elements("Key") == ["one"])
                try scratch.write("b/two/x", [2])
                try scratch.write("b/one", [3])
                freeze()
                let second = try await ask(server, "GET", "/b?list-type=2")
                #expect(second.elements("Key") == ["one", "two/x"])
                #expect(second.elements("ETag")[0] != first.elements("ETag")[0])
                unlink("\(scratch.path)/b/one")
                freeze()
                #expect(try await ask(server, "GET", "/b?list-type=2").elements("Key") == ["two/x"])
            }
        }
    }
}

/// All keys and prefixes, page by page.
private func list(_ server: FixtureServer, _ query: String) async throws -> (keys: [String], prefixes: [String], pages: Int) {
    var result = (keys: [String](), prefixes: [String](), pages: 0)
    var token = ""
    repeat {
        let answer = try await ask(server, "GET", "/b?list-type=2&\(query)\(token)")
        result.keys += answer.elements("Key")
        result.prefixes += answer.elements("CommonPrefixes").map { $0.dropFirst("<Prefix>".count).dropLast("</Prefix>".count) }
            .map(String.init)
        result.pages += 1
        token = answer.element("NextContinuationToken").map { "&continuation-token=" + percentEncoded($0.utf8) } ?? ""
    } while !token.isEmpty && result.pages < 100
    return result
}

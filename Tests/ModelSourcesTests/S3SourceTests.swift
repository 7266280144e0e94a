import S3
import S3Fixture
import Servables
import Testing

@testable import ModelSources

@Suite("A bucket as a source", .timeLimit(.minutes(5)))
struct S3SourceTests {
    private let seven = Version(number: 7)

    @Test("Versions are the names below the prefix that are integers, and no others")
    func versions() async throws {
        try await Bucket.with { (bucket) async throws in
            for key in [
                "m/7/a", "m/007x/a", "m/0012/a", "m/9", "m/-1/a", "m/ 1/a", "m2/3/a", "m/x/4/a",
                // A combining mark makes one Character of itself and the slash before it.
                "m/\u{301}5/a", "m/6\u{301}/a",
            ] { bucket.server.put(bucket: "models", key: key, data: [1]) }
            #expect(Set(try await bucket.source().listing().versions.map(\.name)) == ["7", "0012"])
            #expect(try await bucket.source(prefix: "none").listing().versions == [])
        }
    }

    @Test("Files beside the versions come with the same listing, by their names; a name that none can have spoils them alone")
    func files() async throws {
        try await Bucket.with { (bucket) async throws in
            for key in ["m/7/a", "m/config.pbtxt", "m/labels.txt", "m/x/deep.txt", "m/9", "m/.hidden", "m/"] {
                bucket.server.put(bucket: "models", key: key, data: key == "m/" ? [] : [1])
            }
            let source = bucket.source(files: try NamePatterns(parsing: "*"))
            let listing = try await source.listing()
            #expect(listing.versions.map(\.name) == ["7"])
            #expect(try listing.files.get().map(\.path) == ["config.pbtxt", "labels.txt"])
            #expect(try await bucket.source().listing().files.get().isEmpty)
            let some = bucket.source(files: try NamePatterns(parsing: "*.txt"))
            #expect(try await some.listing().files.get().map(\.path) == ["labels.txt"])
            bucket.server.put(bucket: "models", key: "m/a\u{7}b", data: [1])
            let spoilt = try await source.listing()
            #expect(spoilt.versions.map(\.name) == ["7"])
            let error = #expect(throws: SourceError.self) { try spoilt.files.get() }
            #expect(error?.failure.message.contains("\"a\\u{7}b\" cannot be one of a file: it has a control character") == true)
        }
    }

    @Test("A graph file that claims to be as large as a number can be is read as far as it is, and trapped nowhere")
    func endlessGraph() async throws {
        let entry = FileEntry(path: "saved_model.pb", size: .max, tag: "t", modified: Timestamp(secondsSinceEpoch: 0))
        // One field that reaches to a few bytes before the end.
        var field: [UInt8] = [0x0a]
        var length = UInt64(Int64.max) - 30
        while length >= 0x80 {
            field.append(UInt8(length & 0x7f) | 0x80)
            length >>= 7
        }
        field.append(UInt8(length))
        let bytes = field + [UInt8](repeating: 0, count: 65_536)
        let found = try await SavedModelReading.needs(of: entry, SavedModelBinaryScan(size: entry.size)) { (_, range) in
            #expect(range.upperBound <= entry.size)
            return Array(bytes.prefix(Int(clamping: range.count)))
        }
        guard case .failure = found else { return _ = #expect(Bool(false), "\(found)") }
    }

    @Test("Where the store does not say when its objects were written, nothing has settled")
    func unknownTimes() async throws {
        var listing = KeyListing(location: "l", prefix: "", marker: nil)
        listing.add(ListedObject(key: "a", size: 1, etag: "\"e\""))
        let check = ReadinessCheck(
            rule: .settled, settle: .seconds(10), now: Timestamp(secondsSinceEpoch: 1 << 32), location: "l",
            memory: ReadinessMemory(),
            read: { (_, _) throws(SourceError) in [] })
        guard case .held(let reason, nil) = try await check.contents(listing.finish()) else { return _ = #expect(Bool(false)) }
        #expect(reason.contains("does not say when"))
    }

    @Test("Without a prefix the bucket's top holds the versions; a prefix may be anything")
    func prefixes() async throws {
        try await Bucket.with { (bucket) async throws in
            for key in ["3/a", "a b+c%é/4/a", "a b+c%e\u{301}/5/a"] { bucket.server.put(bucket: "models", key: key, data: [1]) }
            #expect(try await bucket.source(prefix: "").listing().versions.map(\.name) == ["3"])
            #expect(try await bucket.source(prefix: "a b+c%é").listing().versions.map(\.name) == ["4"])
            let contents = try await bucket.source(.none, prefix: "a b+c%é").contents(of: Version(number: 4))
            #expect(contents.table?.map(\.path) == ["a"])
        }
    }

    @Test("A version that was listed before is listed again from where its pages ended, and is the same")
    func listedAgain() async throws {
        try await Bucket.with(FixtureOptions(pageSize: 3)) { (bucket) async throws in
            for number in 10..<30 { bucket.put("7/f\(number)") }
            let source = bucket.source(.none)
            let first = try await source.contents(of: seven)
            bucket.server.forgetRequests()
            let again = try await source.contents(of: seven)
            #expect(again.table == first.table && again.table?.count == 20)
            let starts = bucket.server.requests.filter { $0.query.contains("start-after=") }
            #expect(bucket.server.requests.count == 7 && starts.count == 6)
            bucket.put("7/f15b")
            #expect(try await source.contents(of: seven).table?.count == 21)
        }
    }

    @Test("A version of far too many keys is refused before all its pages are listed")
    func tooMany() async throws {
        try await Bucket.with { (bucket) async throws in
            bucket.put("../x")
            for number in 0..<30 { bucket.put("z\(number)") }
            bucket.server.change { $0.pageSize = 5 }
            let error = try await sourceError { _ = try await bucket.source().contents(of: seven) }
            #expect(error.failure.message.contains("\"m/7/../x\""))
            #expect(bucket.server.requests.count == 1)
        }
    }

    @Test("What was published is compared by one listing: names, sizes and ETags; marker and manifest are none of it")
    func difference() async throws {
        try await Bucket.with { (bucket) async throws in
            bucket.put("a", "1")
            bucket.put("b/c", "2")
            let source = bucket.source(.marker("DONE"))
            bucket.put("DONE")
            let published = try #require(try await source.contents(of: seven).table)
            bucket.server.forgetRequests()
            #expect(try await source.difference(of: seven, from: published) == nil)
            #expect(bucket.server.requests.map(\.operation) == [.list])
            bucket.put("a", "1", age: .zero)
            #expect(try await source.difference(of: seven, from: published) == nil, "the ETag is the same")
            bucket.put("a", "2")
            #expect(try await source.difference(of: seven, from: published) == "a was written again")
            bucket.put("a", "22")
            #expect(try await source.difference(of: seven, from: published) == "a has 2 bytes, and had 1")
            bucket.server.remove(bucket: "models", key: "m/7/a")
            #expect(try await source.difference(of: seven, from: published) == "a is gone")
            bucket.put("d")
            #expect(
                try await source.difference(of: seven, from: published) == "a is gone, and another of its files differs")
        }
    }

    @Test("By a manifest only its own files are compared, and what it lists now")
    func differenceByManifest() async throws {
        try await Bucket.with { (bucket) async throws in
            bucket.put("a", "1")
            bucket.put(".aspired.json", Manifests.text(["a": "1"]))
            let source = bucket.source()
            let published = try #require(try await source.contents(of: seven).table)
            bucket.put("unlisted")
            #expect(try await source.difference(of: seven, from: published) == nil)
            bucket.put(".aspired.json", Manifests.text(["a": "1", "unlisted": "x"]))
            #expect(try await source.difference(of: seven, from: published) == "unlisted was added")
            bucket.server.remove(bucket: "models", key: "m/7/.aspired.json")
            #expect(try await source.difference(of: seven, from: published) == "unlisted was added")
            #expect(
                try await bucket.source(.manifest).difference(of: seven, from: published)
                    == "its manifest .aspired.json is gone")
        }
    }
}

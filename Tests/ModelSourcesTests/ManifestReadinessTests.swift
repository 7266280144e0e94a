import FileIO
import S3
import S3Fixture
import Servables
import SystemPackage
import Testing

@testable import ModelSources

@Suite("When a version in a bucket is ready by its manifest", .timeLimit(.minutes(5)))
struct ManifestReadinessTests {
    private let seven = Version(number: 7)
    private let scratch: Scratch
    private let reader = WorkerThread(name: "test-read")

    init() throws { scratch = try Scratch() }

    private func staged(_ entry: FileEntry) throws -> StagedFile {
        try StagedFile(
            path: scratch.path.appending("staged"), size: entry.size, fileSystem: scratch.fileSystem, reader: reader)
    }

    @Test(
        "Neither settling nor a SavedModel's needs are asked; only what is listed is taken",
        arguments: [ReadinessRule.manifest, .auto])
    func ready(rule: ReadinessRule) async throws {
        try await Bucket.with { (bucket) async throws in
            bucket.put("saved_model.pb", "none", age: .zero)
            bucket.put("more/x", "xx", age: .zero)
            bucket.put("not/listed", age: .zero)
            bucket.put("dir/", "", age: .zero)
            bucket.put(".aspired.json", Manifests.text(["saved_model.pb": "none", "more/x": "xx"]), age: .zero)
            let source = bucket.source(rule)
            let table = try #require(try await source.contents(of: seven).table)
            #expect(table.map(\.path) == ["more/x", "saved_model.pb"])
            #expect(table.emptyDirectories == [])
            _ = try await source.contents(of: seven)
            #expect(bucket.reads() == [".aspired.json"], "read once")
        }
    }

    @Test("Without one, manifest waits for it, and auto goes by what the version is")
    func none() async throws {
        try await Bucket.with { (bucket) async throws in
            bucket.put("model.onnx")
            #expect(try await bucket.source(.manifest).contents(of: seven).heldReason == "waiting for its manifest .aspired.json")
            #expect(try await bucket.source(.auto).contents(of: seven).table?.count == 1)
        }
    }

    @Test("A file that it lists and that is not there, or of another size, holds it")
    func incomplete() async throws {
        try await Bucket.with { (bucket) async throws in
            bucket.put("a", "1")
            bucket.put(".aspired.json", Manifests.text(["a": "1", "b/c": "22"]))
            let source = bucket.source()
            #expect(try await source.contents(of: seven).heldReason == "b/c, which its manifest lists, is not there yet")
            bucket.put("b/c", "2")
            #expect(try await source.contents(of: seven).heldReason == "b/c has 1 bytes, and its manifest says 2")
            #expect(bucket.reads() == [".aspired.json"])
            bucket.put("b/c", "22")
            #expect(try await source.contents(of: seven).table?.count == 2)
        }
    }

    @Test(
        "One that cannot be followed fails the version in one line that names it",
        arguments: ["{", #"{"version":3,"files":[]}"#, #"{"version":1,"files":[{"path":"../x","size":1,"sha256":""}]}"#])
    func malformed(text: String) async throws {
        try await Bucket.with { (bucket) async throws in
            bucket.put("a")
            bucket.put(".aspired.json", text)
            let error = try await sourceError { _ = try await bucket.source().contents(of: seven) }
            #expect(error.failure.kind == .badData && !error.failure.isTransient)
            #expect(error.failure.message.hasPrefix("read s3://models/m/7/.aspired.json: "))
            #expect(!error.failure.message.contains("\n"))
        }
    }

    @Test("One that is too large is refused unread")
    func tooLarge() async throws {
        try await Bucket.with { (bucket) async throws in
            bucket.put("a")
            bucket.server.put(
                bucket: "models", key: "m/7/.aspired.json", synthetic: SyntheticContent(size: 33 << 20))
            let error = try await sourceError { _ = try await bucket.source().contents(of: seven) }
            #expect(error.failure.kind == .badData)
            #expect(error.failure.message.contains("34603008 bytes; 33554432 are the most"))
            #expect(bucket.reads() == [])
        }
    }

    @Test("Bytes are compared with its SHA-256, also where the store offers other checksums, and the method says so")
    func verified() async throws {
        try await Bucket.with { (bucket) async throws in
            bucket.put("a", "right")
            bucket.put(".aspired.json", Manifests.text(["a": "right"]))
            let source = bucket.source()
            let entry = try #require(try await source.contents(of: seven).table?[0])
            let file = try staged(entry)
            #expect(try await source.fetch(entry, of: seven, into: file) { _ in }.method == .sha256)
            #expect(try scratch.read("staged") == "right")
        }
    }

    @Test("Bytes of another SHA-256 are fetched once more, refused, and named with their manifest")
    func mismatch() async throws {
        try await Bucket.with { (bucket) async throws in
            bucket.put("a", "wrong")
            bucket.put(".aspired.json", Manifests.text(["a": "right"]))
            let source = bucket.source()
            let entry = try #require(try await source.contents(of: seven).table?[0])
            bucket.server.forgetRequests()
            let file = try staged(entry)
            let error = try await sourceError { _ = try await source.fetch(entry, of: seven, into: file) { _ in } }
            #expect(error.failure.kind == .badData)
            #expect(error.failure.message.hasPrefix("GetObject s3://models/m/7/a: its SHA-256 is "))
            #expect(error.failure.message.contains(".aspired.json of its version says "))
            #expect(bucket.reads() == ["a", "a"])
            #expect(file.missing == [0..<5], "nothing of it is kept")
            #expect(bucket.telemetry.mismatches == 2)
        }
    }

    @Test("An object that was replaced since it was listed is stale, and nothing of it is kept")
    func replaced() async throws {
        try await Bucket.with { (bucket) async throws in
            bucket.put("a", "right")
            bucket.put(".aspired.json", Manifests.text(["a": "right"]))
            let source = bucket.source()
            let entry = try #require(try await source.contents(of: seven).table?[0])
            bucket.put("a", "wrong")
            let file = try staged(entry)
            let error = try await sourceError { _ = try await source.fetch(entry, of: seven, into: file) { _ in } }
            #expect(error.isStale && error.failure.isTransient)
            #expect(file.missing == [0..<5])
        }
    }

    @Test("A file that is there already is compared with its SHA-256, without a request")
    func compared() async throws {
        try await Bucket.with { (bucket) async throws in
            bucket.put("a", "right")
            bucket.put(".aspired.json", Manifests.text(["a": "right"]))
            let source = bucket.source()
            let entry = try #require(try await source.contents(of: seven).table?[0])
            bucket.server.forgetRequests()
            for (content, method) in [("right", VerificationMethod.sha256), ("wrong", nil), ("right and more", nil)] {
                try scratch.write("local", content)
                let local = LocalFile(
                    path: scratch.path.appending("local"), size: 5, fileSystem: scratch.fileSystem, reader: reader)
                #expect(try await source.verify(entry, of: seven, against: local)?.method == method)
            }
            #expect(bucket.server.requests.isEmpty)
        }
    }

    @Test("A manifest that changes makes another table: what was staged under the old one is not taken up")
    func anotherManifest() async throws {
        try await Bucket.with { (bucket) async throws in
            bucket.put("a", "12345")
            bucket.put(".aspired.json", Manifests.text(["a": "right"]))
            let source = bucket.source()
            let one = try #require(try await source.contents(of: seven).table)
            bucket.put(".aspired.json", Manifests.text(["a": "wrong"]))
            let other = try #require(try await source.contents(of: seven).table)
            #expect(one != other)
            #expect(one[0].tag != other[0].tag)
        }
    }
}

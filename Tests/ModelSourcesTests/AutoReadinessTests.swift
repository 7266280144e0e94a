import S3Fixture
import Servables
import Testing

@testable import ModelSources

@Suite("When a version in a bucket is ready by itself", .timeLimit(.minutes(5)))
struct AutoReadinessTests {
    private let seven = Version(number: 7)
    private let index = "variables/variables.index"
    private let shard = "variables/variables.data-00000-of-00001"
    private let advice = "write a manifest (.aspired.json) or a marker (--ready marker:NAME) last, or set --ready settled"

    private static let model = SavedModelBytes.model(SavedModelBytes.metaGraph(saver: true, assets: ["vocab.txt"]))

    private func held(_ bucket: Bucket, _ ready: ReadinessRule = .auto) async throws -> String? {
        try await bucket.source(ready).contents(of: seven).heldReason
    }

    @Test("An upload whose shard is still on its way is held, however long ago the rest settled, and names what is missing")
    func uploadInProgress() async throws {
        try await Bucket.with { (bucket) async throws in
            bucket.put("saved_model.pb", Self.model)
            #expect(
                try await held(bucket)
                    == "variables/variables.index, which saved_model.pb asks for, is not there yet (nor are 2 more)")
            bucket.put(index)
            bucket.put("assets/vocab.txt")
            #expect(
                try await held(bucket)
                    == "variables/variables.data-00000-of-?????, which saved_model.pb asks for, is not there yet")
            bucket.put("variables/variables.data-00000-of-00002")
            #expect(try await held(bucket)?.hasPrefix("variables/variables.data-00001-of-00002, which") == true)
            bucket.put("variables/variables.data-00001-of-00002")
            #expect(try await bucket.source().contents(of: seven).table?.count == 5)
        }
    }

    @Test("A graph without variables needs none; an asset is needed by its name")
    func noVariables() async throws {
        try await Bucket.with { (bucket) async throws in
            bucket.put("saved_model.pb", SavedModelBytes.model(SavedModelBytes.metaGraph(assets: ["a b+c%=é"])))
            #expect(try await held(bucket) == "assets/a b+c%=é, which saved_model.pb asks for, is not there yet")
            bucket.put("assets/a b+c%=é")
            #expect(try await bucket.source().contents(of: seven).table?.count == 2)
        }
    }

    @Test("Triton's directory is asked as the top is, and what stands beside it is taken")
    func triton() async throws {
        try await Bucket.with { (bucket) async throws in
            bucket.put("model.savedmodel/" + index)
            bucket.put("assets/notes.txt")
            #expect(try await held(bucket)?.hasPrefix("it has files of a SavedModel and no saved_model.pb yet") == true)
            bucket.put("model.savedmodel/saved_model.pb", Self.model)
            #expect(
                try await held(bucket)
                    == "model.savedmodel/variables/variables.data-00000-of-?????, which model.savedmodel/saved_model.pb asks for, "
                    + "is not there yet (nor is another)")
            bucket.put("model.savedmodel/" + shard)
            bucket.put("model.savedmodel/assets/vocab.txt")
            #expect(try await bucket.source().contents(of: seven).table?.count == 5)
            // Of two models both must be whole.
            bucket.put("saved_model.pb", SavedModelBytes.model(SavedModelBytes.metaGraph()))
            #expect(try await bucket.source().contents(of: seven).table?.count == 6)
            bucket.server.remove(bucket: "models", key: "m/7/model.savedmodel/" + shard)
            #expect(try await held(bucket)?.hasPrefix("model.savedmodel/variables/variables.data-00000-of-?????") == true)
        }
    }

    @Test("Parts of a SavedModel without a graph are held; each form of a graph is one")
    func graphs() async throws {
        try await Bucket.with { (bucket) async throws in
            bucket.put("fingerprint.pb")
            #expect(
                try await held(bucket)
                    == "it has files of a SavedModel and no saved_model.pb yet; if it is none: \(advice)")
            bucket.put("saved_model.pbtxt", "meta_graphs { saver_def { } }")
            #expect(try await held(bucket)?.hasPrefix("variables/variables.index, which saved_model.pbtxt asks for") == true)
            bucket.server.remove(bucket: "models", key: "m/7/saved_model.pbtxt")
            bucket.put("saved_model.cpb", "chunks")
            #expect(try await bucket.source().contents(of: seven).table?.count == 2)
            bucket.put(shard)
            #expect(try await held(bucket) == "variables/variables.index, which saved_model.cpb asks for, is not there yet")
        }
    }

    @Test("A saved_model.pb that is none is held, also beside other files", arguments: ["version 1\n", "", "<Error/>"])
    func noProtobuf(content: String) async throws {
        try await Bucket.with { (bucket) async throws in
            bucket.put("saved_model.pb", content)
            let reason = try #require(try await held(bucket))
            #expect(reason.hasPrefix("saved_model.pb is no SavedModel: it "))
            #expect(reason.hasSuffix(advice))
        }
    }

    @Test("One object that is no SavedModel is whole when it settled; of several nothing tells that")
    func others() async throws {
        try await Bucket.with { (bucket) async throws in
            #expect(try await held(bucket) == "it holds no file yet")
            bucket.put("dir/", "")
            #expect(try await held(bucket) == "it holds no file yet")
            bucket.put("model.onnx", age: .seconds(-5))
            let unsettled = try await bucket.source().contents(of: seven)
            #expect(unsettled.heldReason == "its newest object is not yet 10s old (--settle)")
            #expect(unsettled.lookAgainIn == .seconds(10))
            bucket.put("model.onnx")
            #expect(try await bucket.source().contents(of: seven).table?.map(\.path) == ["model.onnx"])
            bucket.put("config.json")
            #expect(
                try await held(bucket)
                    == "it has 2 files that are no SavedModel, and nothing tells whether they are all: \(advice)")
            #expect(try await bucket.source(.settled).contents(of: seven).table?.count == 2)
            #expect(bucket.reads() == [], "nothing of it says anything about the others")
        }
    }

    @Test("The store's clock tells the age, not ours")
    func storeClock() async throws {
        try await Bucket.with(FixtureOptions(clockOffset: .seconds(-7200))) { (bucket) async throws in
            bucket.put("model.onnx", age: .seconds(7200))
            #expect(try await held(bucket)?.contains("--settle") == true)
            bucket.put("model.onnx", age: .seconds(7230))
            #expect(try await held(bucket) == nil)
        }
    }

    @Test("The graph is asked when all has settled, once, and again only when it is another")
    func askedOnce() async throws {
        try await Bucket.with { (bucket) async throws in
            let source = bucket.source()
            bucket.put("saved_model.pb", Self.model)
            bucket.put("assets/vocab.txt", age: .zero)
            #expect(try await source.contents(of: seven).heldReason?.contains("--settle") == true)
            #expect(bucket.reads() == [])
            bucket.put("assets/vocab.txt")
            for _ in 0..<3 { #expect(try await source.contents(of: seven).heldReason?.contains("variables") == true) }
            #expect(bucket.reads() == ["saved_model.pb"])
            bucket.put(index)
            #expect(try await source.contents(of: seven).heldReason?.contains("data-00000") == true)
            #expect(bucket.reads() == [])
            bucket.put("saved_model.pb", SavedModelBytes.model(SavedModelBytes.metaGraph()))
            #expect(try await source.contents(of: seven).table?.count == 3)
            #expect(bucket.reads() == ["saved_model.pb"])
        }
    }

    @Test("Of a large graph little is read before it is fetched")
    func largeGraph() async throws {
        try await Bucket.with { (bucket) async throws in
            let model = SavedModelBytes.model(SavedModelBytes.metaGraph(graph: 3 << 20, saver: true))
            bucket.put("saved_model.pb", model)
            #expect(try await held(bucket)?.contains("variables.index") == true)
            #expect(bucket.reads() == ["saved_model.pb 0-65535", "saved_model.pb 3145749-\(model.count - 1)"])
        }
    }

    @Test("A graph that changes while it is asked, or a store that fails, says nothing and is asked again")
    func changes() async throws {
        try await Bucket.with { (bucket) async throws in
            let source = bucket.source()
            bucket.put("saved_model.pb", SavedModelBytes.model(SavedModelBytes.metaGraph(graph: 200_000)))
            bucket.server.script(
                Fault(.replace(SavedModelBytes.model(SavedModelBytes.metaGraph(saver: true))), on: .get, first: 2))
            let error = try await sourceError { _ = try await source.contents(of: seven) }
            #expect(error.isStale && error.failure.isTransient)
            bucket.server.clearScript()
            bucket.put("saved_model.pb", SavedModelBytes.model(SavedModelBytes.metaGraph(saver: true)))
            #expect(try await source.contents(of: seven).heldReason?.contains("variables.index") == true)
        }
    }
}

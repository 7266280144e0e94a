import FileIO
import Servables
import SystemPackage
import Testing

@testable import ModelSources

@Suite("What a saved_model.pb asks for")
struct SavedModelScanTests {
    /// What is read of a file, and what comes of it.
    private func scan(_ bytes: [UInt8], size: Int? = nil) async throws -> (
        needs: Result<SavedModelNeeds, SavedModelFault>, ranges: [Range<Int64>]
    ) {
        let size = size ?? bytes.count
        let entry = FileEntry(path: "saved_model.pb", size: Int64(size), tag: "1", modified: Timestamp(secondsSinceEpoch: 0))
        let ranges = Lock<[Range<Int64>]>([])
        let needs = try await SavedModelReading.needs(of: entry, SavedModelBinaryScan(size: Int64(size))) { _, range in
            ranges.withLock { $0.append(range) }
            return Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])
        }
        return (needs, ranges.withLock { $0 })
    }

    /// The scan with as few bytes at a time as it can do with.
    private func scanInPieces(_ bytes: [UInt8], piece: Int) throws -> SavedModelNeeds {
        var scan = SavedModelBinaryScan(size: Int64(bytes.count))
        var start = 0
        while let next = try scan.take(Array(bytes[start..<min(start + piece, bytes.count)]), at: Int64(start)) {
            start = Int(next)
        }
        return scan.needs
    }

    private func names(_ needs: SavedModelNeeds) -> [String] {
        needs.assets.map { String(decoding: $0, as: UTF8.self) }.sorted()
    }

    @Test("Variables where a meta graph has a saver_def, and the files of its assets")
    func finds() async throws {
        let needs = try await scan(
            SavedModelBytes.model(
                SavedModelBytes.metaGraph(assets: ["vocab.txt"]),
                SavedModelBytes.metaGraph(saver: true, assets: ["labels/ü.txt", "vocab.txt"]))
        ).needs.get()
        #expect(needs.needsVariables)
        #expect(names(needs) == ["labels/ü.txt", "vocab.txt"])
        let without = try await scan(SavedModelBytes.model(SavedModelBytes.metaGraph())).needs.get()
        #expect(without == SavedModelNeeds())
    }

    @Test("The assets of old versions are in a collection, and no other collection has any")
    func collection() async throws {
        let content = SavedModelBytes.collection("saved_model_assets", "a", "b/c") + SavedModelBytes.collection("variables", "d")
        let needs = try await scan(SavedModelBytes.model(SavedModelBytes.field(2, content))).needs.get()
        #expect(names(needs) == ["a", "b/c"])
    }

    @Test("An empty saver_def is one")
    func emptySaver() async throws {
        let needs = try await scan(SavedModelBytes.model(SavedModelBytes.field(2, SavedModelBytes.field(3, [])))).needs.get()
        #expect(needs.needsVariables)
    }

    @Test("However the bytes come, the same is found", arguments: [64, 65, 100, 1_000])
    func pieces(piece: Int) throws {
        let bytes = SavedModelBytes.model(
            SavedModelBytes.metaGraph(graph: 300, saver: true, assets: ["a", "b/c"]),
            SavedModelBytes.metaGraph(graph: 5_000, assets: [String(repeating: "d", count: 20)]))
        let needs = try scanInPieces(bytes, piece: piece)
        #expect(needs.needsVariables)
        #expect(names(needs) == ["a", "b/c", String(repeating: "d", count: 20)])
    }

    @Test("Of a large graph little is read, and what is behind it is found all the same")
    func skipsTheGraph() async throws {
        let size = 30 << 20
        let bytes = SavedModelBytes.model(
            SavedModelBytes.metaGraph(graph: size, saver: true, assets: ["a"]),
            SavedModelBytes.metaGraph(graph: size, assets: ["b"]))
        let (needs, ranges) = try await scan(bytes)
        #expect(try names(needs.get()) == ["a", "b"])
        #expect(ranges.reduce(0) { $0 + $1.count } <= 3 * 64 << 10, "\(ranges)")
    }

    @Test("A file of nothing but small fields is read in few pieces, none of them large")
    func manyFields() async throws {
        var content = SavedModelBytes.metaGraph(saver: true)
        for _ in 0..<3_000_000 { content += [0x28, 0x01] }
        let (needs, ranges) = try await scan(content)
        #expect(try needs.get().needsVariables)
        #expect(ranges.allSatisfy { $0.count <= 1 << 20 })
        #expect(ranges.count < 40, "\(ranges.count)")
    }

    @Test("Cut anywhere it is no SavedModel, or asks for no more than the whole")
    func cut() async throws {
        let whole = SavedModelBytes.model(SavedModelBytes.metaGraph(saver: true, assets: ["vocab.txt"]))
        for length in 0..<whole.count {
            let (needs, _) = try await scan(Array(whole.prefix(length)))
            // Nothing of a meta graph is taken for all of it.
            #expect(throws: SavedModelFault.self, "\(length) bytes") { try needs.get() }
        }
        // Nor is a part of the second for nothing.
        let more = whole + SavedModelBytes.metaGraph(assets: ["labels.txt"])
        for length in whole.count + 1..<more.count {
            let (needs, _) = try await scan(Array(more.prefix(length)))
            #expect(throws: SavedModelFault.self, "\(length) bytes") { try needs.get() }
        }
    }

    @Test(
        "What is no SavedModel is none",
        arguments: [
            "", "x", "version 1\n", "<?xml version=\"1.0\"?><Error/>", "{\"a\":1}", String(repeating: "\0", count: 100),
            // Field 1, and nothing else; a meta graph that is a number; one that is longer than the file.
            "\u{8}\u{1}", "\u{10}\u{1}", "\u{12}\u{7f}abc", "\u{12}\u{1}\u{7f}",
        ])
    func garbage(text: String) async throws {
        let needs = try await scan(Array(text.utf8)).needs
        #expect(throws: SavedModelFault.self) { try needs.get() }
    }

    @Test("Lengths and numbers beyond all bounds are refused")
    func overflow() async throws {
        for bytes: [UInt8] in [
            [0x12] + [UInt8](repeating: 0xff, count: 9) + [0x01], [0x12] + [UInt8](repeating: 0xff, count: 12),
            [0x08] + [UInt8](repeating: 0x80, count: 20),
        ] {
            let needs = try await scan(bytes + [UInt8](repeating: 0, count: 40)).needs
            #expect(throws: SavedModelFault.self) { try needs.get() }
        }
        let needs = try await scan(
            SavedModelBytes.model(SavedModelBytes.metaGraph(assets: [String(repeating: "n", count: 5_000)]))
        ).needs
        #expect(throws: SavedModelFault.self) { try needs.get() }
    }

    /// Models that TensorFlow itself wrote, which are not part of this package.
    private static let written: [(model: String, hasVariables: Bool, assets: [String])] = [
        ("counter/00000123", true, []), ("half_plus_three/00000123", true, ["foo.txt"]),
        ("half_plus_two_2_versions/00000123", true, ["foo.txt"]), ("half_plus_two_2_versions/00000124", true, ["foo.txt"]),
        ("half_plus_two_tf2_cpu/00000123", true, ["foo.txt"]), ("matrix_half_plus_two/1", false, []),
    ]

    @Test("TensorFlow's own models", .enabled(if: SharedData.isPresent, "the shared test data is not here"), arguments: written)
    func real(model: String, hasVariables: Bool, assets: [String]) async throws {
        let path = SharedData.savedModels.appending(model).appending("saved_model.pb")
        let needs = try await scan(try FileSystem().readFile(path, limit: 64 << 20)).needs.get()
        #expect(needs.needsVariables == hasVariables)
        #expect(names(needs) == assets)
    }
}

import Testing

@testable import ModelSources

@Suite("What a saved_model.pbtxt asks for")
struct SavedModelTextScanTests {
    private func scan(_ text: String, piece: Int = .max) throws -> SavedModelNeeds {
        let bytes = Array(text.utf8)
        var scan = SavedModelTextScan(size: Int64(bytes.count))
        var start = 0
        while let next = try scan.take(Array(bytes[start...].prefix(piece)), at: Int64(start)) { start = Int(next) }
        return scan.needs
    }

    private func names(_ needs: SavedModelNeeds) -> [String] {
        needs.assets.map { String(decoding: $0, as: UTF8.self) }.sorted()
    }

    private static let model = """
        # written by a person
        saved_model_schema_version: 1
        meta_graphs {
          meta_info_def { tags: "serve" }
          graph_def { node { name: "saver_def {" attr { key: 'shape' value < f: -1.5e+3 > } } versions { producer: 987 } }
          saver_def { filename_tensor_name: "save/Const:0" version: V2 }
          asset_file_def { tensor_info { name: "Const:0" } filename: "vocab \\303\\274 \\"1\\".txt" }
          asset_file_def: { filename: 'b' }
        }

        """

    @Test("Variables and assets, however the bytes come", arguments: [1, 7, 64, Int.max])
    func finds(piece: Int) throws {
        let needs = try scan(Self.model, piece: piece)
        #expect(needs.needsVariables)
        #expect(names(needs) == ["b", "vocab ü \"1\".txt"])
    }

    @Test("Assets in the collection of old versions are found, too")
    func collection() throws {
        let text = """
            meta_graphs {
              collection_def { key: "saved_model_assets" value { any_list { value {
                [type.googleapis.com/tensorflow.AssetFileDef] { tensor_info { name: "Const:0" } filename: "foo.txt" }
              } } } }
            }
            """
        #expect(try names(scan(text)) == ["foo.txt"])
    }

    @Test(
        "The same names elsewhere mean nothing",
        arguments: [
            "meta_graphs { graph_def { saver_def { } } }", "meta_graphs { # saver_def {\n }",
            "meta_graphs { a: \"saver_def {\" }",
            "meta_graphs { a { asset_file_def { filename: \"x\" } } }", "meta_graphs { } saver_def { }",
            "meta_graphs { asset_file_def { name: \"x\" } }", "meta_graphs { saver_defs { } }",
        ])
    func elsewhere(text: String) throws {
        #expect(try scan(text) == SavedModelNeeds())
    }

    @Test(
        "What is no text of a SavedModel is none",
        arguments: [
            "", "hello world", "meta_graphs {", "meta_graphs { a: \"x }", "meta_graphs { } }", "meta_graphs { a: \"x\n\" }",
            "<?xml version=\"1.0\"?>", "graph_def { }", "meta_graphs { \u{1} }", String(repeating: "a {", count: 101),
        ])
    func garbage(text: String) {
        #expect(throws: SavedModelFault.self) { try scan(text) }
    }
}

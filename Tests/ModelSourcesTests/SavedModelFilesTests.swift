import Servables
import Testing

@testable import ModelSources

@Suite("What a listing has of a SavedModel")
struct SavedModelFilesTests {
    private func files(_ paths: [String], in directory: String = "", empty: [String] = []) -> SavedModelFiles {
        var table = FileTable()
        for path in paths {
            table.append(FileEntry(path: path, size: 1, tag: "1", modified: Timestamp(secondsSinceEpoch: 0)))
        }
        for path in empty { table.appendEmptyDirectory(path) }
        return SavedModelFiles(in: directory, of: table)
    }

    private func needs(variables: Bool = true, _ assets: String...) -> SavedModelNeeds {
        var needs = SavedModelNeeds(needsVariables: variables)
        for name in assets { _ = needs.add(asset: Array(name.utf8)) }
        return needs
    }

    private let index = "variables/variables.index"

    @Test(
        "Anything of one makes it one",
        arguments: [
            "saved_model.pb", "saved_model.pbtxt", "saved_model.cpb", "saved_model.json", "fingerprint.pb", "variables/x",
            "assets/vocab.txt",
        ])
    func isAny(path: String) {
        #expect(files([path]).isAny)
        #expect(!files([path], in: "model.savedmodel/").isAny)
        #expect(files(["model.savedmodel/" + path], in: "model.savedmodel/").isAny)
        #expect(!files(["model.savedmodel/" + path, "sub/" + path, "x" + path, "model.onnx"]).isAny)
    }

    @Test("An empty directory of one makes it one, too")
    func emptyDirectory() {
        #expect(files(["x"], empty: ["variables"]).isAny)
        #expect(!files(["x"], empty: ["sub/variables"]).isAny)
    }

    @Test("Index and all shards of as many as the names say, or the first that is missing")
    func shards() {
        let shard = { (number: Int) in "variables/variables.data-0000\(number)-of-00003" }
        #expect(files([index, shard(0), shard(1), shard(2)]).missing(needs()) == [])
        #expect(files([index, shard(0), shard(2)]).missing(needs()) == [shard(1)])
        #expect(files([shard(0), shard(1), shard(2)]).missing(needs()) == [index])
        #expect(files([index]).missing(needs()) == ["variables/variables.data-00000-of-?????"])
        #expect(files([]).missing(needs()) == [index, "variables/variables.data-00000-of-?????"])
        #expect(files([]).missing(needs(variables: false)) == [])
    }

    @Test("Shards of two layouts must both be whole: which one the index means is not asked")
    func twoLayouts() {
        let old = "variables/variables.data-00000-of-00001"
        #expect(
            files([index, old, "variables/variables.data-00000-of-00002"]).missing(needs())
                == ["variables/variables.data-00001-of-00002"])
    }

    @Test(
        "Names that are no shards are none",
        arguments: ["00000-of-0001", "00001-of-00001", "0-of-1", "00000-00001", "-1-of-00001"])
    func noShard(name: String) {
        #expect(files([index, "variables/variables.data-" + name]).missing(needs()).count == 1)
    }

    @Test("Each asset, byte for byte, where the model is")
    func assets() {
        #expect(files(["assets/a", "assets/b/c"]).missing(needs(variables: false, "a", "b/c")) == [])
        #expect(files(["assets/e\u{301}"]).missing(needs(variables: false, "\u{e9}")) == ["assets/\u{e9}"])
        #expect(files(["assets/a"]).missing(needs(variables: false, "../x", "a\nb")) == ["assets/../x", "assets/a\\u{a}b"])
        let triton = files(["model.savedmodel/assets/a", "assets/b"], in: "model.savedmodel/")
        #expect(triton.missing(needs(variables: false, "a", "b")) == ["model.savedmodel/assets/b"])
    }

    @Test("Where the graph cannot be asked, what is there of the variables must be whole")
    func unknown() {
        #expect(files(["saved_model.cpb"]).missing(nil) == [])
        #expect(files(["variables/variables.data-00000-of-00001"]).missing(nil) == [index])
        #expect(files([index]).missing(nil).count == 1)
    }
}

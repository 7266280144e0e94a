/// Bytes of SavedModels, written by the rules of protobuf's wire format.
enum SavedModelBytes {
    static func varint(_ value: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    /// A field that holds bytes: a string, or a message.
    static func field(_ number: UInt64, _ content: [UInt8]) -> [UInt8] {
        varint(number << 3 | 2) + varint(UInt64(content.count)) + content
    }

    static func field(_ number: UInt64, _ value: UInt64) -> [UInt8] { varint(number << 3) + varint(value) }

    /// An `AssetFileDef`: a tensor's name and a file's.
    static func asset(_ filename: String) -> [UInt8] {
        field(6, field(1, field(1, Array("Const:0".utf8))) + field(2, Array(filename.utf8)))
    }

    /// A collection of `AssetFileDef`s, as old versions of TensorFlow wrote them.
    static func collection(_ key: String, _ filenames: String...) -> [UInt8] {
        let items = filenames.flatMap { name in
            let file = field(1, field(1, Array("Const:0".utf8))) + field(2, Array(name.utf8))
            return field(1, field(1, Array("type.googleapis.com/tensorflow.AssetFileDef".utf8)) + field(2, file))
        }
        return field(4, field(1, Array(key.utf8)) + field(2, field(5, items)))
    }

    /// A `MetaGraphDef`: what it is, a graph of so many bytes, and what is asked for here.
    static func metaGraph(graph: Int = 40, saver: Bool = false, assets: [String] = []) -> [UInt8] {
        var content = field(1, field(4, Array("serve".utf8)))
        // A graph may hold anything, also what looks like fields of ours.
        content += field(2, (0..<graph).map { UInt8(truncatingIfNeeded: 0x1a &+ $0 &* 7) })
        if saver { content += field(3, field(1, Array("save/Const:0".utf8))) }
        content += collection("variables", "no-asset") + field(5, Array("signature".utf8))
        for name in assets { content += asset(name) }
        return field(2, content)
    }

    /// A `SavedModel` of these meta graphs.
    static func model(_ metaGraphs: [UInt8]...) -> [UInt8] { field(1, 1) + metaGraphs.flatMap(\.self) }
}

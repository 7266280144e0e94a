/// Scans a `saved_model.pbtxt`, the same message in protobuf's text format, as its bytes come. It looks for the names of
/// fields where they count (`meta_graphs { saver_def {`, `meta_graphs { asset_file_def { filename: "…"`, and the file names in the
/// collection that old versions of TensorFlow had for them) and checks little else: that brackets match and strings end.
struct SavedModelTextScan: SavedModelScan {
    private enum State {
        case between
        case name
        case comment
        case string(quote: UInt8)
        case escape(quote: UInt8)
    }

    /// Brackets within brackets: TensorFlow's functions and tensors have ten or so.
    private static let maximumDepth = 100
    private static let longestName = 4_096

    private(set) var needs = SavedModelNeeds()
    private var hasMetaGraph = false
    private let size: Int64
    private var state = State.between
    /// The last name or string; a name is kept as far as those that count are long.
    private var word: [UInt8] = []
    private var string: [UInt8] = []
    /// The names before the brackets that are open.
    private var path: [[UInt8]] = []

    /// `size` is the file's, in bytes.
    init(size: Int64) { self.size = size }

    mutating func take(_ bytes: [UInt8], at start: Int64) throws(SavedModelFault) -> Int64? {
        for byte in bytes { try take(byte) }
        let end = start + Int64(bytes.count)
        guard end >= size else {
            guard !bytes.isEmpty else { throw SavedModelFault("it is cut off") }
            return end
        }
        guard path.isEmpty, isBetween else { throw SavedModelFault("it is no text of a protobuf, or cut off") }
        guard hasMetaGraph else { throw SavedModelFault("it holds no meta graph") }
        return nil
    }

    private var isBetween: Bool {
        switch state {
        case .between, .name, .comment: true
        case .string, .escape: false
        }
    }

    private mutating func take(_ byte: UInt8) throws(SavedModelFault) {
        switch state {
        case .comment: if byte == UInt8(ascii: "\n") { state = .between }
        case .escape(let quote):
            if string.count <= Self.longestName { string += [UInt8(ascii: "\\"), byte] }
            state = .string(quote: quote)
        case .string(let quote):
            switch byte {
            case quote:
                state = .between
                try endString()
            case UInt8(ascii: "\\"): state = .escape(quote: quote)
            case UInt8(ascii: "\n"): throw SavedModelFault("it is no text of a protobuf: a string does not end in its line")
            default: if string.count <= Self.longestName { string.append(byte) }
            }
        case .name where isOfName(byte):
            if word.count < 64 { word.append(byte) }
        case .name, .between:
            state = .between
            try begin(byte)
        }
    }

    private mutating func begin(_ byte: UInt8) throws(SavedModelFault) {
        switch byte {
        case UInt8(ascii: "#"): state = .comment
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            state = .string(quote: byte)
            string = []
        case UInt8(ascii: "{"), UInt8(ascii: "<"):
            guard path.count < Self.maximumDepth else { throw SavedModelFault("its brackets are nested too deeply") }
            path.append(word)
            word = []
            open()
        case UInt8(ascii: "}"), UInt8(ascii: ">"):
            guard path.popLast() != nil else { throw SavedModelFault("it is no text of a protobuf: a bracket closes nothing") }
        case UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ":"), UInt8(ascii: ","), UInt8(ascii: ";"), 0x09, 0x0a, 0x0d,
            0x20:
            break
        default:
            guard isOfName(byte) else { throw SavedModelFault("it is no text of a protobuf") }
            state = .name
            word = [byte]
        }
    }

    /// Of names and numbers, and of the types in brackets of an `Any`.
    private func isOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "/"):
            true
        default: false
        }
    }

    private mutating func open() {
        guard path.first == Array("meta_graphs".utf8) else { return }
        hasMetaGraph = true
        if path.count == 2, path[1] == Array("saver_def".utf8) { needs.needsVariables = true }
    }

    private var isAssetFile: Bool {
        guard path.count > 1, let last = path.last else { return false }
        if path.count == 2 { return last == Array("asset_file_def".utf8) }
        return path[1] == Array("collection_def".utf8) && last == Array("type.googleapis.com/tensorflow.AssetFileDef".utf8)
    }

    private mutating func endString() throws(SavedModelFault) {
        guard path.first == Array("meta_graphs".utf8), word == Array("filename".utf8), isAssetFile else { return }
        guard string.count <= Self.longestName else { throw SavedModelFault("it names an asset that no file can be") }
        guard needs.add(asset: unescaped(string)) else {
            throw SavedModelFault("it names more assets than a version may have files")
        }
    }
}

/// A string of protobuf's text format without its escapes, as far as names of files have them: quotes, backslashes, and bytes in
/// octal digits, as its printers write UTF-8.
private func unescaped(_ text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var rest = text[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "\\"), let escaped = rest.first else {
            result.append(byte)
            continue
        }
        let digits = rest.prefix(3).prefix { (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }
        if digits.isEmpty {
            result.append(escaped)
            rest.removeFirst()
        } else {
            result.append(digits.reduce(0) { $0 << 3 | ($1 & 7) })
            rest.removeFirst(digits.count)
        }
    }
    return result
}

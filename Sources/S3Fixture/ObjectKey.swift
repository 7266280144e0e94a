/// An object's key as its bytes: S3 compares and sorts bytes, while Swift's `String` takes canonically equivalent texts for equal.
struct ObjectKey: Hashable, Comparable, Sendable {
    let bytes: [UInt8]

    init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    init(_ text: String) { bytes = Array(text.utf8) }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    static func < (left: ObjectKey, right: ObjectKey) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }

    /// Whether the key can be a path below a folder and nothing else: relative, no empty, `.`, `..` or over-long component, no control character.
    var isFilePath: Bool {
        let components = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return bytes.count <= 1024 && !bytes.contains { $0 < 0x20 || $0 == 0x7f }
            && components.allSatisfy { part in
                (1...255).contains(part.count) && !part.elementsEqual(".".utf8) && !part.elementsEqual("..".utf8)
            }
    }
}

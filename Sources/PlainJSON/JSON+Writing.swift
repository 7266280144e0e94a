extension JSON: CustomStringConvertible {
    /// The value as one line without white space.
    public var description: String { text(indented: false) }

    /// The value as text, without a line feed at its end; indented, for people, it has one member or element a line and two spaces
    /// a level.
    public func text(indented: Bool) -> String {
        var bytes: [UInt8] = []
        write(to: &bytes, indented: indented)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the value to a buffer, which a long document may flush now and then.
    ///
    /// A number that is not finite has no form in JSON and becomes `null`, as JavaScript writes it.
    public func write(to bytes: inout [UInt8], indented: Bool = false) {
        write(to: &bytes, level: indented ? 0 : nil)
    }

    /// Appends a string in quotes and escaped, for documents that are written piece by piece.
    ///
    /// Escaped is what RFC 8259 section 7 demands, nothing else: other characters stay UTF-8.
    public static func writeString(_ string: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        var string = string
        string.withUTF8 { text in
            var start = 0
            for (index, byte) in text.enumerated() where byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[start..<index]))
                writeEscape(of: byte, to: &bytes)
                start = index + 1
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[start...]))
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func writeEscape(of byte: UInt8, to bytes: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""): bytes.append(contentsOf: #"\""#.utf8)
        case UInt8(ascii: "\\"): bytes.append(contentsOf: #"\\"#.utf8)
        case 0x08: bytes.append(contentsOf: #"\b"#.utf8)
        case 0x09: bytes.append(contentsOf: #"\t"#.utf8)
        case 0x0A: bytes.append(contentsOf: #"\n"#.utf8)
        case 0x0C: bytes.append(contentsOf: #"\f"#.utf8)
        case 0x0D: bytes.append(contentsOf: #"\r"#.utf8)
        default:
            bytes.append(contentsOf: (byte < 0x10 ? #"\u000"# : #"\u00"#).utf8)
            bytes.append(contentsOf: String(byte, radix: 16).utf8)
        }
    }

    /// The level is that of the indentation, `nil` for a value on one line.
    private func write(to bytes: inout [UInt8], level: Int?) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): bytes.append(contentsOf: value.description.utf8)
        case .number(let value): bytes.append(contentsOf: (value.isFinite ? value.description : "null").utf8)
        case .string(let value): JSON.writeString(value, to: &bytes)
        case .array(let elements):
            JSON.writeList(elements, in: ("[", "]"), to: &bytes, level: level) { (element, bytes, level) in
                element.write(to: &bytes, level: level)
            }
        case .object(let members):
            JSON.writeList(members, in: ("{", "}"), to: &bytes, level: level) { (member, bytes, level) in
                JSON.writeString(member.key, to: &bytes)
                bytes.append(contentsOf: (level == nil ? ":" : ": ").utf8)
                member.value.write(to: &bytes, level: level)
            }
        }
    }

    private static func writeList<Item>(
        _ items: [Item], in brackets: (opening: Unicode.Scalar, closing: Unicode.Scalar), to bytes: inout [UInt8], level: Int?,
        writeItem: (Item, inout [UInt8], Int?) -> Void
    ) {
        bytes.append(UInt8(ascii: brackets.opening))
        for (index, item) in items.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            if let level { writeLineStart(to: &bytes, level: level + 1) }
            writeItem(item, &bytes, level.map { $0 + 1 })
        }
        if let level, !items.isEmpty { writeLineStart(to: &bytes, level: level) }
        bytes.append(UInt8(ascii: brackets.closing))
    }

    private static func writeLineStart(to bytes: inout [UInt8], level: Int) {
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * level))
    }
}

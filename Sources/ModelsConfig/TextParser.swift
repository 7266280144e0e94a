/// Parses protobuf's text format (protobuf.dev/reference/protobuf/textformat-spec) without knowing the message: what its fields are is
/// for the caller to say.
struct TextParser {
    /// Messages within messages, as protobuf's own parsers have it.
    static let maximumDepth = 100

    private let text: [UInt8]
    private var position = 0

    private init(_ text: [UInt8]) { self.text = text }

    /// The outermost message, whose fields stand without brackets.
    static func parse(_ text: [UInt8]) throws(TextFault) -> TextMessage {
        var parser = TextParser(text)
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { throw TextFault(0, "it begins with a byte order mark: save it without one") }
        let fields = try parser.fields(until: nil, depth: 0)
        return TextMessage(fields: fields, span: text.indices)
    }

    // MARK: - Fields

    private mutating func fields(until close: UInt8?, depth: Int) throws(TextFault) -> [TextField] {
        var fields: [TextField] = []
        while true {
            skipBlanks()
            guard let next = peek() else {
                guard close == nil else { throw TextFault(position, "a bracket is not closed at the end") }
                return fields
            }
            if next == close { return fields }
            let field = try field(depth: depth)
            skipBlanks()
            let isSeparated = peek() == UInt8(ascii: ",") || peek() == UInt8(ascii: ";")
            if isSeparated { position += 1 }
            fields.append(field.extended(to: isSeparated ? position : field.span.upperBound))
        }
    }

    private mutating func field(depth: Int) throws(TextFault) -> TextField {
        let start = position
        let name = try peek() == UInt8(ascii: "[") ? bracketedName() : plainName()
        let nameSpan = start..<position
        skipBlanks()
        let hasColon = peek() == UInt8(ascii: ":")
        if hasColon {
            position += 1
            skipBlanks()
        }
        let values: [TextValue]
        if peek() == UInt8(ascii: "[") {
            values = try list(isScalarAllowed: hasColon, depth: depth)
        } else if isOpening(peek()) {
            values = [try message(depth: depth)]
        } else {
            guard hasColon else {
                throw TextFault(position, "expected \":\" or \"{\" behind \(name), found \(found())")
            }
            values = [try scalar()]
        }
        return TextField(name: name, nameSpan: nameSpan, values: values, span: start..<position, extent: start..<position)
    }

    private mutating func plainName() throws(TextFault) -> String {
        let start = position
        guard let first = peek(), isLetter(first) else {
            throw TextFault(position, "expected the name of a field, found \(found())")
        }
        while let byte = peek(), isLetter(byte) || isDigit(byte) { position += 1 }
        return String(decoding: text[start..<position], as: UTF8.self)
    }

    /// `[package.extension]` or `[host/type]`, in which blanks and comments mean nothing.
    private mutating func bracketedName() throws(TextFault) -> String {
        let start = position
        position += 1
        var name: [UInt8] = []
        while true {
            skipBlanks()
            guard let byte = peek() else { throw TextFault(start, "a bracket is not closed at the end") }
            position += 1
            if byte == UInt8(ascii: "]") { break }
            guard isLetter(byte) || isDigit(byte) || [UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "/")].contains(byte)
            else {
                throw TextFault(position - 1, "the name of a type cannot hold this")
            }
            name.append(byte)
        }
        guard !name.isEmpty else { throw TextFault(start, "there is no name in the brackets") }
        return "[\(String(decoding: name, as: UTF8.self))]"
    }

    // MARK: - Values

    private mutating func list(isScalarAllowed: Bool, depth: Int) throws(TextFault) -> [TextValue] {
        let start = position
        position += 1
        var values: [TextValue] = []
        skipBlanks()
        if peek() == UInt8(ascii: "]") {
            position += 1
            return values
        }
        while true {
            skipBlanks()
            if isOpening(peek()) {
                values.append(try message(depth: depth))
            } else {
                guard isScalarAllowed else { throw TextFault(position, "expected \"{\", found \(found())") }
                values.append(try scalar())
            }
            skipBlanks()
            switch peek() {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "]"):
                position += 1
                return values
            case nil: throw TextFault(start, "a bracket is not closed at the end")
            default: throw TextFault(position, "expected \",\" or \"]\", found \(found())")
            }
        }
    }

    private mutating func message(depth: Int) throws(TextFault) -> TextValue {
        guard depth < Self.maximumDepth else { throw TextFault(position, "its messages are nested too deeply") }
        let close = peek() == UInt8(ascii: "<") ? UInt8(ascii: ">") : UInt8(ascii: "}")
        position += 1
        let start = position
        let fields = try fields(until: close, depth: depth + 1)
        defer { position += 1 }
        return .message(TextMessage(fields: fields, span: start..<position))
    }

    private mutating func scalar() throws(TextFault) -> TextValue {
        let start = position
        if isQuote(peek()) {
            var bytes = try string()
            var end = position
            while true {
                skipBlanks()
                guard isQuote(peek()) else { break }
                bytes += try string()
                end = position
            }
            position = end
            return .string(bytes, span: start..<end)
        }
        var word: [UInt8] = []
        if peek() == UInt8(ascii: "-") {
            position += 1
            skipBlanks()
            word.append(UInt8(ascii: "-"))
        }
        let first = position
        while let byte = peek(), isOfWord(byte, after: position > first ? text[position - 1] : nil) {
            word.append(byte)
            position += 1
        }
        guard let beginning = text[first..<position].first else {
            throw TextFault(start, "expected a value, found \(found())")
        }
        if !isLetter(beginning), !isNumber(text[first..<position]) { throw TextFault(start, "this is no number") }
        return .word(String(decoding: word, as: UTF8.self), span: start..<position)
    }

    /// Whether this is a number without its sign: hexadecimal, octal, decimal, or with a fraction or an exponent and perhaps an `f`.
    private func isNumber(_ word: ArraySlice<UInt8>) -> Bool {
        if word.count > 1, word.first == UInt8(ascii: "0"), word.dropFirst().first.map({ $0 | 0x20 }) == UInt8(ascii: "x") {
            let digits = word.dropFirst(2)
            return !digits.isEmpty && digits.allSatisfy { isDigit($0) || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0 | 0x20 }
        }
        let whole = word.prefix(while: isDigit)
        var rest = word[whole.endIndex...]
        if rest.isEmpty {
            return whole.first != UInt8(ascii: "0") || whole.allSatisfy { $0 < UInt8(ascii: "8") }
        }
        if whole.count > 1, whole.first == UInt8(ascii: "0") { return false }
        var digits = whole.count
        if rest.first == UInt8(ascii: ".") {
            let fraction = rest.dropFirst().prefix(while: isDigit)
            digits += fraction.count
            rest = rest[fraction.endIndex...]
        }
        if let first = rest.first, first | 0x20 == UInt8(ascii: "e") {
            let exponent = rest.dropFirst().drop { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
            let power = exponent.prefix(while: isDigit)
            guard !power.isEmpty else { return false }
            rest = exponent[power.endIndex...]
        }
        return digits > 0 && (rest.isEmpty || rest.count == 1 && rest.allSatisfy { $0 | 0x20 == UInt8(ascii: "f") })
    }

    /// One string, whose quote is the next byte.
    private mutating func string() throws(TextFault) -> [UInt8] {
        let start = position
        let quote = text[position]
        position += 1
        var bytes: [UInt8] = []
        while let byte = peek(), byte != UInt8(ascii: "\n") {
            position += 1
            if byte == quote { return bytes }
            if byte == UInt8(ascii: "\\") { try escape(&bytes) } else { bytes.append(byte) }
        }
        throw TextFault(start, "a string does not end in its line")
    }

    /// What stands behind a backslash.
    private mutating func escape(_ bytes: inout [UInt8]) throws(TextFault) {
        let start = position - 1
        guard let byte = peek() else { throw TextFault(start, "a string does not end in its line") }
        position += 1
        switch byte {
        case UInt8(ascii: "a"): bytes.append(0x07)
        case UInt8(ascii: "b"): bytes.append(0x08)
        case UInt8(ascii: "f"): bytes.append(0x0C)
        case UInt8(ascii: "n"): bytes.append(0x0A)
        case UInt8(ascii: "r"): bytes.append(0x0D)
        case UInt8(ascii: "t"): bytes.append(0x09)
        case UInt8(ascii: "v"): bytes.append(0x0B)
        case UInt8(ascii: "?"), UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): bytes.append(byte)
        case UInt8(ascii: "0")...UInt8(ascii: "7"):
            position -= 1
            let value = digits(atMost: 3, radix: 8)
            guard value <= 0xFF else { throw TextFault(start, "this escape stands for no byte") }
            bytes.append(UInt8(value))
        case UInt8(ascii: "x"), UInt8(ascii: "X"):
            let before = position
            let value = digits(atMost: 2, radix: 16)
            guard position > before else { throw TextFault(start, "\\x has no hexadecimal digit behind it") }
            bytes.append(UInt8(value))
        case UInt8(ascii: "u"), UInt8(ascii: "U"):
            let count = byte == UInt8(ascii: "u") ? 4 : 8
            let before = position
            let value = digits(atMost: count, radix: 16)
            guard position == before + count, let scalar = Unicode.Scalar(UInt32(truncatingIfNeeded: value)) else {
                throw TextFault(start, "this escape stands for no character")
            }
            bytes += Array(String(Character(scalar)).utf8)
        default: throw TextFault(start, "there is no such escape")
        }
    }

    private mutating func digits(atMost count: Int, radix: Int) -> Int {
        var value = 0
        var taken = 0
        while taken < count, let byte = peek(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue, digit < radix {
            value = value * radix + digit
            position += 1
            taken += 1
        }
        return value
    }

    // MARK: - Bytes

    private func peek() -> UInt8? { position < text.count ? text[position] : nil }

    /// Blanks, and comments up to the end of their lines.
    private mutating func skipBlanks() {
        while let byte = peek() {
            switch byte {
            case 0x09...0x0D, 0x20: position += 1
            case UInt8(ascii: "#"): while let next = peek(), next != UInt8(ascii: "\n") { position += 1 }
            default: return
            }
        }
    }

    private func isOpening(_ byte: UInt8?) -> Bool { byte == UInt8(ascii: "{") || byte == UInt8(ascii: "<") }

    private func isQuote(_ byte: UInt8?) -> Bool { byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") }

    private func isLetter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
        default: false
        }
    }

    private func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    /// Of names and numbers; a sign only within an exponent.
    private func isOfWord(_ byte: UInt8, after last: UInt8?) -> Bool {
        if isLetter(byte) || isDigit(byte) || byte == UInt8(ascii: ".") { return true }
        guard byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+") else { return false }
        return last == UInt8(ascii: "e") || last == UInt8(ascii: "E")
    }

    /// What stands here, for messages: never more than a word, since it may be a secret's beginning.
    private func found() -> String {
        guard let byte = peek() else { return "the end" }
        guard 0x21...0x7E ~= byte else { return "a byte of value \(byte)" }
        return "\"\(Character(Unicode.Scalar(byte)))\""
    }
}

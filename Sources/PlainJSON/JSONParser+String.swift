extension JSONParser {
    /// RFC 8259 section 7. The position is at the opening quotation mark, and afterwards behind the closing one.
    mutating func parseString() throws(JSONFault) -> String {
        let opening = position
        position += 1
        var start = position
        var unescaped: [UInt8] = []
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                let rest = try validUTF8(start..<position)
                position += 1
                if unescaped.isEmpty { return rest }
                unescaped += rest.utf8
                return String(decoding: unescaped, as: UTF8.self)
            case UInt8(ascii: "\\"):
                unescaped += try validUTF8(start..<position).utf8
                unescaped += String(try parseEscape()).utf8
                start = position
            case 0..<0x20:
                throw fault("a control character in a string must be escaped")
            default:
                position += 1
            }
        }
        throw JSONFault("a string is not closed", at: opening)
    }

    /// The bytes as text. Decoding would replace what is invalid by U+FFFD, and so make one name of two.
    private func validUTF8(_ range: Range<Int>) throws(JSONFault) -> String {
        if let text = String(validating: bytes[range], as: UTF8.self) { return text }
        var parser = UTF8.ForwardParser()
        var iterator = bytes[range].makeIterator()
        var offset = range.lowerBound
        while case .valid(let scalar) = parser.parseScalar(from: &iterator) { offset += scalar.count }
        throw JSONFault("a string holds bytes that are not UTF-8", at: offset)
    }

    /// The position is at the backslash, and afterwards behind the escape, or behind both escapes of a surrogate pair.
    private mutating func parseEscape() throws(JSONFault) -> Unicode.Scalar {
        let start = position
        position += 1
        guard let kind = next else { throw fault("the text ends in an escape") }
        position += 1
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(kind)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default: throw JSONFault("a backslash is followed by what it cannot escape", at: start)
        }
        let first = try parseFourHexDigits()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard UTF16.isLeadSurrogate(first), skip(UInt8(ascii: "\\")), skip(UInt8(ascii: "u")) else {
            throw JSONFault("an escaped surrogate stands alone", at: start)
        }
        let second = try parseFourHexDigits()
        guard UTF16.isTrailSurrogate(second) else { throw JSONFault("an escaped surrogate stands alone", at: start) }
        return UTF16.decode(UTF16.EncodedScalar([first, second]))
    }

    private mutating func parseFourHexDigits() throws(JSONFault) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw fault("four hexadecimal digits are expected after \\u")
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }
}

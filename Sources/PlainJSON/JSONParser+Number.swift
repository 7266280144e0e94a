extension JSONParser {
    /// RFC 8259 section 6. An integer that 64 bits cannot hold becomes a `Double`; what a `Double` cannot hold is refused, since
    /// infinity could not be written again.
    mutating func parseNumber() throws(JSONFault) -> JSON {
        let start = position
        _ = skip(UInt8(ascii: "-"))
        if !skip(UInt8(ascii: "0")) { try skipDigits() }
        let integral = position
        if skip(UInt8(ascii: ".")) { try skipDigits() }
        if skip(UInt8(ascii: "e")) || skip(UInt8(ascii: "E")) {
            if !skip(UInt8(ascii: "+")) { _ = skip(UInt8(ascii: "-")) }
            try skipDigits()
        }
        // Without this, the zero of `007` would be reported as a value that something follows.
        if let byte = next, isDigit(byte) { throw fault("a number has a leading zero") }

        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if integral == position, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw JSONFault("a number is too large", at: start) }
        return .number(value)
    }

    /// Takes one digit or more.
    private mutating func skipDigits() throws(JSONFault) {
        guard let byte = next, isDigit(byte) else { throw fault("a digit is expected") }
        while let byte = next, isDigit(byte) { position += 1 }
    }

    private func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

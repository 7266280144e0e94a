/// Values of the kinds that a message's fields have.
extension TextMessage {
    /// A field that may be there once.
    /// - Returns: `nil` where it is not.
    private func single(_ name: String) throws(TextFault) -> (value: TextValue, field: TextField)? {
        let found = fields(name)
        guard let field = found.first else { return nil }
        if found.count > 1 { throw TextFault(found[1].span.lowerBound, "\(name) is given twice") }
        guard let value = field.values.first, field.values.count == 1 else {
            throw TextFault(field.span.lowerBound, "\(name) has one value, and no list of them")
        }
        return (value, field)
    }

    /// A message that may be there once.
    func message(_ name: String) throws(TextFault) -> TextMessage? {
        guard let (value, _) = try single(name) else { return nil }
        return try TextMessage.message(value, name)
    }

    /// Messages of a repeated field, each with where it stands.
    func messages(_ name: String) throws(TextFault) -> [(message: TextMessage, place: TextPlace)] {
        var messages: [(TextMessage, TextPlace)] = []
        for field in fields(name) {
            let items = field.values.map(\.extent)
            for (index, value) in field.values.enumerated() {
                let message = try TextMessage.message(value, name)
                messages.append((message, items.count == 1 ? .field(field) : .item(index, of: items)))
            }
        }
        return messages
    }

    private static func message(_ value: TextValue, _ name: String) throws(TextFault) -> TextMessage {
        guard case .message(let message) = value else {
            throw TextFault(value.span.lowerBound, "\(name) is a message: expected \"{\"")
        }
        return message
    }

    /// A string that may be there once.
    func string(_ name: String) throws(TextFault) -> (value: String, span: Range<Int>)? {
        guard let (value, _) = try single(name) else { return nil }
        guard case .string(let bytes, let span) = value else {
            throw TextFault(value.span.lowerBound, "\(name) is a string: put it into quotes")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw TextFault(span.lowerBound, "\(name) is not UTF-8")
        }
        return (text, span)
    }

    /// A number that may be there once.
    func integer(_ name: String, in range: ClosedRange<Int64>) throws(TextFault) -> (value: Int64, span: Range<Int>)? {
        guard let (value, _) = try single(name) else { return nil }
        return (try TextMessage.integer(value, name, in: range), value.span)
    }

    /// Numbers of a repeated field.
    func integers(_ name: String, in range: ClosedRange<Int64>) throws(TextFault) -> [Int64] {
        var numbers: [Int64] = []
        for field in fields(name) {
            for value in field.values { numbers.append(try TextMessage.integer(value, name, in: range)) }
        }
        return numbers
    }

    /// Decimal, hexadecimal behind `0x`, or octal behind `0`.
    private static func integer(_ value: TextValue, _ name: String, in range: ClosedRange<Int64>) throws(TextFault) -> Int64 {
        guard case .word(let word, let span) = value else { throw TextFault(value.span.lowerBound, "\(name) is a number") }
        let isNegative = word.hasPrefix("-")
        var digits = word.dropFirst(isNegative ? 1 : 0)
        var radix = 10
        if digits.hasPrefix("0x") || digits.hasPrefix("0X") {
            digits = digits.dropFirst(2)
            radix = 16
        } else if digits.count > 1, digits.hasPrefix("0") {
            radix = 8
        }
        // Without this, a sign behind the prefix would be taken.
        guard digits.first?.isHexDigit == true, digits.allSatisfy(\.isHexDigit) else {
            throw TextFault(span.lowerBound, "\(name) is a whole number")
        }
        guard let number = Int64((isNegative ? "-" : "") + digits, radix: radix) else {
            let isNumber = digits.allSatisfy { ($0.hexDigitValue ?? radix) < radix }
            throw TextFault(span.lowerBound, isNumber ? "\(name) does not fit" : "\(name) is a whole number")
        }
        guard range.contains(number) else { throw TextFault(span.lowerBound, "\(name) does not fit") }
        return number
    }
}

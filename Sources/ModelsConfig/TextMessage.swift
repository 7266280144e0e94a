/// A message in protobuf's text format as it was read: every field with the bytes that it takes up in the text, so that a fault can be
/// pointed at and one value replaced while all else, comments and unknown fields included, stays as it is.
///
/// Spans are offsets into the text, in bytes.
struct TextMessage: Hashable, Sendable {
    var fields: [TextField] = []
    /// What stands between its brackets; the whole text for the outermost one.
    var span: Range<Int>

    /// The fields of a name, in the order of the text.
    func fields(_ name: String) -> [TextField] { fields.filter { $0.name == name } }
}

/// A field: `name: value`, `name { … }`, `name: [value, …]`, `[type.googleapis.com/name] { … }`.
struct TextField: Hashable, Sendable {
    /// In brackets for what has its name in brackets: an extension, or the type of an `Any`.
    let name: String
    let nameSpan: Range<Int>
    /// More than one only in the short form of repeated fields, which may also be empty.
    let values: [TextValue]
    /// From the name to the last byte of the value.
    let span: Range<Int>
    /// The same with the separator behind it, if there is one: what goes where the field is taken out.
    let extent: Range<Int>
}

extension TextField {
    func extended(to end: Int) -> TextField {
        TextField(name: name, nameSpan: nameSpan, values: values, span: span, extent: span.lowerBound..<end)
    }
}

/// What a field holds.
enum TextValue: Hashable, Sendable {
    case message(TextMessage)
    /// The bytes that strings standing beside each other have together, without escapes.
    case string([UInt8], span: Range<Int>)
    /// A number or the name of a value, with its sign.
    case word(String, span: Range<Int>)

    var span: Range<Int> {
        switch self {
        case .message(let message): message.span
        case .string(_, let span), .word(_, let span): span
        }
    }

    /// With the brackets of a message.
    var extent: Range<Int> {
        guard case .message(let message) = self else { return span }
        return message.span.lowerBound - 1..<message.span.upperBound + 1
    }
}

/// What is wrong with a text, and where: the offset of a byte.
struct TextFault: Error, Hashable {
    let offset: Int
    let reason: String

    init(_ offset: Int, _ reason: String) {
        self.offset = offset
        self.reason = reason
    }
}

/// Where one message of a repeated field stands.
enum TextPlace: Hashable, Sendable {
    /// In a field of its own, also where that has the short form: `config { … }`, `config: [{ … }]`.
    case field(TextField)
    /// Among others in the short form, `config: [{ … }, { … }]`; the messages with their brackets.
    case item(Int, of: [Range<Int>])

    /// What stands for the message in the text.
    var span: Range<Int> {
        switch self {
        case .field(let field): field.span
        case .item(let index, let items): items[index]
        }
    }
}

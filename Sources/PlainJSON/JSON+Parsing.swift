extension JSON {
    /// How many values are kept of a text whose elements are handed on: a value takes many times the memory of its one character.
    public static let valueLimit = 100_000

    /// How deep arrays and objects may lie in each other.
    public static let depthLimit = 64

    /// Parses one JSON text, strictly by RFC 8259.
    ///
    /// Refused besides what the RFC's grammar refuses: invalid UTF-8, a byte order mark, lone surrogates, two members of one name
    /// in one object, nesting beyond ``depthLimit``, and numbers too large for a `Double`. A string may hold U+0000, which the
    /// caller must refuse where it becomes a path or a C string. Memory is a small multiple of the text: the caller bounds that.
    public init(parsing text: some Sequence<UInt8>) throws(JSONFault) {
        var parser = JSONParser(Array(text))
        self = try parser.parse()
    }

    /// Parses one JSON text that is a string already; the rules are those for bytes.
    public init(parsing text: String) throws(JSONFault) {
        try self.init(parsing: text.utf8)
    }

    /// Parses one JSON text that is an object with a long array in it, whose elements are handed on one by one instead of kept:
    /// memory is bounded by the text, and by ``valueLimit`` values in one element, or in all other members.
    /// - Parameters:
    ///   - text: the bytes.
    ///   - name: of the outermost object's member that is the array; where it is something else it is a member as any other.
    ///   - each: takes the elements in their order; `false` ends the parsing with a fault at that element.
    /// - Throws: where the text is refused, or an element was.
    public init(
        parsing text: some Sequence<UInt8>, elementsOf name: String, _ each: @escaping (JSON) -> Bool
    ) throws(JSONFault) {
        var parser = JSONParser(Array(text), streaming: .init(name: name, each: each))
        self = try parser.parse()
    }
}

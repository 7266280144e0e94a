extension JSON {
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
}

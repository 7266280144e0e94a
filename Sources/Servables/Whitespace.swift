extension Character {
    /// Space, tab, carriage return and line feed (`\r\n` is one `Character`).
    public var isASCIIWhitespace: Bool { self == " " || self == "\t" || self == "\n" || self == "\r" || self == "\r\n" }
}

/// `text` without white space at its ends.
public func trimmed(_ text: some StringProtocol) -> String {
    var rest = Substring(text)
    while rest.first?.isASCIIWhitespace == true { rest.removeFirst() }
    while rest.last?.isASCIIWhitespace == true { rest.removeLast() }
    return String(rest)
}

public import Servables

/// The words of a command line by a shell's rules of quoting, without anything else that a shell does: no variables, no
/// wildcards, no `~` (Python's `shlex`, which botocore splits `credential_process` with).
public enum CommandWords {
    /// - Throws: where a quotation is not closed or a backslash is the last character.
    public static func split(_ line: String) throws(ParseFault) -> [String] {
        var words: [String] = []
        // `nil` between words: `''` is an empty word.
        var word: String?
        var rest = line[...]
        while let character = rest.popFirst() {
            switch character {
            case _ where character.isASCIIWhitespace:
                if let word { words.append(word) }
                word = nil
            case "'":
                guard let end = rest.firstIndex(of: "'") else { throw ParseFault("a ' is not closed") }
                word = (word ?? "") + rest[..<end]
                rest = rest[rest.index(after: end)...]
            case "\"":
                word = (word ?? "") + (try doublyQuoted(&rest))
            case "\\":
                guard let escaped = rest.popFirst() else { throw ParseFault("nothing follows the last backslash") }
                word = (word ?? "") + String(escaped)
            default:
                word = (word ?? "") + String(character)
            }
        }
        if let word { words.append(word) }
        return words
    }

    /// Up to the closing quotation mark, where a backslash takes away the meaning of that and of itself only.
    private static func doublyQuoted(_ rest: inout Substring) throws(ParseFault) -> String {
        var text = ""
        while let character = rest.popFirst() {
            switch character {
            case "\"": return text
            case "\\" where rest.first == "\"" || rest.first == "\\": text += String(rest.removeFirst())
            default: text.append(character)
            }
        }
        throw ParseFault("a \" is not closed")
    }
}

import FileIO
import Testing

@Suite("words of a command line")
struct CommandWordsTests {
    /// What Python's shlex.split makes of a line; `nil` for an error.
    static let lines: [(String, [String]?)] = [
        ("", []), ("  a\t b\n", ["a", "b"]), ("a 'b c' d", ["a", "b c", "d"]),
        (#"a "b \"c\" \\ \d" e"#, ["a", #"b "c" \ \d"#, "e"]),
        (#"a\ b \'c"#, ["a b", "'c"]), (#"x='1 2'"3 4"5"#, ["x=1 23 45"]), ("'' \"\"", ["", ""]), (#"'a\'"#, [#"a\"#]),
        ("a # b $HOME `c` *", ["a", "#", "b", "$HOME", "`c`", "*"]), ("'a", nil), ("\"a", nil), ("a\\", nil),
    ]

    @Test("a command is split by a shell's quoting, as Python's shlex does, and by nothing else of a shell", arguments: lines)
    func words(line: String, words: [String]?) {
        #expect((try? CommandWords.split(line)) == words)
    }
}

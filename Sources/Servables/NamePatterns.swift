/// Names of files by patterns, as `--model-files` takes them: `*` stands for any bytes, `?` for one; compared byte for byte.
public struct NamePatterns: Hashable, Sendable, CustomStringConvertible {
    private let patterns: [String]

    /// No name is meant.
    public static let none = NamePatterns([])
    /// Every name is, but for those that begin with a dot.
    public static let all = NamePatterns(["*"])

    private init(_ patterns: [String]) { self.patterns = patterns }

    /// - Parameter text: patterns of a single path component with commas between them, or `none`.
    /// - Throws: what was expected instead.
    public init(parsing text: String) throws(ParseFault) {
        if text == "none" {
            self = .none
            return
        }
        let patterns = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard patterns.allSatisfy({ !$0.isEmpty && PathRules.fault(of: $0) == nil && !$0.utf8.contains(UInt8(ascii: "/")) })
        else {
            throw ParseFault("expected names of files with * and ? and commas between them, such as config.pbtxt,*.txt, or none")
        }
        self.init(patterns)
    }

    public var isEmpty: Bool { patterns.isEmpty }
    public var description: String { isEmpty ? "none" : patterns.joined(separator: ",") }

    /// Whether a name is meant. A dot at its beginning is only by a pattern that begins with one.
    public func matches(_ name: some StringProtocol) -> Bool {
        patterns.contains { Self.matches(Array(name.utf8), Array($0.utf8)) }
    }

    private static func matches(_ name: [UInt8], _ pattern: [UInt8]) -> Bool {
        if name.first == UInt8(ascii: "."), pattern.first != UInt8(ascii: ".") { return false }
        var (at, place) = (0, 0)
        // Where the last star stands, and how much of the name it has taken.
        var star: (pattern: Int, name: Int)?
        while at < name.count {
            if place < pattern.count, pattern[place] == UInt8(ascii: "*") {
                star = (place, at)
                place += 1
            } else if place < pattern.count, pattern[place] == name[at] || pattern[place] == UInt8(ascii: "?") {
                (at, place) = (at + 1, place + 1)
            } else if let last = star {
                star = (last.pattern, last.name + 1)
                (at, place) = (last.name + 1, last.pattern + 1)
            } else {
                return false
            }
        }
        return pattern[place...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}

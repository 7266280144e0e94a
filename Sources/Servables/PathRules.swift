/// What may become a file of a version (CONTRACT P10).
public enum PathRules {
    /// Linux's NAME_MAX.
    public static let longestComponent = 255
    /// Keeps every path below Linux's PATH_MAX, with room for the volume's own part.
    public static let longestPath = 3_000

    /// Why `path`, relative to its version's directory, must not become a file; `nil` if it may.
    public static func fault(of path: some StringProtocol) -> String? {
        if path.isEmpty { return "it is empty" }
        if path.utf8.count > longestPath { return "it is longer than \(longestPath) bytes" }
        // A slash and a combining mark after it are one Character, which is no separator to Swift and is one to the kernel.
        guard path.count(where: { $0 == "/" }) == path.utf8.count(where: { $0 == UInt8(ascii: "/") }) else {
            return "a component begins with a combining character"
        }
        for component in path.split(separator: "/", omittingEmptySubsequences: false) {
            if component.isEmpty { return path.hasPrefix("/") ? "it is an absolute path" : "a component is empty" }
            if component == "." || component == ".." { return "a component is \(component)" }
            if component.utf8.count > longestComponent { return "a component is longer than \(longestComponent) bytes" }
            if component.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7f...0x9f).contains($0.value) }) {
                return "it has a control character"
            }
        }
        return nil
    }

    /// `text` with its control characters escaped, for messages.
    public static func printable(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

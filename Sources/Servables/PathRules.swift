/// What may become a file of a version (CONTRACT P10).
public enum PathRules {
    /// Linux's NAME_MAX.
    public static let longestComponent = 255
    /// Keeps every path below Linux's PATH_MAX, with room for the volume's own part.
    public static let longestPath = 3_000

    /// Why `path`, relative to its version's directory, must not become a file; `nil` if it may.
    public static func fault(of path: some StringProtocol) -> String? { fault(of: Substring(path)) }

    private static func fault(of path: Substring) -> String? {
        if path.isEmpty { return "it is empty" }
        if path.utf8.count > longestPath { return "it is longer than \(longestPath) bytes" }
        // By bytes, as the kernel does: a slash and a combining mark after it are one Character to Swift.
        for component in path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            if component.isEmpty {
                return path.utf8.first == UInt8(ascii: "/") ? "it is an absolute path" : "a component is empty"
            }
            if component.elementsEqual(".".utf8) { return "a component is ." }
            if component.elementsEqual("..".utf8) { return "a component is .." }
            if component.count > longestComponent { return "a component is longer than \(longestComponent) bytes" }
        }
        let isPlain = path.utf8.allSatisfy { 0x20..<0x7f ~= $0 }
        if !isPlain, path.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7f...0x9f).contains($0.value) }) {
            return "it has a control character"
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

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
        if path.utf8.first == UInt8(ascii: "/") { return "it is an absolute path" }
        // By bytes, as the kernel does: a slash and a combining mark after it are one Character to Swift.
        var path = path
        let (fault, isPlain) = path.withUTF8 { bytes in
            var isPlain = true
            var start = 0
            for end in 0...bytes.count {
                if end < bytes.count, bytes[end] != UInt8(ascii: "/") {
                    if !(0x20..<0x7f ~= bytes[end]) { isPlain = false }
                } else {
                    if let fault = self.fault(ofComponent: bytes[start..<end]) { return (String?.some(fault), isPlain) }
                    start = end + 1
                }
            }
            return (nil, isPlain)
        }
        if let fault { return fault }
        if !isPlain, path.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7f...0x9f).contains($0.value) }) {
            return "it has a control character"
        }
        return nil
    }

    private static func fault(ofComponent bytes: Slice<UnsafeBufferPointer<UInt8>>) -> String? {
        if bytes.isEmpty { return "a component is empty" }
        if bytes.count > longestComponent { return "a component is longer than \(longestComponent) bytes" }
        if bytes.count <= 2, bytes.allSatisfy({ $0 == UInt8(ascii: ".") }) {
            return "a component is \(String(repeating: ".", count: bytes.count))"
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

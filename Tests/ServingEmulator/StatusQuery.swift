/// What a path of the status interface asks for: `/v1/models[/NAME][/versions/V|/labels/L][/metadata]`, in any case.
struct StatusQuery {
    /// Empty if it isn't named.
    private(set) var model = ""
    /// Decimal digits.
    private(set) var version: String?
    private(set) var isMetadata = false

    /// - Returns: `nil` for another path.
    init?(_ path: String) {
        var parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)[...]
        guard parts.popFirst() == "", parts.popFirst()?.lowercased() == "v1", parts.popFirst()?.lowercased() == "models" else {
            return nil
        }
        if parts.count > 1, parts.last?.lowercased() == "metadata" {
            isMetadata = true
            parts.removeLast()
        }
        // A name is whatever is no keyword with a value behind it, as the first alternative that matches has it.
        if let name = parts.first, parts.count % 2 == 1 {
            guard !name.isEmpty, !name.contains(":") else { return nil }
            guard let decoded = StatusQuery.decoded(name) else { return nil }
            model = decoded
            parts.removeFirst()
        }
        guard let keyword = parts.popFirst()?.lowercased() else { return }
        guard let value = parts.popFirst(), !value.isEmpty, parts.isEmpty else { return nil }
        switch keyword {
        case "versions":
            guard value.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
            version = value
        // The server looks at no label here: it answers with all versions.
        case "labels":
            if value.contains(":") { return nil }
        default: return nil
        }
    }

    private static func decoded(_ name: String) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(name.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

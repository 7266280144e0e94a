import Transfer

/// Makes text that came from outside fit for messages: one line, of bounded length, without secrets.
///
/// No setting is a secret, but people put secrets into URLs: user names and passwords before the host, keys behind a `?`.
enum Redaction {
    private static let limit = 300
    /// Bytes; a longer text is not shown at all, since what is cut off can no longer be searched for secrets.
    private static let longest = 4096
    /// What may stand behind a `?` and is not secret.
    private static let openKeys: Set<Substring> = ["versions", "ready", "region", "required"]

    /// In quotation marks, masked.
    static func quoted(_ text: String) -> String { "'\(masked(text))'" }

    /// Masked: what stands between `://` and the last `@` of a URL, and what a query key other than ours is set to.
    static func masked(_ text: String) -> String {
        guard text.utf8.count <= longest else { return "(\(text.utf8.count) bytes)" }
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        // A password may hold a `?` itself: then all behind the scheme is masked, up to the last `@`.
        guard parts.count == 2, !isWeb(text) else { return printable(maskedUser(text)) }
        let query = parts[1].split(separator: "&", omittingEmptySubsequences: false).map { item -> String in
            let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2, !openKeys.contains(pair[0]) else { return maskedUser(String(item)) }
            guard pair[0] == "endpoint" else { return "\(pair[0])=***" }
            return "endpoint=" + maskedUser(PercentEncoding.decodePath(String(pair[1])) ?? "***")
        }
        return printable(maskedUser(String(parts[0])) + "?" + query.joined(separator: "&"))
    }

    /// Control characters escaped, and cut where it becomes longer than anybody reads.
    static func printable(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars.prefix(limit) {
            let isControl = scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
            let isBreak = scalar.value == 0x2028 || scalar.value == 0x2029
            result += isControl || isBreak ? scalar.escaped(asASCII: true) : String(scalar)
        }
        return text.unicodeScalars.dropFirst(limit).isEmpty ? result : result + "…"
    }

    private static func isWeb(_ text: some StringProtocol) -> Bool {
        let start = text.prefix(8).lowercased()
        return start.hasPrefix("http://") || start.hasPrefix("https://")
    }

    private static func maskedUser(_ text: String) -> String {
        guard let separator = text.firstRange(of: "://") else { return text }
        let rest = text[separator.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        // In `s3://` and `file://` a later `@` is part of a key or path, unless something like a password began before.
        // The colons of an access point's ARN are its own.
        let separators = authority.hasPrefix("arn:") ? "@" : "@:"
        let holdsUser = isWeb(text) ? rest.contains("@") : authority.contains { separators.contains($0) }
        guard holdsUser else { return maskedQuery(text) }
        guard let end = rest.lastIndex(of: "@") else { return text[..<separator.upperBound] + "***" }
        return maskedQuery(text[..<separator.upperBound] + "***" + rest[end...])
    }

    /// An endpoint has no query; what looks like one may be a signature.
    private static func maskedQuery(_ text: String) -> String {
        guard isWeb(text), let mark = text.firstIndex(of: "?") else { return text }
        return text[...mark] + "***"
    }
}

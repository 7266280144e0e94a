import Servables

/// The sections of an AWS configuration or credentials file, as botocore reads it: `[section]`, `name = value` or `name: value`, comments
/// that begin a line with `#` or `;`, and indented lines, which are sub-properties where the value above them is empty.
struct ProfileFile: Sendable, Undisclosed {
    /// The files are a few hundred lines; something larger is another file.
    static let maximumSize = 1 << 20

    struct Section: Sendable, Undisclosed {
        var values: [String: String] = [:]
        /// Sub-properties, by the name of the property above them: `s3` → `endpoint_url` → value.
        var nested: [String: [String: String]] = [:]
    }

    /// By name, as it stands between the brackets, with one space between words and no quotes.
    private(set) var sections: [String: Section] = [:]

    /// Parses a file, whose `name` is for messages: they name the line and never quote it, since it may hold a secret.
    init(parsing text: String, name: String) throws(Failure) {
        var section: String?
        var property: String?
        /// How far the property above is indented: what is further in belongs to it.
        var margin = 0
        var number = 0
        for rawLine in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            number += 1
            let line = trimmed(rawLine)
            if line.isEmpty || line.hasPrefix("#") || line.hasPrefix(";") { continue }
            let indent = rawLine.prefix { $0.isASCIIWhitespace }.count
            let isIndented = property != nil && indent > margin
            if line.hasPrefix("["), !isIndented {
                guard let end = line.firstIndex(of: "]") else {
                    throw ProfileFile.fault(name, number, "the section's name has no closing bracket")
                }
                section = ProfileFile.sectionName(line[line.index(after: line.startIndex)..<end])
                property = nil
                if let section, sections[section] == nil { sections[section] = Section() }
                continue
            }
            guard let section else { throw ProfileFile.fault(name, number, "a property stands before the first section") }
            let parts = line.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "=" || $0 == ":" }
            let key = trimmed(parts[0]).lowercased()
            if isIndented, let property {
                // Under a property that has a value an indented line continues it, which nothing that is read here does.
                if sections[section]?.values[property] == "", parts.count == 2 {
                    sections[section]?.nested[property, default: [:]][key] = trimmed(parts[1])
                }
                continue
            }
            guard parts.count == 2, !key.isEmpty else { throw ProfileFile.fault(name, number, "expected name = value") }
            sections[section]?.values[key] = trimmed(parts[1])
            property = key
            margin = indent
        }
    }

    private static func sectionName(_ text: Substring) -> String {
        text.split(whereSeparator: \.isASCIIWhitespace)
            .joined(separator: " ")
            .filter { $0 != "\"" && $0 != "'" }
    }

    private static func fault(_ name: String, _ line: Int, _ reason: String) -> Failure {
        Failure(.configuration, "\(name), line \(line): \(reason)")
    }
}

public import Servables

extension StatusReport {
    /// The status as a table, a version a row, with a line feed at its end: `aspired status`.
    ///
    /// A model without a version has a row that says so. What is not known is `-`.
    public static func table(_ status: AgentStatus) -> String {
        guard !status.models.isEmpty else { return "the volume \(PlainText.escaped(status.root)) holds no model\n" }
        var rows = [["MODEL", "VERSION", "STATE", "FILES", "SIZE", "VERIFIED", "PUBLISHED", "REASON"]]
        for model in status.models {
            if model.versions.isEmpty {
                rows.append([model.name, "-", "-", "-", "-", "-", "-", withoutVersion(model)])
            }
            for version in model.versions { rows.append([model.name] + row(version)) }
        }
        return aligned(rows.map { $0.map(PlainText.escaped) })
    }

    private static func row(_ version: VersionStatus) -> [String] {
        [
            version.version.name,
            version.state.rawValue,
            version.files.map(String.init) ?? "-",
            size(version),
            verified(version.verified),
            version.publishedAt?.description ?? "-",
            version.reason ?? (version.isSynced == false ? "not synced yet" : ""),
        ]
    }

    private static func withoutVersion(_ model: ModelStatus) -> String {
        model.notReadyReason ?? model.lastFailure?.message ?? "no version"
    }

    private static func size(_ version: VersionStatus) -> String {
        guard let bytes = version.bytes else { return version.stagedBytes.map { "\(ByteCount($0)) staged" } ?? "-" }
        guard let staged = version.stagedBytes else { return "\(ByteCount(bytes))" }
        return "\(ByteCount(staged)) of \(ByteCount(bytes))"
    }

    /// One method's name where it covers every file, else how many files each covers, strongest first.
    private static func verified(_ counts: [VerificationMethod: Int]) -> String {
        let methods = VerificationMethod.strongestFirst.filter { counts[$0, default: 0] > 0 }
        if methods.count == 1, let only = methods.first { return only.rawValue }
        return methods.isEmpty ? "-" : methods.map { "\($0.rawValue):\(counts[$0, default: 0])" }.joined(separator: ",")
    }

    /// Columns two spaces apart, numbers of files and sizes to the right, nothing behind the last word of a row.
    private static func aligned(_ rows: [[String]]) -> String {
        let rightAligned: Set<Int> = [1, 3, 4]
        let widths = rows.reduce(into: Array(repeating: 0, count: 8)) { widths, row in
            for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) }
        }
        var table = ""
        for row in rows {
            var line = ""
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                line += (column == 0 ? "" : "  ") + (rightAligned.contains(column) ? padding + cell : cell + padding)
            }
            while line.last == " " { line.removeLast() }
            table += line + "\n"
        }
        return table
    }
}

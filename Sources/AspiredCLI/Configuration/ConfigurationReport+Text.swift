import Servables

extension ConfigurationReport {
    /// The report for people: a table of settings, one of models, then the faults, one a line.
    func text(extra: [ConfigurationRow]) -> String {
        let settingRows =
            settings.filter { $0.setting != .model }
            .map { [$0.setting.flag, $0.values.isEmpty ? "-" : $0.values.joined(separator: " "), $0.origin.description] }
            + extra.map { [Redaction.printable($0.name), $0.value.map(Redaction.masked) ?? "-", Redaction.printable($0.origin)] }
        var text = Self.table([["SETTING", "VALUE", "FROM"]] + settingRows)
        if !models.isEmpty {
            let origin = settings.first { $0.setting == .model }?.origin ?? .standard
            let rows = models.map { model in
                [
                    model.name, Redaction.masked(model.source.description), model.policy.description, model.ready.description,
                    model.isRequired ? "yes" : "no", model.source.endpoint ?? "-", model.source.region ?? "-", origin.description,
                ]
            }
            text += "\n"
            text += Self.table([["MODEL", "SOURCE", "VERSIONS", "READY", "REQUIRED", "ENDPOINT", "REGION", "FROM"]] + rows)
        }
        if !faults.isEmpty { text += "\nFAULTS\n" + faults.map { "\($0)\n" }.joined() }
        return text
    }

    /// Columns as wide as their widest cell, two spaces apart; none at the end of a line.
    private static func table(_ rows: [[String]]) -> String {
        var widths: [Int] = []
        for row in rows {
            for (column, cell) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], cell.count)
            }
        }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }
            return cells.joined(separator: "  ") + "\n"
        }
        .joined()
    }
}

extension SourceLocation {
    /// The model's own endpoint, if it has one.
    fileprivate var endpoint: String? { if case .s3(_, _, let endpoint, _) = self { endpoint } else { nil } }

    /// The model's own region, if it has one.
    fileprivate var region: String? { if case .s3(_, _, _, let region) = self { region } else { nil } }
}

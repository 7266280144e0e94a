extension Setting {
    /// What the help says of the default; `nil`: there is none.
    var defaultDescription: String? { defaultNote ?? defaultText }
}

/// The table of flags in README.md, between `<!-- flags -->` and `<!-- /flags -->`: a test holds it to this text.
enum SettingsReference {
    static func markdown() -> String {
        let rows = Setting.all.map { setting in
            let standard =
                setting.defaultNote.map(escaped) ?? setting.defaultText.map { "`\(escaped($0))`" } ?? "none"
            let commands = CommandName.allCases.filter { $0 != .config && setting.commands.contains($0) }
            return "| `\(escaped(setting.synopsis))` | \(standard) | \(escaped(setting.help)) | "
                + commands.map(\.rawValue).joined(separator: ", ") + " |\n"
        }
        return "| flag | default | meaning | commands |\n|---|---|---|---|\n" + rows.joined()
    }

    /// A bar ends a cell, in code as well.
    private static func escaped(_ text: String) -> String {
        text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }
}

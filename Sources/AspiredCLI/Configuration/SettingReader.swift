import Servables

/// Finds the value of each setting (flag before variable before default), reads it, and keeps what is wrong with it.
struct SettingReader {
    let command: CommandName
    /// The values of each flag on the command line, by the setting's name.
    let flags: [String: [String]]
    let environment: [String: String]

    /// What was read so far, in that order.
    private(set) var settings: [EffectiveSetting] = []
    private(set) var faults: [ConfigurationFault] = []
    /// What could not be read, and is shown as it was given.
    private var unreadable: Set<Setting> = []

    init(command: CommandName, flags: [String: [String]], environment: [String: String]) {
        self.command = command
        self.flags = flags
        self.environment = environment
    }

    mutating func report(_ fault: ConfigurationFault) { faults.append(fault) }

    /// The text of a setting and where it came from; noted for `aspired config`.
    mutating func texts(of setting: Setting) -> (values: [String], origin: Origin) {
        let found = find(setting)
        // A command that does not take a setting shows nothing of it.
        guard setting.commands.contains(command) else { return found }
        settings.append(EffectiveSetting(setting: setting, values: found.values.map(Redaction.masked), origin: found.origin))
        if !setting.isRepeatable, found.values.count > 1 {
            report(ConfigurationFault("\(setting.flag) is given \(found.values.count) times: expected once"))
        }
        return found
    }

    /// Where the value of a setting comes from.
    func origin(of setting: Setting) -> Origin { find(setting).origin }

    /// Shows `text` as the value of `setting`, where it is derived from other things than the setting's own text.
    mutating func show(_ text: String, for setting: Setting) {
        guard !unreadable.contains(setting), let index = settings.firstIndex(where: { $0.setting == setting }) else { return }
        settings[index].values = [Redaction.masked(text)]
    }

    /// The value of a setting that has no default; `nil` when it is not given, or cannot be read (a fault is kept).
    /// What may hold a secret wherever it is wrong is not shown then.
    mutating func optional<Value>(
        _ setting: Setting, mayBeSecret: Bool = false, _ parse: (String) throws(ParseFault) -> Value
    ) -> Value? {
        let (values, origin) = texts(of: setting)
        guard let text = values.last else { return nil }
        do { return try parse(text) } catch {
            if mayBeSecret { show("***", for: setting) }
            report(ConfigurationFault(origin, value: mayBeSecret ? "***" : text, error.reason))
            unreadable.insert(setting)
            return nil
        }
    }

    /// The value of a setting that has a default, which also stands in for a value that cannot be read (a fault is kept).
    mutating func value<Value>(_ setting: Setting, _ parse: (String) throws(ParseFault) -> Value) -> Value {
        if let value = optional(setting, parse) { return value }
        guard let text = setting.defaultText, let value = try? parse(text) else {
            preconditionFailure("the default of \(setting.flag) is not a value of it")
        }
        return value
    }

    /// An empty variable counts as unset: that is what a manifest's template leaves behind when nobody filled it in.
    private func find(_ setting: Setting) -> (values: [String], origin: Origin) {
        let standard = (setting.defaultText.map { [$0] } ?? [], Origin.standard)
        guard setting.commands.contains(command) else { return standard }
        if let values = flags[setting.name], !values.isEmpty { return (values, .flag(setting.flag)) }
        let text = environment[setting.variable] ?? ""
        guard !text.isEmpty else { return standard }
        let values = setting.isRepeatable ? text.split(whereSeparator: \.isWhitespace).map(String.init) : [text]
        return values.isEmpty ? standard : (values, .variable(setting.variable))
    }
}

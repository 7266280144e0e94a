/// One setting of the program: what the flag, its variable, the help and the reference have in common.
///
/// `Setting.all` is the only place where a setting is declared: the flags that are parsed, the variables that are known, the
/// help and the README's table all come from it.
struct Setting: Sendable {
    /// What the flag takes.
    enum Shape: Hashable, Sendable {
        /// A value, under the name that the help gives it (`DIR`).
        case value(String)
        /// Nothing: the flag alone means yes. Its variable takes `true` or `false`.
        case switchedOn
    }

    /// The flag without its dashes: `poll-interval`.
    let name: String
    let shape: Shape
    /// The value when neither flag nor variable gives one, as it would be written; `nil`: none.
    let defaultText: String?
    /// What the help and the reference say of the default, where it is no plain value.
    let defaultNote: String?
    let isRepeatable: Bool
    /// Which commands take the flag; the others ignore its variable.
    let commands: Set<CommandName>
    /// One sentence without its full stop.
    let help: String

    init(
        _ name: String, _ shape: Shape, default defaultText: String? = nil, note defaultNote: String? = nil,
        isRepeatable: Bool = false, of commands: Set<CommandName>, _ help: String
    ) {
        self.name = name
        self.shape = shape
        self.defaultText = defaultText
        self.defaultNote = defaultNote
        self.isRepeatable = isRepeatable
        self.commands = commands
        self.help = help
    }

    /// What every variable of the program begins with.
    static let variablePrefix = "ASPIRED_"

    /// `--poll-interval`.
    var flag: String { "--\(name)" }

    /// `ASPIRED_POLL_INTERVAL`.
    var variable: String {
        Setting.variablePrefix + String(name.uppercased().map { $0 == "-" ? "_" : $0 })
    }

    /// The flag with the name of its value: `--root DIR`.
    var synopsis: String {
        switch shape {
        case .value(let valueName): "\(flag) \(valueName)"
        case .switchedOn: flag
        }
    }
}

extension Setting: Hashable {
    static func == (left: Setting, right: Setting) -> Bool { left.name == right.name }
    func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

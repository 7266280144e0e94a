/// The commands of the program, in the order of its help.
enum CommandName: String, Hashable, Sendable, CaseIterable {
    case run
    case once
    case plan
    case status
    case verify
    case config
    case probe

    /// Whether it can do nothing without a model.
    var needsModels: Bool {
        switch self {
        case .run, .once, .plan, .config: true
        case .status, .verify, .probe: false
        }
    }

    /// Names for messages: `run, once and plan`.
    static func list(_ names: some Collection<CommandName>) -> String {
        let texts = names.map(\.rawValue)
        guard let last = texts.last, texts.count > 1 else { return texts.first ?? "" }
        return texts.dropLast().joined(separator: ", ") + " and " + last
    }
}

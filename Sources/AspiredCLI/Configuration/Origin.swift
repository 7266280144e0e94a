/// Where the value of a setting came from.
enum Origin: Hashable, Sendable, CustomStringConvertible {
    case flag(String)
    case variable(String)
    case standard

    /// `--root`, `ASPIRED_ROOT` or `default`.
    var description: String {
        switch self {
        case .flag(let name), .variable(let name): name
        case .standard: "default"
        }
    }
}

/// One setting as it takes effect: a row of `aspired config`.
struct EffectiveSetting: Hashable, Sendable {
    let setting: Setting
    /// The values as text, secrets masked; empty when there is none.
    var values: [String]
    let origin: Origin
}

/// One thing that is wrong with how the program was called; its text fits on one line and holds no secret.
struct ConfigurationFault: Hashable, Sendable, CustomStringConvertible {
    let description: String
    /// Whether every setting is right by itself, and what is wrong is what they come to beside that server.
    let isOfServer: Bool

    init(_ description: String, isOfServer: Bool = false) {
        self.description = description
        self.isOfServer = isOfServer
    }

    /// - Parameters:
    ///   - origin: the flag or variable that the value came from.
    ///   - value: as it was given; secrets are masked here.
    ///   - reason: what is expected instead, as one clause.
    init(_ origin: Origin, value: String, _ reason: String) {
        self.init("\(origin) is \(Redaction.quoted(value)): \(reason)")
    }
}

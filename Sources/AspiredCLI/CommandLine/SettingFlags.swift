import ArgumentParser

/// A type that stands for one command, so that `SettingFlags` knows whose flags it declares.
protocol SettingsCommand: ParsableCommand {
    static var name: CommandName { get }
    var settings: SettingFlags<Self> { get }
}

/// The flags of one command, declared from the table of settings.
///
/// swift-argument-parser finds declarations by mirroring a value made by `init()`, and reads their values by decoding. Giving
/// it a mirror and a decoder of our own, instead of a property for each flag, keeps the table the only place where a flag is
/// declared.
struct SettingFlags<Command: SettingsCommand>: ParsableArguments, CustomReflectable {
    /// The values of each flag that was given, by the setting's name; a switch has the value `true`.
    private(set) var given: [String: [String]] = [:]

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        for setting in Setting.all(of: Command.name) {
            let key = Key(stringValue: setting.name)
            switch setting.shape {
            case .value: given[setting.name] = try container.decode(Option<[String]>.self, forKey: key).wrappedValue
            case .switchedOn:
                let isOn = try container.decode(Flag<Bool>.self, forKey: key).wrappedValue
                given[setting.name] = isOn ? ["true"] : []
            }
        }
    }

    var customMirror: Mirror {
        Mirror(
            self,
            children: Setting.all(of: Command.name).map { setting in
                let help = ArgumentHelp(
                    stringLiteral: setting.help + (setting.defaultDescription.map { " (default: \($0))" } ?? ""))
                switch setting.shape {
                case .value(let valueName):
                    var help = help
                    help.valueName = valueName
                    return (setting.name, Option<[String]>(wrappedValue: [], name: .customLong(setting.name), help: help))
                case .switchedOn:
                    return (setting.name, Flag<Bool>(wrappedValue: false, name: .customLong(setting.name), help: help))
                }
            })
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}

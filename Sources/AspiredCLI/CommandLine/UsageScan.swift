/// Looks through a command line for names that nobody knows, before it is parsed: each gets a fault of its own, with the
/// name that was probably meant, where swift-argument-parser would report the first alone.
struct UsageScan: Sendable {
    private(set) var faults: [ConfigurationFault] = []
    /// The command line without the unknown flags and their values, to go on with.
    private(set) var arguments: [String] = []

    private static let everywhere = ["--help", "-h", "--version"]
    /// swift-argument-parser's own, of the program as a whole.
    private static let beforeCommand = ["--help-hidden", "--generate-completion-script", "--experimental-dump-help"]

    init(_ given: [String]) {
        guard let first = given.first else { return }
        if first.hasPrefix("-"), first != "-" {
            scanBeforeCommand(first)
            arguments = given
        } else if first == "help" {
            if given.count > 1, !given[1].hasPrefix("-") { checkCommand(given[1]) }
            arguments = given
        } else if let command = checkCommand(first) {
            arguments = [first]
            scan(given.dropFirst(), of: command)
        }
    }

    /// What flags a command takes besides its settings.
    private static func others(of command: CommandName) -> [String] {
        switch command {
        case .plan, .status, .verify, .config: everywhere + ["-o"]
        case .run, .once, .probe: everywhere
        }
    }

    private static func name(of argument: String) -> String {
        String(argument.prefix { $0 != "=" })
    }

    @discardableResult
    private mutating func checkCommand(_ text: String) -> CommandName? {
        if let command = CommandName(rawValue: text) { return command }
        let known = CommandName.allCases.map(\.rawValue)
        let hint = NearestName.suggestion(for: text, of: known).map { "; did you mean \($0)? The" } ?? ": the"
        faults.append(
            ConfigurationFault(
                "unknown command \(Redaction.quoted(text))\(hint) commands are \(CommandName.list(CommandName.allCases))"))
        return nil
    }

    private mutating func scanBeforeCommand(_ argument: String) {
        let name = Self.name(of: argument)
        guard !Self.everywhere.contains(name), !Self.beforeCommand.contains(name) else { return }
        if Setting.all.contains(where: { $0.flag == name }) {
            faults.append(ConfigurationFault("\(name) stands before the command: write `aspired COMMAND \(name) …`"))
        } else {
            faults.append(unknown(name, known: Self.everywhere + Setting.all.map(\.flag), seeing: "help"))
        }
    }

    private mutating func scan(_ given: ArraySlice<String>, of command: CommandName) {
        let settings = Setting.all(of: command)
        let known = settings.map(\.flag) + Self.others(of: command)
        let takingValue = Set(settings.filter { $0.shape != .switchedOn }.map(\.flag) + ["-o"])
        var rest = given
        while let argument = rest.popFirst() {
            if argument == "--" { return arguments.append(contentsOf: [argument] + rest) }
            let name = Self.name(of: argument)
            guard name.hasPrefix("-"), name != "-", !known.contains(name) else {
                if argument == name, takingValue.contains(name) {
                    takeValue(of: name, from: &rest, known: known)
                } else {
                    arguments.append(argument)
                }
                continue
            }
            if let setting = Setting.all.first(where: { $0.flag == name }) {
                let takers = CommandName.list(CommandName.allCases.filter { setting.commands.contains($0) })
                faults.append(ConfigurationFault("aspired \(command.rawValue) takes no \(name): it is for \(takers)"))
            } else {
                faults.append(unknown(name, known: known, seeing: "help \(command.rawValue)"))
            }
            // Only `probe` takes an argument that belongs to no flag.
            if argument == name, let value = rest.first, !value.hasPrefix("-"), ProbeQuestion(rawValue: value) == nil {
                rest.removeFirst()
            }
        }
    }

    /// Takes a flag and the argument that follows it as its value.
    private mutating func takeValue(of flag: String, from rest: inout ArraySlice<String>, known: [String]) {
        guard let value = rest.first else { return faults.append(ConfigurationFault("\(flag) has no value")) }
        guard value.hasPrefix("-"), value != "-" else {
            rest.removeFirst()
            return arguments.append(contentsOf: [flag, value])
        }
        if known.contains(Self.name(of: value)) {
            faults.append(ConfigurationFault("\(flag) has no value: \(Redaction.printable(Self.name(of: value))) follows it"))
        } else {
            rest.removeFirst()
            faults.append(
                ConfigurationFault(
                    "\(flag) has no value; one that begins with a dash is written \(flag)=\(Redaction.masked(value))"))
        }
    }

    private func unknown(_ name: String, known: [String], seeing help: String) -> ConfigurationFault {
        let hint = NearestName.suggestion(for: name, of: known).map { "; did you mean \($0)?" } ?? ";"
        return ConfigurationFault("unknown flag \(Redaction.printable(name))\(hint) `aspired \(help)` lists the flags")
    }
}

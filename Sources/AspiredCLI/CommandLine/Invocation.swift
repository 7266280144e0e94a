import ArgumentParser

/// What a command line asks for.
enum Invocation: Sendable {
    /// To print this: help, the version, a completion script.
    case text(String)
    /// Nothing that can be done; the help, if given, goes first.
    case usage([ConfigurationFault], help: String?)
    /// A command with its settings, right or wrong. `ProbeQuestion` is there exactly for `probe`.
    case command(CommandName, ConfigurationReport, OutputFormat, ProbeQuestion?)
}

extension Invocation {
    init(_ inputs: CommandLineInputs) {
        let scan = UsageScan(inputs.arguments)
        let command: any ParsableCommand
        do {
            command = try AspiredArguments.parseAsRoot(scan.arguments)
        } catch {
            // The parser would report what follows from an unknown name, too.
            self =
                AspiredArguments.exitCode(for: error).isSuccess
                ? Invocation.text(AspiredArguments.fullMessage(for: error, columns: Self.columns))
                : .usage(
                    (scan.faults.isEmpty ? [Self.fault(for: error)] : scan.faults)
                        + EnvironmentNames.faults(in: inputs.environment), help: nil)
            return
        }
        switch command {
        case let command as any SettingsCommand: self = Self.reading(command, scan, inputs)
        case is AspiredArguments where scan.faults.isEmpty:
            // Not success: a container whose arguments were forgotten must not look as if it had done its work.
            self = .usage(
                [ConfigurationFault("no command is given")], help: AspiredArguments.helpMessage(columns: Self.columns))
        case is AspiredArguments: self = .usage(scan.faults + EnvironmentNames.faults(in: inputs.environment), help: nil)
        default: self = Self.asked(by: command, scan)
        }
    }

    /// Help is wrapped to this, whatever the terminal: the same text everywhere.
    private static let columns = 100

    private static func reading(
        _ command: some SettingsCommand, _ scan: UsageScan, _ inputs: CommandLineInputs
    ) -> Invocation {
        let name = type(of: command).name
        var flags = command.settings.given
        var faults = scan.faults
        if let placing = command as? any PlacingCommand { faults += SourceAndPlace.add(placing.arguments, to: &flags) }
        let report = ConfigurationReport(
            command: name, flags: flags, inputs: inputs, isUnderstood: faults.isEmpty)
        let formats = (command as? any FormattedCommand)?.output.format ?? []
        let format = formats.last.map { OutputFormat(rawValue: $0) } ?? .text
        if format == nil {
            faults.append(ConfigurationFault(.flag("-o"), value: formats.last ?? "", "expected text or json"))
        }
        let asked = (command as? ProbeArguments)?.question
        let question = asked.flatMap(ProbeQuestion.init(rawValue:))
        if name == .probe, question == nil {
            let what = asked.map { "asks \(Redaction.quoted($0))" } ?? "asks nothing"
            faults.append(ConfigurationFault("probe \(what): expected `aspired probe ready` or `aspired probe health`"))
        }
        // Even `config`, which prints the faults of settings, refuses to guess what an unknown flag meant.
        guard faults.isEmpty, let format else { return .usage(faults + report.faults, help: nil) }
        return .command(name, report, format, question)
    }

    /// The built-in help command says by running what it would print.
    private static func asked(by command: any ParsableCommand, _ scan: UsageScan) -> Invocation {
        guard scan.faults.isEmpty else { return .usage(scan.faults, help: nil) }
        var command = command
        do {
            try command.run()
            return .text("")
        } catch {
            return .text(AspiredArguments.fullMessage(for: error, columns: columns))
        }
    }

    /// The parser's own words, made to look like ours: `Missing value for '--root <DIR>'`.
    private static func fault(for error: any Error) -> ConfigurationFault {
        let message = AspiredArguments.message(for: error)
        let start = message.prefix(1).lowercased() + message.dropFirst().prefix { $0 != "\n" }
        return ConfigurationFault(
            Redaction.masked(start.hasSuffix(".") ? String(start.dropLast()) : start) + "; `aspired --help` shows what is taken")
    }
}

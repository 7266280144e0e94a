import ArgumentParser

/// The commands as swift-argument-parser sees them: it splits the command line and writes the help. What the values mean is
/// read by `ConfigurationReport`.
struct AspiredArguments: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aspired",
        abstract: "Makes a volume hold exactly the aspired versions of machine-learning models.",
        discussion: """
            Pulls the versions from S3 into a volume shared with TensorFlow Serving or Triton, publishes each by one rename, \
            and prunes the rest.

            Every flag has an environment variable: --poll-interval is ASPIRED_POLL_INTERVAL. A flag beats its variable, which \
            beats the default; an empty variable counts as unset; the variable of a repeatable flag separates by white space.
            """,
        version: "aspired \(ProgramVersion.current)",
        subcommands: [
            RunArguments.self, OnceArguments.self, PlanArguments.self, StatusArguments.self, VerifyArguments.self,
            ConfigArguments.self, ProbeArguments.self,
        ])
}

struct RunArguments: SettingsCommand {
    static let name = CommandName.run
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Reconcile for ever: sidecar and standalone daemon.",
        usage: "aspired run --model NAME=URI ... [flags]")

    @OptionGroup var settings: SettingFlags<Self>
}

struct OnceArguments: SettingsCommand, PlacingCommand {
    static let name = CommandName.once
    static let configuration = CommandConfiguration(
        commandName: "once", abstract: "Reconcile until every aspired version is published, then exit: init container, cron.",
        usage: "aspired once --model NAME=URI ... [flags]\naspired once SOURCE DIRECTORY ... [flags]")

    @Argument(help: .sourceAndPlace) var arguments: [String] = []
    @OptionGroup var settings: SettingFlags<Self>
}

struct PlanArguments: SettingsCommand, FormattedCommand, PlacingCommand {
    static let name = CommandName.plan
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Say what `once` would fetch, publish and prune, with bytes; change nothing.",
        usage: "aspired plan --model NAME=URI ... [flags]\naspired plan SOURCE DIRECTORY ... [flags]")

    @Argument(help: .sourceAndPlace) var arguments: [String] = []
    @OptionGroup var output: OutputFlag
    @OptionGroup var settings: SettingFlags<Self>
}

struct StatusArguments: SettingsCommand, FormattedCommand {
    static let name = CommandName.status
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show what the volume holds, by model and version; needs no running agent.",
        usage: "aspired status [--root DIR] [--state-dir DIR] [-o text|json]")

    @OptionGroup var output: OutputFlag
    @OptionGroup var settings: SettingFlags<Self>
}

struct VerifyArguments: SettingsCommand, FormattedCommand {
    static let name = CommandName.verify
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Read every published file again and compare it with its checksum; exit 65 where one differs.",
        usage: "aspired verify [--root DIR] [--state-dir DIR] [-o text|json]\naspired verify --repair [flags of run]")

    @OptionGroup var output: OutputFlag
    @OptionGroup var settings: SettingFlags<Self>
}

struct ConfigArguments: SettingsCommand, FormattedCommand {
    static let name = CommandName.config
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Print the configuration that `run` would take, where each value came from, and its faults.",
        usage: "aspired config [flags of any command] [-o text|json]")

    @OptionGroup var output: OutputFlag
    @OptionGroup var settings: SettingFlags<Self>
}

struct ProbeArguments: SettingsCommand {
    static let name = CommandName.probe
    static let configuration = CommandConfiguration(
        commandName: "probe", abstract: "Ask a running agent at its --http-listen; exit 0 for yes, 1 for no: for exec probes.",
        usage: "aspired probe ready|health [--http-listen ADDR]")

    @Argument(help: ArgumentHelp("What to ask.", valueName: "ready|health")) var question: String?
    @OptionGroup var settings: SettingFlags<Self>
}

/// A command that takes `SOURCE DIRECTORY`.
protocol PlacingCommand: ParsableCommand {
    var arguments: [String] { get }
}

extension ArgumentHelp {
    fileprivate static let sourceAndPlace = ArgumentHelp(
        "As KServe's storage initializer takes them: SOURCE is --model NAME=SOURCE, NAME its last component; DIRECTORY is --root.",
        valueName: "SOURCE DIRECTORY")
}

/// A command that takes `-o`.
protocol FormattedCommand: ParsableCommand {
    var output: OutputFlag { get }
}

struct OutputFlag: ParsableArguments {
    @Option(
        name: .customShort("o"), help: ArgumentHelp("Form of the output: text or json. (default: text)", valueName: "text|json"))
    var format: [String] = []
}

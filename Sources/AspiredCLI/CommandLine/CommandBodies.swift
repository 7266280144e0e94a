import Servables

/// What a command works with.
struct CommandContext: Sendable {
    /// Complete and checked.
    let configuration: Configuration
    let inputs: CommandLineInputs
    let output: CommandOutput
    /// What `-o` asked for; text for commands that do not take it.
    let format: OutputFormat
}

/// What `-o` takes.
enum OutputFormat: String, Hashable, Sendable, CaseIterable {
    case text
    case json
}

/// What `aspired probe` asks.
enum ProbeQuestion: String, Hashable, Sendable, CaseIterable {
    case ready
    case health
}

/// What the commands do once they know what they were told. A `Failure` that is thrown is printed and gives the exit code.
struct CommandBodies: Sendable {
    typealias Body = @Sendable (CommandContext) async throws -> ExitCode

    var run: Body
    var once: Body
    var plan: Body
    var status: Body
    var verify: Body
    var probe: @Sendable (CommandContext, ProbeQuestion) async throws -> ExitCode
    /// What `aspired config` shows below the settings: what S3 makes of them and of its own environment.
    var configurationRows: @Sendable (CommandContext) async throws -> [ConfigurationRow]

    /// The models that `aspired config` shows beside those of the command line: those of a list that is a file.
    var listedModels: @Sendable (CommandContext) async throws -> [DesiredModel] = { _ in [] }

    /// Bodies that do nothing and say so.
    static let missing = CommandBodies(
        run: { _ in throw notBuilt(.run) }, once: { _ in throw notBuilt(.once) }, plan: { _ in throw notBuilt(.plan) },
        status: { _ in throw notBuilt(.status) }, verify: { _ in throw notBuilt(.verify) },
        probe: { _, _ in throw notBuilt(.probe) }, configurationRows: { _ in [] })

    private static func notBuilt(_ command: CommandName) -> Failure {
        Failure(.internalError, "`aspired \(command.rawValue)` is not part of this build")
    }
}

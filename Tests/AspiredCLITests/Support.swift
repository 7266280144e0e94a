@testable import AspiredCLI

/// What a program run in this process wrote, and how it ended.
struct Outcome: Sendable {
    var code: ExitCode
    var result: String
    var errors: [String]
}

/// Collects what is written; used by one run at a time.
private final class Sink: @unchecked Sendable {
    var result = ""
    var errors: [String] = []
}

/// Runs the program with a command line as one would type it, separated by single spaces.
func aspired(
    _ line: String, environment: [String: String] = [:], isTerminal: Bool = false, bodies: CommandBodies = .missing
) async -> Outcome {
    await aspired(
        line.split(separator: " ").map(String.init), environment: environment, isTerminal: isTerminal, bodies: bodies)
}

func aspired(
    _ arguments: [String], environment: [String: String] = [:], isTerminal: Bool = false, bodies: CommandBodies = .missing
) async -> Outcome {
    let sink = Sink()
    let output = CommandOutput(result: { sink.result += $0 }, error: { sink.errors.append($0) })
    let inputs = CommandLineInputs(
        arguments: arguments, environment: environment, workingDirectory: "/work/dir", isErrorTerminal: isTerminal)
    let code = await AspiredCommand.run(inputs, bodies: bodies, output: output)
    return Outcome(code: code, result: sink.result, errors: sink.errors)
}

/// What a command line and an environment come to, as the flags would be parsed.
func report(
    _ command: CommandName = .run, _ flags: [String: [String]] = [:], environment: [String: String] = [:],
    isTerminal: Bool = false
) -> ConfigurationReport {
    let inputs = CommandLineInputs(
        arguments: [], environment: environment, workingDirectory: "/work/dir", isErrorTerminal: isTerminal)
    return ConfigurationReport(command: command, flags: flags, inputs: inputs)
}

/// A report with one model given, so that nothing is wrong but what the test makes wrong.
func reportWithModel(_ flags: [String: [String]], environment: [String: String] = [:]) -> ConfigurationReport {
    report(.config, ["model": ["m=s3://b/p"]].merging(flags) { $1 }, environment: environment)
}

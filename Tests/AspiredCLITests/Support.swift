import Glibc

@testable import AspiredCLI

/// What a program run in this process wrote, and how it ended.
struct Outcome: Sendable {
    var code: ExitCode
    var result: String
    var errors: [String]
    /// What it logged.
    var log: String
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
    let log = tmpfile()
    defer { if let log { fclose(log) } }
    let descriptor = log.map { fileno($0) } ?? -1
    let output = CommandOutput(result: { sink.result += $0 }, error: { sink.errors.append($0) }, log: descriptor)
    let inputs = CommandLineInputs(
        arguments: arguments, environment: environment, workingDirectory: "/work/dir", isErrorTerminal: isTerminal)
    let code = await AspiredCommand.run(inputs, bodies: bodies, output: output)
    return Outcome(code: code, result: sink.result, errors: sink.errors, log: content(of: descriptor))
}

private func content(of descriptor: CInt) -> String {
    var bytes = [UInt8](repeating: 0, count: 64 << 10)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
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

import Servables

/// One command about to be carried out.
struct CommandRun: Sendable {
    let inputs: CommandLineInputs
    let bodies: CommandBodies
    let output: CommandOutput
    let report: ConfigurationReport
    let format: OutputFormat

    func perform(_ name: CommandName, _ configuration: Configuration, _ question: ProbeQuestion?) async throws -> ExitCode {
        let context = context(configuration)
        switch name {
        case .run: return try await bodies.run(context)
        case .once: return try await bodies.once(context)
        case .plan: return try await bodies.plan(context)
        case .status: return try await bodies.status(context)
        case .verify: return try await bodies.verify(context)
        case .probe: return try await bodies.probe(context, question ?? .ready)
        case .config: return try await printConfiguration()
        }
    }

    /// `aspired config`: the one command whose work is here. It prints what it can, whatever is wrong.
    func printConfiguration() async throws -> ExitCode {
        var report = report
        var rows: [ConfigurationRow] = []
        var code = ExitCode(report.faults)
        if let configuration = report.configuration {
            do { rows = try await bodies.configurationRows(context(configuration)) } catch let failure as Failure {
                report.faults.append(ConfigurationFault(failure.message))
                code = .usage
            }
            do { report.models += try await bodies.listedModels(context(configuration)) } catch let failure as Failure {
                report.faults.append(ConfigurationFault(failure.message))
                if code == .done { code = ExitCode(failure.kind) }
            }
        }
        switch format {
        case .text: try output.result(report.text(extra: rows))
        case .json: try output.result(report.json(extra: rows))
        }
        return code
    }

    private func context(_ configuration: Configuration) -> CommandContext {
        CommandContext(configuration: configuration, inputs: inputs, output: output, format: format)
    }
}

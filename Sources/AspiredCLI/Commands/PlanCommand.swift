import Agent
import PlainJSON
import Servables
import Volume

/// `aspired plan`: says what `once` would do; changes nothing.
enum PlanCommand {
    static func run(_ context: CommandContext) async throws -> ExitCode {
        let outputs = EventOutputs(context)
        let assembly = try Assembly(
            context.configuration, environment: context.inputs.environment, telemetry: outputs.telemetry)
        let planner = Planner(
            volume: assembly.volume, workers: assembly.workers, settings: assembly.settings, time: assembly.time)
        let set = try await assembly.onlySet(timeout: context.configuration.timeout)
        var planned: [PlannedModel] = []
        for model in set.models { planned.append(await planner.plan(model, source: set.makeSource(model))) }
        await assembly.shutdown()
        let report = PlanReport(planned)
        switch context.format {
        case .text: try context.output.result(report.text)
        case .json: try context.output.result(report.json.text(indented: true) + "\n")
        }
        let failures = planned.filter(\.model.isRequired).compactMap(\.failure)
        for failure in planned.compactMap(\.failure) { context.output.error("aspired: \(failure.message)") }
        guard let failure = ExitCode.mostSevere(of: failures) else { return .done }
        return ExitCode(failure.kind)
    }
}

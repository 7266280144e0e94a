import Agent
import FileIO
import Logging
import Monitoring
import Servables

/// `aspired once`: reconciles until every aspired version is published, then ends.
enum OnceCommand {
    static func run(_ context: CommandContext) async throws -> ExitCode {
        let stop = await StopSignals()
        let outputs = EventOutputs(context, showsProgress: true)
        let assembly = try Assembly(
            context.configuration, environment: context.inputs.environment, telemetry: outputs.telemetry)
        let failures = try await stop.cancelling(outputs.telemetry, code: .busy) {
            await showingProgress(outputs) { await once(assembly) }
        }
        await assembly.shutdown()
        for failure in failures { outputs.logger.error("\(failure.message)") }
        guard let failure = ExitCode.mostSevere(of: failures) else { return .done }
        return ExitCode(failure.kind)
    }

    private static func once(_ assembly: Assembly) async -> [Failure] {
        let configuration = assembly.configuration
        let began = assembly.time.uptime()
        let set: ModelSet
        do throws(Failure) { set = try await assembly.onlySet(timeout: configuration.timeout) } catch { return [error] }
        // What the list took is no longer there for the models.
        let left = configuration.timeout.map { max(.zero, $0 - (assembly.time.uptime() - began)) }
        return await assembly.agent(set).once(timeout: left)
    }

    private static func showingProgress(_ outputs: EventOutputs, _ work: () async -> [Failure]) async -> [Failure] {
        guard let progress = outputs.progress else { return await work() }
        let ticking = Task {
            // Until it is cancelled.
            while (try? await SystemTimeSource().sleep(for: .milliseconds(250))) != nil { progress.tick() }
        }
        let failures = await work()
        ticking.cancel()
        await ticking.value
        progress.clear()
        return failures
    }
}

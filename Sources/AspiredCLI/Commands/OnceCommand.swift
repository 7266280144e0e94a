import Agent
import FileIO
import Logging
import Monitoring
import Servables
import ServiceLifecycle
import UnixSignals

/// `aspired once`: reconciles until every aspired version is published, then ends.
enum OnceCommand {
    static func run(_ context: CommandContext) async throws -> ExitCode {
        let outputs = EventOutputs(context, showsProgress: true)
        let assembly = try Assembly(
            context.configuration, environment: context.inputs.environment, telemetry: outputs.telemetry)
        let failures = await untilStopped(outputs) { await once(assembly) }
        outputs.progress?.clear()
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

    /// Runs `work`; SIGTERM and SIGINT cancel it, and end the process when it does not end in time.
    private static func untilStopped(_ outputs: EventOutputs, _ work: @escaping @Sendable () async -> [Failure]) async
        -> [Failure]
    {
        await withTaskGroup(of: [Failure]?.self) { group in
            group.addTask { await work() }
            group.addTask {
                for await signal in await UnixSignalsSequence(trapping: .sigterm, .sigint) {
                    outputs.telemetry.record(.stopping(reason: "\(signal)"))
                    LastResort.arm(code: .busy)
                    return nil
                }
                return nil
            }
            if let progress = outputs.progress {
                group.addTask {
                    // Until it is cancelled.
                    while (try? await SystemTimeSource().sleep(for: .milliseconds(250))) != nil { progress.tick() }
                    return nil
                }
            }
            var failures: [Failure] = []
            while let result = await group.next() {
                if let result {
                    failures = result
                    group.cancelAll()
                    break
                }
                // Told to stop: the work ends by itself now, and says what it had not done.
                group.cancelAll()
            }
            for await result in group { if let result { failures = result } }
            return failures
        }
    }
}

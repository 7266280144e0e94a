import Agent
import FileIO
import Monitoring
import Servables
import UnixSignals

/// `aspired run`: reconciles for ever, and answers over HTTP.
enum RunCommand {
    static func run(_ context: CommandContext) async throws -> ExitCode {
        let stop = await StopSignals()
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        let metrics = MetricsRecorder()
        let outputs = EventOutputs(context, metrics: metrics)
        try await stop.cancelling(outputs.telemetry, code: .done) { try await run(context, outputs, metrics, hangups) }
        return .done
    }

    private static func run(
        _ context: CommandContext, _ outputs: EventOutputs, _ metrics: MetricsRecorder, _ hangups: UnixSignalsSequence
    ) async throws {
        let (configuration, telemetry) = (context.configuration, outputs.telemetry)
        let assembly = try Assembly(configuration, environment: context.inputs.environment, telemetry: telemetry)
        let lists = ModelLists(assembly)
        let set: ModelSet
        if let lists { set = try await lists.first() } else { set = try assembly.set(configuration.models) }
        metrics.configure(models: set.models.map(\.name))
        let agent = assembly.agent(set)
        telemetry.record(.started(program: ProgramVersion.current, root: configuration.root, models: set.models.count))
        let server = try await listen(configuration, agent, metrics, outputs)
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(
                try await withThrowingDiscardingTaskGroup { group in
                    group.addTask {
                        for await _ in hangups {
                            if let lists {
                                lists.readAgain()
                            } else {
                                telemetry.record(.reloaded(models: configuration.models.count))
                            }
                            await agent.syncNow()
                        }
                    }
                    if let lists {
                        group.addTask { await lists.follow(agent) { metrics.configure(models: $0.models.map(\.name)) } }
                    }
                    defer { group.cancelAll() }
                    try await agent.run()
                })
        } catch { outcome = .failure(error) }
        await server?.shutdown()
        // What stops has five seconds in all.
        await assembly.shutdown(hooksWithin: .seconds(2))
        try outcome.get()
    }

    private static func listen(
        _ configuration: Configuration, _ agent: Agent, _ metrics: MetricsRecorder, _ outputs: EventOutputs
    ) async throws -> MonitoringServer? {
        guard let listen = configuration.httpListen, let address = try? ListenAddress(parsing: listen.description) else {
            return nil
        }
        let handlers = MonitoringHandlers(
            status: { await agent.status() }, health: { await agent.illnesses() }, readiness: { await agent.unreadiness() },
            metrics: { metrics.text(status: await agent.status()) })
        do throws(ListenError) {
            let server = try await MonitoringServer.start(address: address, handlers: handlers)
            if let server { outputs.telemetry.record(.listening(address: server.boundAddress)) }
            return server
        } catch {
            let message = "\(error): choose another --http-listen, or off"
            guard listen.isExplicit else {
                outputs.telemetry.record(.warning("\(message); going on without HTTP"))
                return nil
            }
            throw Failure(.configuration, message)
        }
    }
}

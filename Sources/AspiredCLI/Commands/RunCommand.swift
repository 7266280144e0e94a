import Agent
import FileIO
import Logging
import Monitoring
import Servables
import ServiceLifecycle
import UnixSignals

/// `aspired run`: reconciles for ever, and answers over HTTP.
enum RunCommand {
    static func run(_ context: CommandContext) async throws -> ExitCode {
        let configuration = context.configuration
        let metrics = MetricsRecorder()
        let outputs = EventOutputs(context, metrics: metrics)
        let assembly = try Assembly(configuration, environment: context.inputs.environment, telemetry: outputs.telemetry)
        let lists = ModelLists(assembly)
        let set: ModelSet
        if let lists { set = try await lists.first() } else { set = try assembly.set(configuration.models) }
        metrics.configure(models: set.models.map(\.name))
        let agent = assembly.agent(set)
        outputs.telemetry.record(.started(program: ProgramVersion.current, root: configuration.root, models: set.models.count))
        let server = try await listen(configuration, agent, metrics, outputs)
        var services: [any Service] = [
            AgentService(agent: agent, telemetry: outputs.telemetry),
            HangupService(agent: agent, lists: lists, models: configuration.models.count, telemetry: outputs.telemetry),
        ]
        if let lists { services.append(ModelListService(agent: agent, lists: lists, metrics: metrics)) }
        var silent = outputs.logger
        silent.logLevel = .critical
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map {
                    .init(
                        service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup)
                },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: silent))
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await group.run()) } catch { outcome = .failure(error) }
        await server?.shutdown()
        // What stops has five seconds in all.
        await assembly.shutdown(hooksWithin: .seconds(2))
        try outcome.get()
        return .done
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

/// The agent, until the process is told to stop.
private struct AgentService: Service {
    let agent: Agent
    let telemetry: any Telemetry

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await cancelWhenGracefulShutdown { try await agent.run() }
        } onGracefulShutdown: {
            telemetry.record(.stopping(reason: "told to stop"))
            LastResort.arm(code: .done)
        }
    }
}

/// The list of models, until the process is told to stop.
private struct ModelListService: Service {
    let agent: Agent
    let lists: ModelLists
    let metrics: MetricsRecorder

    func run() async throws {
        await cancelWhenGracefulShutdown { await lists.follow(agent) { metrics.configure(models: $0.models.map(\.name)) } }
    }
}

/// SIGHUP: look again now.
private struct HangupService: Service {
    let agent: Agent
    let lists: ModelLists?
    /// Of the command line.
    let models: Int
    let telemetry: any Telemetry

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            if let lists { lists.readAgain() } else { telemetry.record(.reloaded(models: models)) }
            await agent.syncNow()
        }
    }
}

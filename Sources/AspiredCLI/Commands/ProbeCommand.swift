import Monitoring
import Servables

/// `aspired probe ready|health`: asks a running agent; for exec probes.
enum ProbeCommand {
    private static let timeout: Duration = .seconds(5)

    static func run(_ context: CommandContext, _ question: ProbeQuestion) async throws -> ExitCode {
        let address = context.configuration.httpListen.flatMap { try? ListenAddress(parsing: $0.description) } ?? .off
        let path = question == .ready ? "/readyz" : "/healthz"
        do throws(Probe.Fault) {
            let answer = try await Probe.get(address: address, path: path, timeout: timeout)
            if answer.status == 200 { return .done }
            context.output.error("aspired: \(path): \(answer.status) \(answer.body)")
        } catch {
            context.output.error("aspired: \(error); is `aspired run` running, and is this its --http-listen?")
        }
        return .probeFailed
    }
}

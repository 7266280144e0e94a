import Servables
import UnixSignals

/// SIGTERM and SIGINT, from the moment it is made: make it first. A process that traps them only once it is at work is killed by one that
/// comes earlier, or, as the first process of a container, never learns of it.
struct StopSignals: Sendable {
    private let signals: UnixSignalsSequence

    init() async { signals = await UnixSignalsSequence(trapping: .sigterm, .sigint) }

    /// Runs `work`; the first of the signals cancels it, and ends the process when it does not end in time.
    /// - Parameters:
    ///   - telemetry: told of the signal.
    ///   - code: what the process ends with when it is ended so.
    ///   - work: what is run.
    /// - Returns: what `work` returns, cancelled or not.
    /// - Throws: what `work` throws.
    func cancelling<Result: Sendable>(
        _ telemetry: any Telemetry, code: ExitCode, _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let task = Task { try await work() }
        let waiting = Task {
            for await signal in signals {
                telemetry.record(.stopping(reason: "\(signal)"))
                LastResort.arm(code: code)
                task.cancel()
                return
            }
        }
        defer { waiting.cancel() }
        return try await task.value
    }
}

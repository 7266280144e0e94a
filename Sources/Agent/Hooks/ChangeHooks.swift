import FileIO
public import Servables
public import Transfer

/// What a user wants done after each change of a base path.
public struct HookPlan: Sendable {
    /// A program and its arguments, which is run without a shell.
    public var command: [String]?
    /// What the program inherits.
    public var environment: [String: String] = [:]
    /// Where changes are posted, and by whom.
    public var webhook: (url: String, http: HTTPClient)?
    /// Signs what is posted.
    public var secret: [UInt8]?
    /// Of a program, and of a webhook with all its tries.
    public var timeout: Duration

    public init(timeout: Duration) { self.timeout = timeout }

    /// What may be shown of a webhook: scheme and host, since what stands behind them may be a secret.
    public static func place(ofWebhook url: String) -> String {
        let parts = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count > 2 else { return "***" }
        return "\(parts[0])//\(parts[2].prefix { $0 != "?" })" + (parts.count > 3 ? "/…" : "")
    }
}

/// Something that a user wants done after each change of a base path (`--on-change-exec`, `--on-change-webhook`).
protocol ChangeHook: Sendable {
    /// Does it, within its own time-out.
    /// - Returns: what a person should read of it.
    /// - Throws: why it was not done; it is not tried again.
    func run(_ change: BasePathChange) async throws(Failure) -> String?
}

/// Runs the hooks: change by change in the order in which they happened, beside everything else, so that no publication waits for one.
public final class ChangeHooks: Sendable {
    private let changes: AsyncStream<BasePathChange>.Continuation
    private let work: Task<Void, Never>
    /// Changes whose hooks have not ended.
    private let pending: Lock<Int>

    /// `nil` where there is nothing to be done.
    /// - Parameters:
    ///   - plan: what is to be done.
    ///   - time: for pauses between tries.
    ///   - telemetry: hears what hooks said, and which failed.
    public convenience init?(_ plan: HookPlan, time: any TimeSource, telemetry: any Telemetry) {
        var hooks: [any ChangeHook] = []
        if let command = plan.command {
            hooks.append(ExecHook(command: command, environment: plan.environment, timeout: plan.timeout))
        }
        if let (url, http) = plan.webhook {
            hooks.append(Webhook(secret: plan.secret, url: url, http: http, timeout: plan.timeout, time: time))
        }
        guard !hooks.isEmpty else { return nil }
        self.init(hooks, telemetry: telemetry)
    }

    init(_ hooks: [any ChangeHook], telemetry: any Telemetry) {
        let (stream, changes) = AsyncStream.makeStream(of: BasePathChange.self)
        let pending = Lock(0)
        self.changes = changes
        self.pending = pending
        work = Task {
            for await change in stream {
                await withDiscardingTaskGroup { group in
                    for hook in hooks {
                        group.addTask {
                            do throws(Failure) {
                                if let said = try await hook.run(change) { telemetry.record(.notice(said)) }
                            } catch {
                                telemetry.record(.warning(error.message))
                            }
                        }
                    }
                }
                pending.withLock { $0 -= 1 }
            }
        }
    }

    /// Has the hooks run for a change; returns at once, and may be called from any thread.
    public func tell(_ change: BasePathChange) {
        pending.withLock { $0 += 1 }
        changes.yield(change)
    }

    /// Takes no further change, and waits for the hooks of those that were told.
    /// - Parameters:
    ///   - longest: waits no longer than this; `nil`: until they have ended.
    ///   - time: its clock that does not jump counts.
    /// - Returns: for how many changes hooks had not ended.
    public func finish(atMost longest: Duration? = nil, time: any TimeSource) async -> Int {
        changes.finish()
        // No task group: a hook that cannot be cancelled goes on by itself, and nobody waits for it then.
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let timer = Task {
            guard let longest else { return }
            try await time.sleep(for: longest)
            end.finish()
        }
        Task { [work] in
            await work.value
            end.finish()
        }
        for await _ in ends {}
        timer.cancel()
        work.cancel()
        return pending.withLock { $0 }
    }
}

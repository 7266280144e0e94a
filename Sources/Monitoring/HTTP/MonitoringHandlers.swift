public import Servables

/// What the HTTP endpoints ask of the agent. All are called at any time, several at once, and must answer soon.
public struct MonitoringHandlers: Sendable {
    public var status: @Sendable () async -> AgentStatus
    /// Why the agent is not healthy, one line each; empty when it is.
    public var health: @Sendable () async -> [String]
    /// Why the agent is not ready, one line each; empty when it is.
    public var readiness: @Sendable () async -> [String]
    /// Prometheus' text format.
    public var metrics: @Sendable () async -> String

    public init(
        status: @escaping @Sendable () async -> AgentStatus,
        health: @escaping @Sendable () async -> [String],
        readiness: @escaping @Sendable () async -> [String],
        metrics: @escaping @Sendable () async -> String
    ) {
        self.status = status
        self.health = health
        self.readiness = readiness
        self.metrics = metrics
    }
}

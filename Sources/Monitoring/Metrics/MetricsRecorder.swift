import FileIO
public import Servables

/// Counts events for Prometheus (CONTRACT section 6).
///
/// The counters of a model begin with 0 at `register`, so that the first event of each kind is an increase that a query
/// sees.
public final class MetricsRecorder: Telemetry {
    struct ModelCounters {
        var syncSucceeded: Int64 = 0
        var syncFailed: Int64 = 0
        var lastSuccess: Timestamp?
        var publishLag = Histogram(bounds: Histogram.publishLagBounds)
        var fetchedBytes: Int64 = 0
        var reusedBytes: Int64 = 0
        var checksumFailures: Int64 = 0
        var pruned: Int64 = 0
    }

    struct RequestKind: Hashable {
        var operation: String
        var status: Int
    }

    struct State {
        var models: [String: ModelCounters] = [:]
        var requests: [RequestKind: Int64] = [:]
        var requestSeconds: [String: Histogram] = [:]
        var retries: [String: Int64] = [:]
    }

    private let state = Lock(State())

    public init() {}

    /// Has series of these models, which are configured now, and of no others.
    public func configure(models names: [String]) {
        for name in state.withLock({ Set($0.models.keys) }).subtracting(names) { forget(model: name) }
        for name in names { register(model: name) }
    }

    /// Begins the series of a model that was configured; one that has some keeps them.
    public func register(model: String) {
        count(model) { _ in }
    }

    /// Ends the series of a model that is no longer configured.
    public func forget(model: String) {
        state.withLock { _ = $0.models.removeValue(forKey: model) }
    }

    public func record(_ event: TelemetryEvent) {
        switch event {
        case .fetched(let model, let bytes): count(model) { $0.fetchedBytes += bytes }
        case .reused(let model, _, _, let bytes): count(model) { $0.reusedBytes += bytes }
        case .published(let model, _, _, _, _, _, let lag?, _): count(model) { $0.publishLag.observe(max(0, lag.inSeconds)) }
        case .pruned(let model, _): count(model) { $0.pruned += 1 }
        case .checksumMismatch(let model): count(model) { $0.checksumFailures += 1 }
        case .syncSucceeded(let model, let at):
            count(model) { counters in
                counters.syncSucceeded += 1
                counters.lastSuccess = at
            }
        case .syncFailed(let model, _, _): count(model) { $0.syncFailed += 1 }
        case .s3Request(let operation, let status, let took):
            state.withLock { state in
                state.requests[RequestKind(operation: operation, status: status), default: 0] += 1
                state.requestSeconds[operation, default: Histogram(bounds: Histogram.requestBounds)].observe(took.inSeconds)
            }
        case .s3Retry(let reason, _): state.withLock { $0.retries[reason, default: 0] += 1 }
        default: break
        }
    }

    /// - Parameter status: as of now; what is a state and not a count comes from it.
    /// - Returns: everything in Prometheus' text format, version 0.0.4.
    public func text(status: AgentStatus) -> String {
        let counted = state.withLock { $0 }
        var exposition = Exposition()
        exposition.describe(status)
        exposition.describe(counted)
        return exposition.text
    }

    private func count(_ model: String, _ change: (inout ModelCounters) -> Void) {
        state.withLock { change(&$0.models[model, default: ModelCounters()]) }
    }
}

import Servables
import Transfer

/// How often a request is tried, and how long it waits in between: exponential with full jitter, so that many agents that
/// lost their store at one instant do not come back at one instant.
struct RetryPolicy: Sendable {
    /// Tries of one request, the first included.
    static let maximumAttempts = 5
    /// Upper bound of the first wait after a hiccup; each further one has twice as much.
    static let transientBase = Duration.milliseconds(100)
    /// Upper bound of the first wait after the store asked for fewer requests.
    static let throttledBase = Duration.seconds(1)
    /// No wait is longer.
    static let maximumDelay = Duration.seconds(20)

    /// How long to wait after `attempt` tries, 1 or more; `random` is 0 ..< 1.
    static func delay(after attempt: Int, pace: RetryPace, random: Double) -> Duration {
        let base = pace == .throttled ? throttledBase : transientBase
        return min(maximumDelay, base * (1 << min(attempt - 1, 20))) * random
    }
}

extension S3Error {
    /// How soon it is worth another try; `nil` where it is not.
    var retryPace: RetryPace? {
        switch cause {
        case .refused(let refusal): refusal.retryPace
        case .transport(let error): error.isTransient ? .transient : nil
        case .unintelligible(_, let mayHeal): mayHeal ? .transient : nil
        case .objectChanged, .checksumMismatch, .credentials, .configuration, .file, .cancelled: nil
        }
    }

    /// One word for the metric.
    var retryReason: String {
        switch cause {
        case .refused(let refusal): refusal.retryPace == .throttled ? "throttled" : "server-error"
        case .transport(let error):
            switch error.kind {
            case .resolve: "resolve"
            case .connect: "connect"
            case .proxyRefused: "proxy"
            case .tls: "tls"
            case .timeout: "timeout"
            case .stalled: "stalled"
            case .closed, .reset: "reset"
            case .bodyTooShort: "cut-body"
            default: "transport"
            }
        default: "unintelligible"
        }
    }
}

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

    /// How long to wait after `attempt` tries, 1 or more; `random` is 0 ..< 1; `asked` is what the store asked for.
    static func delay(after attempt: Int, pace: RetryPace, random: Double, asked: Duration? = nil) -> Duration {
        let base = pace == .throttled ? throttledBase : transientBase
        let ours = min(maximumDelay, base * (1 << min(attempt - 1, 20))) * random
        return max(ours, min(maximumDelay, asked ?? .zero))
    }
}

/// What further tries may cost, over all requests to one store: an outage must not be answered by four tries more of each. A bucket
/// of tokens as in AWS's SDKs (aws-sdk-go-v2, `aws/ratelimit`: 500 tokens, 5 a try, given back where that succeeds, 1 for
/// each success at once); it fills up with time, too, since an agent that looks every half a minute has few successes.
struct RetryBudget: Sendable {
    static let capacity = 500
    static let cost = 5
    private static let refill = Duration.seconds(1)

    private var tokens = capacity
    private var filled: Duration

    /// Full; `now` is by the clock that does not jump.
    init(now: Duration) { filled = now }

    /// Pays for a further try.
    /// - Returns: whether there is one to be had.
    mutating func take(now: Duration) -> Bool {
        let grown = max(0, Int(clamping: (now - filled).components.seconds))
        if grown > 0 {
            add(grown)
            filled += Self.refill * grown
        }
        guard tokens >= Self.cost else { return false }
        tokens -= Self.cost
        return true
    }

    /// A request succeeded after so many tries.
    mutating func succeeded(after tries: Int) { add(tries > 1 ? Self.cost : 1) }

    private mutating func add(_ count: Int) { tokens = min(Self.capacity, tokens + min(count, Self.capacity)) }
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

    /// How long the store asks to be left alone.
    var retryAfter: Duration? { if case .refused(let refusal) = cause { refusal.retryAfter } else { nil } }

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

import Servables

/// Waiting times between attempts: doubling from a base to a cap, full jitter in the upper half, so that many agents that failed
/// together do not come back together.
public struct Backoff: Hashable, Sendable {
    /// After the first failure.
    public let base: Duration
    /// The longest wait.
    public let cap: Duration

    public init(base: Duration, cap: Duration) {
        self.base = base
        self.cap = cap
    }

    /// How long to wait after so many failures in a row, at least 1, with a throw of the dice in 0 ..< 1.
    public func wait(after failures: Int, random: Double) -> Duration {
        let doubled = base.inSeconds * Double(1 << min(max(failures, 1) - 1, 30))
        let longest = min(doubled, cap.inSeconds)
        return .seconds(longest * (0.5 + random / 2))
    }
}

/// What failed in a row, and when it is tried again.
struct FailureStreak {
    private(set) var count = 0
    /// When the first of them happened, by the monotonic clock.
    private(set) var since: Duration = .zero
    private(set) var last: Failure?
    private(set) var retryAt: Duration = .zero

    mutating func add(_ failure: Failure, now: Duration, wait: (Int) -> Duration) {
        if count == 0 { since = now }
        count += 1
        last = failure
        retryAt = now + wait(count)
    }

    mutating func retryNow() { retryAt = .zero }
}

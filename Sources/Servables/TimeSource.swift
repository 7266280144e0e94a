/// The clocks and the dice, passed in wherever time or chance decides, so that tests decide instead (DESIGN, hard rule 11).
public protocol TimeSource: Sendable {
    /// The wall clock.
    func now() -> Timestamp
    /// Time since an arbitrary start; never goes back.
    func uptime() -> Duration
    /// Suspends for `duration`, or throws `CancellationError` as soon as the task is cancelled.
    func sleep(for duration: Duration) async throws
    /// A number in 0 ..< 1, evenly distributed.
    func random() -> Double
}

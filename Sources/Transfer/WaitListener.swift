/// Hears how much of its time a thread of a client waits for the network: whoever has more for it to carry can tell by that whether it
/// could.
public protocol WaitListener: Sendable {
    /// Whether it wants to know now. Asked before each wait; meanwhile no wait is longer than a few milliseconds.
    var isListening: Bool { get }

    /// Told by the thread, at most once a millisecond. What is not on the processor because others are counts as either.
    /// - Parameters:
    ///   - waited: for how long it had nothing to do since the last time.
    ///   - worked: for how long it had something to do.
    func threadSpent(waiting waited: Duration, working worked: Duration)
}

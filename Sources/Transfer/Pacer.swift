import FileIO

/// Holds what arrives down to so many bytes a second, over all threads: who took bytes takes no more until these are paid for, and the
/// senders stop with it, since nobody empties their windows.
final class Pacer: Sendable {
    private let nanosecondsPerByte: Double
    private let paidUntil = Lock<NetworkClock.Instant>(0)

    init(bytesPerSecond: Int64) { nanosecondsPerByte = 1e9 / Double(max(1, bytesPerSecond)) }

    /// Notes bytes that were taken at an instant of the machine's clock.
    /// - Returns: until when no more may be.
    func took(_ bytes: Int64, at now: NetworkClock.Instant) -> NetworkClock.Instant {
        paidUntil.withLock { paidUntil in
            // What was not used is not saved up.
            paidUntil = max(paidUntil, now) + NetworkClock.Instant(Double(bytes) * nanosecondsPerByte)
            return paidUntil
        }
    }
}

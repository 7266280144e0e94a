import FileIO

/// Holds what arrives down to so many bytes a second, over all threads: who took bytes takes no more until these are paid for, and the
/// senders stop with it, since nobody empties their windows.
final class Pacer: Sendable {
    /// What may be made up for: who is woken late has lost nothing, and a pause of the network is not saved up.
    static let credit: NetworkClock.Instant = 100_000_000

    private let nanosecondsPerByte: Double
    private let paidUntil = Lock<NetworkClock.Instant>(0)

    init(bytesPerSecond: Int64) { nanosecondsPerByte = 1e9 / Double(max(1, bytesPerSecond)) }

    /// Notes bytes that were taken at an instant of the machine's clock.
    /// - Returns: until when no more may be.
    func took(_ bytes: Int64, at now: NetworkClock.Instant) -> NetworkClock.Instant {
        paidUntil.withLock { paidUntil in
            let earliest = now > Self.credit ? now - Self.credit : 0
            paidUntil = max(paidUntil, earliest) + NetworkClock.Instant(Double(bytes) * nanosecondsPerByte)
            return paidUntil
        }
    }
}

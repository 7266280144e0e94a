import Servables

/// Bytes a second over the last seconds.
struct TransferRate {
    /// Long enough to read, short enough to show a change.
    static let window = Duration.seconds(10)
    private static let spacing = Duration.milliseconds(250)

    /// Bytes so far at an instant, oldest first: `window / spacing` of them at most, and the one before.
    private var samples: [(at: Duration, bytes: Int64)] = []

    mutating func note(bytes: Int64, at uptime: Duration) {
        if let last = samples.last, uptime - last.at < Self.spacing { return }
        samples.append((uptime, bytes))
        // One older sample stays, so that the window is whole.
        while samples.count > 2, uptime - samples[1].at >= Self.window { samples.removeFirst() }
    }

    /// - Returns: `nil` until there is enough to tell.
    func bytesPerSecond(bytes: Int64, at uptime: Duration) -> Double? {
        guard let first = samples.first(where: { uptime - $0.at <= Self.window }) ?? samples.last,
            uptime - first.at >= Self.spacing
        else { return nil }
        return max(0, Double(bytes - first.bytes) / (uptime - first.at).inSeconds)
    }
}

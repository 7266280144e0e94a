import Servables

/// Bytes a second over the last seconds.
struct TransferRate {
    /// Long enough to read, short enough to show a change.
    static let window = Duration.seconds(10)
    private static let spacing = Duration.milliseconds(250)

    /// Bytes so far at an instant, oldest first: `window / spacing` of them at most, and the one before.
    private var samples: [(at: Duration, bytes: Int64)] = []
    private var lastNoted = Duration.zero

    mutating func note(bytes: Int64, at uptime: Duration) {
        lastNoted = uptime
        if let last = samples.last, uptime - last.at < Self.spacing { return }
        samples.append((uptime, bytes))
        while samples.count > 1, uptime - samples[1].at >= Self.window { samples.removeFirst() }
    }

    /// - Returns: `nil` until there is enough to tell.
    func bytesPerSecond(bytes: Int64, at uptime: Duration) -> Double? {
        guard let base = samples.last(where: { uptime - $0.at >= Self.window }) ?? samples.first,
            uptime - base.at >= Self.spacing
        else { return nil }
        if uptime - lastNoted >= Self.window { return 0 }
        // Nothing came for a while after a sample that is older than the window.
        let elapsed = min(uptime - base.at, Self.window + Self.spacing)
        return max(0, Double(bytes - base.bytes) / elapsed.inSeconds)
    }
}

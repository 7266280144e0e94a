import Glibc

/// The clock by which connections are judged: it does not run while the thread does work of its own, such as a `pwrite` that
/// the kernel throttles, since no connection can make progress meanwhile (DESIGN, hard rule 5).
///
/// Owned by one thread.
struct NetworkClock {
    /// Nanoseconds since an arbitrary start.
    typealias Instant = UInt64

    private var excluded: UInt64 = 0

    /// Now, in the network's time.
    var now: Instant { Self.monotonic() - excluded }

    /// Does `work` while the clock stands still.
    mutating func exclude<R>(_ work: () -> R) -> R {
        let began = Self.monotonic()
        let result = work()
        excluded += Self.monotonic() - began
        return result
    }

    /// The machine's own, which does not stand still.
    static func monotonic() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

extension Duration {
    /// Nanoseconds, as `NetworkClock` counts them; what is negative is none.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0 else { return 0 }
        guard seconds < 1_000_000_000 else { return 1_000_000_000_000_000_000 }
        return UInt64(seconds) * 1_000_000_000 + UInt64(max(0, attoseconds) / 1_000_000_000)
    }
}

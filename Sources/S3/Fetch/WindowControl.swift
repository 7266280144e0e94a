import Servables

/// How many requests may be in flight at once: found out by trying, since neither the store nor the network says.
///
/// Two bounds. Requests are counted: from a few on, one more with each that ends, up to the limit; where the store throttles, half as
/// many, and from there one more for each time that all have ended. And of the requests that carry much the bytes are counted: these
/// share the line, and more of them at once help only where the threads that take them wait, and as long as the throughput grows with
/// them. From a few on there are soon more while threads wait; then the bound doubles while both is so, and goes back where the
/// throughput has not grown, to try again later. Threads that always have something to do take more from fewer, since each has its
/// buffers, and end together: then the bound goes back step by step to the few.
struct WindowControl: Sendable {
    /// Requests at once to begin with.
    static let firstCount = 32
    /// Parts at once to begin with: of a near store these are as many as two threads can take, and more only cost.
    static let firstParts = 8
    /// Parts at once that there soon are where the threads wait for them: one connection carries 85 to 90 MB/s (S3's performance
    /// guidelines), so that these fill most lines.
    static let soonParts = 32
    /// Of its time a thread may wait before it counts as idle. (On two cores shared with a near store a thread waits some hundredths of its
    /// time with 8 parts; at 90 MB/s a connection, 30 ms away, two thirds with 8 and a quarter with 32.)
    private static let idleShare = 0.2
    /// Of its time a thread has to wait, or it counts as busy.
    private static let busyShare = 0.1
    /// A part more for each time that the threads have been idle for so long.
    private static let waitOfPart = Duration.microseconds(500)
    /// A part less for each time that they lacked so long a wait, once they lack `mostLack`: a short burst takes nothing.
    private static let lackOfPart = Duration.milliseconds(1)
    private static let mostLack = Duration.milliseconds(5)
    /// What was long ago does not count.
    private static let mostIdle = Duration.milliseconds(10)
    /// A request of so few bytes is over before it has its share of the line: only its latency counts.
    static let smallBytes: Int64 = 256 << 10
    /// What a doubled bound has to bring: less is within what a network and a busy machine do by themselves.
    private static let gain = 1.1
    /// A store that throttles many requests at one instant means it once.
    private static let betweenCuts = Duration.milliseconds(500)
    private static let firstHold = Duration.seconds(5)
    private static let longestHold = Duration.seconds(60)

    /// `--concurrency`.
    let limit: Int
    private let partSize: Int64
    private let firstBytes: Int64
    /// Requests in flight at most.
    private(set) var count: Int
    /// Bytes in flight, of requests that are not small, at which no further one is begun.
    private(set) var bytes: Int64
    /// No throttling was seen yet.
    private var isStarting = true
    /// For how long the threads have waited of late, beyond their share: zero where they have enough to do.
    private var idle = Duration.zero
    /// The wait that the threads have lacked of late to what is none of a busy one: zero where they have enough of it.
    private var lack = Duration.zero
    /// Requests that ended since the count was raised last.
    private var credit = 0
    private var lastCut: Duration?
    private var epoch: Epoch?
    /// The throughput at half of the bound, in bytes a second; `nil` before it is known.
    private var lower: Double?
    private var holdUntil: Duration?
    private var hold = firstHold

    /// The bytes that ended since a moment.
    private struct Epoch {
        /// Of those that were in flight before the bound changed, which say nothing of it.
        var old: Int64
        var start: Duration?
        var bytes: Int64 = 0
    }

    init(limit: Int, partSize: Int64) {
        precondition(limit > 0, "a window of no requests would wait for ever")
        self.limit = limit
        self.partSize = partSize
        count = min(limit, Self.firstCount)
        firstBytes = partSize * Int64(min(limit, Self.firstParts))
        bytes = firstBytes
    }

    /// A request ended well.
    /// - Parameters:
    ///   - carried: bytes that it brought.
    ///   - isCountBound: somebody waits because of the count.
    ///   - isByteBound: somebody waits, and as many bytes are in flight as may be.
    ///   - now: by the clock that does not jump.
    mutating func ended(_ carried: Int64, isCountBound: Bool, isByteBound: Bool, now: Duration) {
        if isCountBound, count < limit {
            credit += 1
            if isStarting || credit >= count {
                count += 1
                credit = 0
            }
        }
        guard carried > Self.smallBytes else { return }
        // A line that nobody waits for says nothing of how much it takes.
        guard isByteBound else { return epoch = nil }
        var current = epoch ?? Epoch(old: 0)
        defer { epoch = current }
        if current.old > 0 { return current.old -= carried }
        guard let start = current.start else { return current.start = now }
        current.bytes += carried
        // As much as is in flight: every connection had its turn.
        guard current.bytes >= bytes, now > start else { return }
        let before = bytes
        judge(Double(current.bytes) / (now - start).inSeconds, now)
        current = Epoch(old: bytes == before ? 0 : before, start: bytes == before ? now : nil)
    }

    /// A thread that takes what comes has spent its time so, while somebody waited for the line.
    mutating func threadSpent(waiting waited: Duration, working worked: Duration) {
        idle = max(.zero, min(Self.mostIdle, idle + waited * (1 - Self.idleShare) - worked * Self.idleShare))
        let soonBytes = partSize * Int64(min(limit, Self.soonParts))
        while isStarting, bytes < soonBytes, idle >= Self.waitOfPart {
            idle -= Self.waitOfPart
            bytes += partSize
            epoch = nil
        }
        lack = max(.zero, lack + worked * Self.busyShare - waited * (1 - Self.busyShare))
        while lack >= Self.mostLack {
            lack -= Self.lackOfPart
            guard bytes > firstBytes else { continue }
            bytes = max(firstBytes, bytes - partSize)
            // What was compared with half of the bound is no more.
            (epoch, lower) = (nil, nil)
        }
    }

    /// The store asked for fewer requests.
    mutating func throttled(now: Duration) {
        if let lastCut, now - lastCut < Self.betweenCuts { return }
        lastCut = now
        isStarting = false
        credit = 0
        count = max(1, count / 2)
        bytes = max(partSize, bytes / 2)
        epoch = nil
        rest(now)
    }

    private mutating func judge(_ throughput: Double, _ now: Duration) {
        if let holdUntil {
            guard now >= holdUntil else { return }
            self.holdUntil = nil
        }
        if let lower, throughput < lower * Self.gain {
            bytes = max(partSize, bytes / 2)
            return rest(now)
        }
        hold = Self.firstHold
        let most = partSize * Int64(limit)
        guard bytes < most, idle > Duration.zero else { return rest(now) }
        lower = throughput
        bytes = min(bytes * 2, most)
    }

    private mutating func rest(_ now: Duration) {
        lower = nil
        holdUntil = now + hold
        hold = min(hold * 2, Self.longestHold)
    }
}

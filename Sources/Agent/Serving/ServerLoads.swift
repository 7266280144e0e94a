import Servables

/// What a server was told of one model that loads what it is told to (``ServerLink/loadsWhenTold``), and whether it has to be told anew.
/// Pure: it is told what was seen and when.
struct ServerLoads {
    /// What a base path holds.
    struct Standing: Hashable {
        /// When the content of each version came in.
        var versions: [Version: Timestamp] = [:]
        /// The content of each file beside them.
        var files: [String: String] = [:]
    }

    /// What it held as the last load began that did what it should; `nil`: nobody knows what the server has.
    private var loaded: Standing?
    /// What it had available after that.
    private var available: Set<Version>?
    /// What the base path held as the last load began, where that failed.
    private var failed: Standing?
    private var failures = FailureStreak()
    /// Whether it takes no orders, and goes by what it sees.
    private(set) var looksByItself = false

    /// Whether it has to be told to load now.
    /// - Parameters:
    ///   - standing: what the base path holds now. From an empty one nothing can be loaded.
    ///   - now: by the monotonic clock.
    /// - Returns: `false` also where it is not yet time to try again what failed.
    func isDue(_ standing: Standing, _ now: Duration) -> Bool {
        guard !looksByItself, !standing.versions.isEmpty, standing != loaded else { return false }
        return standing != failed || failures.retryAt <= now
    }

    /// Whether the last load did what it should with just this.
    func hasLoaded(_ standing: Standing) -> Bool { loaded == standing }

    /// When what failed is tried again; `nil`: nothing did.
    var retryAt: Duration? { failures.count > 0 ? failures.retryAt : nil }

    /// Has done what it should with what was there as it began.
    mutating func loaded(_ standing: Standing) {
        self = ServerLoads()
        loaded = standing
    }

    /// Could not do it, or not all of it.
    mutating func failed(_ standing: Standing, _ failure: Failure, _ now: Duration, wait: (Int) -> Duration) {
        if failed != standing { failures = FailureStreak() }
        (loaded, failed) = (nil, standing)
        failures.add(failure, now: now, wait: wait)
    }

    /// Takes no orders.
    mutating func refusedOrders() {
        self = ServerLoads()
        looksByItself = true
    }

    /// Takes what the server has now, while it is told nothing: what it has lost it is told anew.
    mutating func saw(_ view: ServerView) {
        guard loaded != nil else { return }
        let now = Set(view.states.filter { $0.value == .available }.keys)
        if let available, !available.isSubset(of: now) {
            self = ServerLoads()
        } else {
            available = now
        }
    }

    /// Nobody is there: who comes knows nothing.
    mutating func lost() { self = ServerLoads() }
}

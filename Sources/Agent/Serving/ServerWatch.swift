import Servables

/// Follows what a server says of one model's published versions, until each is confirmed or was refused (CONTRACT section 4). Pure: it is
/// told what was seen and when.
struct ServerWatch {
    /// A version on the volume.
    struct Published {
        let version: Version
        /// When this content came in: another one of the same number is another version to a server.
        let at: Timestamp
        /// Whether this very content was refused before.
        let wasRefused: Bool

        init(_ version: Version, at: Timestamp, wasRefused: Bool = false) {
            self.version = version
            self.at = at
            self.wasRefused = wasRefused
        }
    }

    /// What is known of one of them.
    fileprivate struct Watched {
        let publishedAt: Timestamp
        /// When it was first seen on the volume, by the monotonic clock.
        let since: Duration
        /// Whether it was there when the agent started: nobody knows what of a report is of an earlier content.
        var wasThere: Bool
        /// Whether this very content was refused before.
        let wasRefused: Bool
        /// What the server said last; `nil` where it was not asked yet, is away, or does not list it.
        var state: ServedState?
        /// A report of the version counts only after it was seen gone: it may be one of the content before.
        var mustBeSeenGone: Bool
        /// The same of a failure, which a server goes on reporting until it tries again.
        var mustBeSeenTried: Bool
        var isConfirmed = false
        /// How often a server that had answered went away while it loaded this one.
        var deaths = 0
        /// Since when each answer says that it could not be loaded.
        var failedSince: Duration?
        var isOverdueSaid = false
    }

    /// A failure that may be of an earlier try of the same content counts if the server stays with it for this long: it looks for
    /// versions every second by default. One of an earlier content only after longer: what is new shall be tried.
    static let failurePatience: Duration = .seconds(10)
    static let otherFailurePatience: Duration = .seconds(60)
    /// A server that goes away so often while it loads a version has refused it.
    static let deathsToRefuse = 2

    /// A version that waits for its turn is about to be loaded, unless the server has said the same of the model for so long and loads
    /// nothing of it: one that it gave up before its turn came it goes on reporting so (`ServedState.hasRead`).
    static let turnPatience: Duration = .seconds(60)

    private var watched: [Version: Watched] = [:]
    private(set) var hasBegun = false
    /// Numbers that were on the volume and left it: what the server says of one of them may be of what it was then.
    private var left: Set<Version> = []
    /// What the server said last of versions that are not on the volume, too.
    private(set) var lastView: ServerView?
    /// When it last answered.
    private(set) var answeredAt: Duration?
    /// Since when its answers have been the same.
    private var sameSince: Duration?
    /// Why it last did not; `nil` once it has answered.
    private(set) var fault: ServerFault?
    /// Since when nobody is there.
    private var awaySince: Duration?

    /// Takes up what is published now, and forgets all else.
    /// - Parameters:
    ///   - published: what is in the base path.
    ///   - aside: other numbers of which the server may have, or have had, an earlier content.
    ///   - returned: those that came back as they were: what the server says of them still holds.
    ///   - now: by the monotonic clock.
    mutating func follow(_ published: [Published], aside: [Version] = [], returned: Set<Version>, _ now: Duration) {
        let current = Dictionary(uniqueKeysWithValues: published.map { ($0.version, $0.at) })
        left.formUnion(watched.filter { current[$0.key] != $0.value.publishedAt }.keys + aside)
        watched = watched.filter { current[$0.key] == $0.value.publishedAt }
        for entry in published where watched[entry.version] == nil {
            let version = entry.version
            let before = left.contains(version) ? lastView?.states[version] : nil
            var new = Watched(
                publishedAt: entry.at, since: now, wasThere: !hasBegun, wasRefused: entry.wasRefused, mustBeSeenGone: false,
                mustBeSeenTried: false)
            if !returned.contains(version), let before {
                new.mustBeSeenGone = before.hasRead
                if case .failed = before { new.mustBeSeenTried = true }
            }
            watched[version] = new
        }
        hasBegun = true
    }

    /// Takes what the server says now.
    mutating func saw(_ view: ServerView, _ now: Duration) {
        if view != lastView || fault != nil { sameSince = now }
        lastView = view
        answeredAt = now
        fault = nil
        awaySince = nil
        for version in watched.keys { watched[version]?.saw(view.states[version], now) }
    }

    /// The server could not be asked.
    mutating func sawNothing(_ fault: ServerFault, _ now: Duration) {
        self.fault = fault
        guard fault.isAway else { return }
        awaySince = awaySince ?? now
        // A server that comes back knows nothing of what it said.
        lastView = nil
        for (version, entry) in watched {
            if entry.state == .loading, !entry.isConfirmed { watched[version]?.deaths += 1 }
            watched[version]?.state = nil
            watched[version]?.failedSince = nil
            watched[version]?.mustBeSeenGone = false
            watched[version]?.mustBeSeenTried = false
        }
    }

    /// The server was told to load what is there.
    mutating func began(loading standing: ServerLoads.Standing) {
        for (version, entry) in watched where standing.versions[version] == entry.publishedAt && !entry.isConfirmed {
            watched[version]?.state = .loading
        }
    }

    /// The server has tried to load what was there: a failure that it reports from now on is of that content. What it has available is so
    /// only where it has succeeded: else it goes on with what it had of the number before.
    mutating func tried(_ standing: ServerLoads.Standing, isDone: Bool) {
        for (version, entry) in watched where standing.versions[version] == entry.publishedAt {
            watched[version]?.wasThere = false
            if isDone { watched[version]?.mustBeSeenGone = false }
            watched[version]?.mustBeSeenTried = false
        }
    }

    // MARK: - What follows from it

    /// Versions that the server loads, or is about to.
    func loading(_ now: Duration) -> Set<Version> {
        let reported = lastView?.states ?? [:]
        let isStill = sameSince.map { now - $0 >= Self.turnPatience } ?? false
        let givesTurns = !isStill || reported.values.contains(.loading)
        let loading = reported.filter { $0.value == .loading || givesTurns && $0.value == .waiting }.keys
        // What it was told to load it loads before it says so.
        return Set(loading).union(watched.filter { $0.value.state == .loading }.keys)
    }

    /// Whether a version of this number was on the volume before.
    func hasLeft(_ version: Version) -> Bool { left.contains(version) }

    /// Versions that it has loaded.
    var confirmed: Set<Version> { Set(watched.filter(\.value.isConfirmed).keys) }

    /// What the server has available, as its list of models must know it.
    var available: ListStanding.Served {
        if let fault { return fault.isAway ? .away : .unknown }
        guard let lastView else { return .unknown }
        return .available(Set(lastView.states.filter { $0.value == .available }.keys))
    }

    /// Whether there is anything that the server has yet to decide.
    var isOpen: Bool { watched.values.contains { !$0.isConfirmed } }

    /// What the plan goes by.
    /// - Parameters:
    ///   - now: by the monotonic clock.
    ///   - patience: after so long it is not believed to come up by itself.
    /// - Returns: what it has said of each version, and what follows.
    func serving(_ now: Duration, patience: Duration = .seconds(600)) -> ServingState {
        var serving = ServingState(confirmed: confirmed)
        serving.isLost = awaySince.map { now - $0 >= patience } ?? false
        serving.loading = loading(now)
        if let lastView {
            serving.unseen = Set(lastView.states.filter { $0.value == .available && watched[$0.key] == nil }.keys)
        }
        for (version, entry) in watched {
            if entry.isConfirmed, entry.state?.isGone == true { serving.dropped.insert(version) }
            if let reason = entry.refusal(now) { serving.failed[version] = reason }
        }
        return serving
    }

    /// Versions that are not confirmed after `timeout`, highest first.
    func overdue(_ now: Duration, after timeout: Duration) -> [Version] {
        watched.filter { !$0.value.isConfirmed && now - $0.value.since >= timeout }.keys.sorted(by: >)
    }

    /// Notes that a version's being overdue is said.
    /// - Returns: whether it was not said before.
    mutating func say(overdue version: Version) -> Bool {
        guard watched[version]?.isOverdueSaid == false else { return false }
        watched[version]?.isOverdueSaid = true
        return true
    }

    /// How long the youngest version that is not confirmed has been waiting.
    func waiting(_ now: Duration) -> Duration? { watched.values.filter { !$0.isConfirmed }.map(\.since).max().map { now - $0 } }

    /// How long ago a version came in.
    func age(of version: Version, _ now: Duration) -> Duration { watched[version].map { now - $0.since } ?? .zero }

    /// Why a version is not confirmed yet; one clause.
    func reason(_ version: Version) -> String? {
        guard let entry = watched[version], !entry.isConfirmed else { return nil }
        if let fault { return fault.failure.message }
        guard answeredAt != nil else { return "the server was not asked yet" }
        if entry.mustBeSeenGone { return "the server still has what was there before; if that stays so, restart it" }
        switch entry.state {
        case nil: return "the server does not list it: does it look at this volume, and does its version policy take it?"
        case .waiting: return "it waits for its turn: the server loads one version after the other"
        case .loading: return "the server is loading it"
        case .available: return nil
        case .unloading, .ended: return "the server has let go of it"
        case .failed(let reason): return "the server still reports that it could not load it before: \(reason)"
        }
    }
}

extension ServerWatch.Watched {
    fileprivate mutating func saw(_ new: ServedState?, _ now: Duration) {
        state = new
        if mustBeSeenGone {
            // `nil`: it started anew, or never had it.
            guard new?.hasRead != true else { return }
            mustBeSeenGone = false
        }
        if case .failed = new {
            failedSince = failedSince ?? now
        } else {
            failedSince = nil
            mustBeSeenTried = false
        }
        if new == .available { isConfirmed = true }
    }

    /// How long the server must stay with a failure for it to be one.
    private var patience: Duration {
        if mustBeSeenTried { return wasRefused ? ServerWatch.failurePatience : ServerWatch.otherFailurePatience }
        return wasThere ? ServerWatch.failurePatience : .zero
    }

    /// Why the server could not load it, if that is certain.
    fileprivate func refusal(_ now: Duration) -> String? {
        guard !isConfirmed else { return nil }
        if deaths >= ServerWatch.deathsToRefuse { return "the server went away \(deaths) times while it loaded this version" }
        guard case .failed(let reason) = state, !mustBeSeenGone, let failedSince else { return nil }
        return now - failedSince >= patience ? reason : nil
    }
}

public import FileIO
public import Servables
import Volume

/// What the configuration sets for all models.
public struct AgentSettings: Hashable, Sendable {
    /// Between looks at a source, before jitter.
    public var pollInterval: Duration
    public var rules: PlanRules
    /// How long a version that is replaced by another content is out.
    public var republishPause: Duration
    /// Between two comparisons of a published version with its source.
    public var recheckInterval: Duration
    public var onChanged: ChangeAction
    /// Refuse files that the source offers nothing to verify by.
    public var requiresVerification: Bool
    public var reuse: ReuseMode
    /// A version that the server has not confirmed after this is reported.
    public var confirmTimeout: Duration
    /// Whether the sources have files beside the versions that are to be synced.
    public var syncsModelFiles: Bool
    /// Prune what a new version replaces before it, where both do not fit.
    public var prunesFirst: Bool
    /// Only fetch anew what is damaged, and leave all else as it is.
    public var onlyRepairs: Bool

    public init(
        pollInterval: Duration = .seconds(30), rules: PlanRules = PlanRules(), republishPause: Duration = .seconds(5),
        recheckInterval: Duration = .seconds(600), onChanged: ChangeAction = .keep, requiresVerification: Bool = false,
        reuse: ReuseMode = .auto, confirmTimeout: Duration = .seconds(600), syncsModelFiles: Bool = false,
        prunesFirst: Bool = false, onlyRepairs: Bool = false
    ) {
        self.pollInterval = pollInterval
        self.rules = rules
        self.republishPause = republishPause
        self.recheckInterval = recheckInterval
        self.onChanged = onChanged
        self.requiresVerification = requiresVerification
        self.reuse = reuse
        self.confirmTimeout = confirmTimeout
        self.syncsModelFiles = syncsModelFiles
        self.prunesFirst = prunesFirst
        self.onlyRepairs = onlyRepairs
    }

    /// Of the poll interval, to either side.
    static let pollJitter = 0.1
    /// A source that fails.
    var sourceBackoff: Backoff { Backoff(base: .seconds(1), cap: max(pollInterval, .seconds(30))) }
    /// A version that fails.
    var versionBackoff: Backoff { Backoff(base: .seconds(1), cap: .seconds(300)) }
    /// `once` gives up on what keeps failing after this (CONTRACT section 3).
    static let oncePatience: Duration = .seconds(60)
    /// `once` looks this often at a version that is held.
    static let heldInterval: Duration = .seconds(5)
    /// Versions of one model that are asked at once whether they are ready.
    static let asksAtOnce = 8
    /// Files of one version that are fetched at once: of small ones as many as there may be requests, of large ones a few, so that they
    /// end one after the other. How many requests are under way is the scheduler's.
    static let filesAtOnce = 128
    static let largeFilesAtOnce = 4
    /// Bytes that files at once have in all, beyond which only so few are begun.
    static let bytesAtOnce: Int64 = 256 << 20
    /// Whether the fetch of a file of `size` bytes may begin beside `count` others, of `bytes` bytes in all.
    static func mayBegin(_ size: Int64, besides count: Int, of bytes: Int64) -> Bool {
        count < largeFilesAtOnce || count < filesAtOnce && bytes + size <= bytesAtOnce
    }
    /// A loop that has not made a turn for this long, beyond the poll interval, is not well.
    static let turnPatience: Duration = .seconds(60)
}

/// The threads for calls that block.
public struct AgentWorkers: Sendable {
    /// Looks at the volume: short calls.
    public let inventory: WorkerThread
    /// Where the files of all versions are fetched: their tasks run here, and open, record and close them.
    public let fetch: WorkerThread
    /// The same for files that lie in memory: nothing blocks there, and what has brought the bytes goes on with their file.
    public let fetchInMemory: WorkerThread
    /// Stages, syncs, publishes, deletes: calls that may take long.
    public let bulk: WorkerThread
    /// Reads and syncs what is published already: calls that may take very long, and that no fetch waits for.
    public let late: WorkerThread

    public init() {
        inventory = WorkerThread(name: "aspired-look")
        fetch = WorkerThread(name: "aspired-fetch", threads: 2)
        fetchInMemory = WorkerThread(name: "aspired-fetch", staysWhereResumed: true)
        bulk = WorkerThread(name: "aspired-sync", threads: 2)
        late = WorkerThread(name: "aspired-late")
    }

    /// Where the files of what is staged are fetched.
    func fetching(_ staged: StagedVersion) -> WorkerThread { staged.isInMemory ? fetchInMemory : fetch }
}

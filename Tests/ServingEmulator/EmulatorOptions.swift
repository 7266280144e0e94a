/// How the server is set up; the defaults are those of the server as it is delivered.
public struct EmulatorOptions: Sendable {
    /// Attempts to load a version after the first.
    public var maxLoadRetries: Int
    public var loadRetryInterval: Duration
    /// Whether an empty base path unloads nothing. It also has each list of models refused that names an empty base path.
    public var servableVersionsAlwaysPresent: Bool
    /// Whether a start with an empty base path is refused.
    public var failsIfNoVersionsAtStart: Bool
    /// Whether a version that has failed is loaded anew as long as it is on disk.
    public var reloadsServablesWithError: Bool
    /// How many loads go on at a time once the server serves. With 0 the manager does them itself, and nothing else meanwhile:
    /// while one version is retried, nothing is loaded or unloaded for any model.
    public var loadThreads: Int
    /// Whether a version without `variables/` counts as one whose variables are missing. By default it counts as one that needs
    /// none.
    public var everyModelHasVariables: Bool
    /// Says what comes of an attempt to load; without it, what is in the folder decides. Called by whoever makes the manager's
    /// step, and not while anything is locked that a test could wait for.
    public var load: (@Sendable (LoadAttempt) -> LoadOutcome)?

    public init(
        maxLoadRetries: Int = 5, loadRetryInterval: Duration = .seconds(60), servableVersionsAlwaysPresent: Bool = false,
        failsIfNoVersionsAtStart: Bool = false, reloadsServablesWithError: Bool = false, loadThreads: Int = 0,
        everyModelHasVariables: Bool = false, load: (@Sendable (LoadAttempt) -> LoadOutcome)? = nil
    ) {
        self.maxLoadRetries = maxLoadRetries
        self.loadRetryInterval = loadRetryInterval
        self.servableVersionsAlwaysPresent = servableVersionsAlwaysPresent
        self.failsIfNoVersionsAtStart = failsIfNoVersionsAtStart
        self.reloadsServablesWithError = reloadsServablesWithError
        self.loadThreads = loadThreads
        self.everyModelHasVariables = everyModelHasVariables
        self.load = load
    }
}

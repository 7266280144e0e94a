/// Something that happened, for logs and metrics. Whoever does the work says what happened; what a log line or a metric
/// makes of it is `Monitoring`'s.
public enum TelemetryEvent: Sendable {
    // MARK: A model's versions

    /// A fetch begins; `missing` bytes of `bytes` are not staged yet.
    case fetchStarted(model: String, version: Version, files: Int, bytes: Int64, missing: Int64)
    /// Bytes of payload arrived from the source since the last such event.
    case fetched(model: String, bytes: Int64)
    /// Files of a version need not be fetched: published versions have them.
    case reused(model: String, version: Version, files: Int, bytes: Int64)
    /// A version became visible. `lag` is the time from its newest object to now; `fetched` the bytes that came over the wire.
    case published(
        model: String, version: Version, files: Int, bytes: Int64, fetched: Int64, took: Duration, lag: Duration?,
        verified: [VerificationMethod: Int])
    /// A directory that the agent had not made was read, equals the source, and is ours from now on.
    case adopted(model: String, version: Version, files: Int, bytes: Int64)
    case pruned(model: String, version: Version)
    /// The server has loaded a published version; `took` since it came in, as far as this process knows.
    case confirmed(model: String, version: Version, took: Duration)
    /// The server could not load a version, for this reason: it is taken out.
    case refused(model: String, version: Version, reason: String)
    /// A version is in the source but not complete; said once for each reason.
    case held(model: String, version: Version, reason: String)
    /// The source's files of a published version are others now; said once for each reason.
    case changed(model: String, version: Version, reason: String, action: ChangeAction)
    /// On the volume, named as a version, without a manifest of ours, and not aspired; or something else that hides a version.
    case foreign(model: String, name: String, reason: String)
    case versionFailed(model: String, version: Version, failure: Failure, retryIn: Duration?)
    /// Bytes that did not match what the store says of them.
    case checksumMismatch(model: String)

    // MARK: A model's turns

    /// The source was listed, or need not be, and what is aspired is in place or on its way.
    case syncSucceeded(model: String, at: Timestamp)
    case syncFailed(model: String, failure: Failure, retryIn: Duration?)

    // MARK: Requests to S3

    /// A request ended; `status` is 0 where no answer came.
    case s3Request(operation: String, status: Int, took: Duration)
    /// A request is tried again; `reason` is a word such as `timeout`, `throttled`, `reset`, `server-error`.
    case s3Retry(reason: String, message: String)

    // MARK: The agent

    case started(program: String, root: String, models: Int)
    case standby(holder: String)
    case tookOver
    case stopping(reason: String)
    case reloaded(models: Int)
    /// Garbage of an earlier life was removed.
    case swept(entries: Int)
    case listening(address: String)
    /// Anything else a person should read. The text is one line, without secrets.
    case warning(String)
    case notice(String)
}

/// Takes events; must return at once and may be called from any thread.
public protocol Telemetry: Sendable {
    func record(_ event: TelemetryEvent)
}

/// Forgets every event.
public struct NoTelemetry: Telemetry {
    public init() {}
    public func record(_: TelemetryEvent) {}
}

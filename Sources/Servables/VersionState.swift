/// The state of a version; each version is in exactly one (CONTRACT section 6).
public enum VersionState: String, Hashable, Sendable, CaseIterable {
    /// Shall be there and is not yet begun.
    case aspired
    /// Listed, but not yet complete as its readiness rule says.
    case held
    case fetching
    case published
    /// Published, and loaded by the server (`--server`).
    case confirmed
    /// Taken out again because the server could not load it.
    case refused
    /// Taken out so that the server loads a lower one.
    case parked
    /// Its last attempt failed; it is tried again with back-off.
    case failed
    /// No longer aspired, on its way out.
    case pruning
    /// On the volume without a manifest of ours.
    case foreign
}

/// When a version is synced to the disk (`--sync`).
public enum SyncTime: String, Hashable, Sendable, CaseIterable {
    /// Before it is visible.
    case before
    /// Once it is visible: a slow disk does not delay the server.
    case after
}

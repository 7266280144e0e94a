/// How files of a published version serve for a new one that has the same (`--reuse`).
public enum ReuseMode: String, Hashable, Sendable, CaseIterable {
    /// The first that works of all below.
    case auto
    /// A further name of the same file.
    case hardlink
    /// A file of its own that shares the blocks, where the file system can do that.
    case reflink
    /// A file of its own with blocks of its own.
    case copy
    /// All files are fetched.
    case off

    /// What is tried, in this order.
    public var ways: [ReuseMode] {
        switch self {
        case .auto: [.hardlink, .reflink, .copy]
        case .hardlink, .reflink, .copy: [self]
        case .off: []
        }
    }
}

/// How far the manager has come with a version. Finer than what is shown outside in one place and coarser in another.
enum HarnessState: Sendable {
    case new
    case loading
    case ready
    case unloading
    /// Unloaded.
    case disabled
    case error
}

/// A version as the policy sees it.
struct VersionSnapshot: Sendable {
    let version: Int64
    let state: HarnessState
    let isAspired: Bool
}

enum PolicyAction: Hashable, Sendable {
    case load(Int64)
    case unload(Int64)
}

/// The policy that the server is built with: it never unloads the last version that serves for one that doesn't yet.
enum AvailabilityPreservingPolicy {
    /// - Parameter versions: all of one model's versions that are managed.
    /// - Returns: the one thing to do next for this model.
    static func nextAction(_ versions: [VersionSnapshot]) -> PolicyAction? {
        let aspired = versions.filter(\.isAspired)
        let unwanted = versions.filter { !$0.isAspired && $0.state == .ready }
        if aspired.isEmpty || aspired.contains(where: { $0.state == .ready }) || unwanted.count > 1,
            let lowest = unwanted.map(\.version).min()
        {
            return .unload(lowest)
        }
        return aspired.filter { $0.state == .new }.map(\.version).max().map(PolicyAction.load)
    }
}

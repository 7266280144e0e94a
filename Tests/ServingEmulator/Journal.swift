/// A version's state as REST shows it.
public enum VersionState: String, Hashable, Sendable {
    case start = "START"
    case loading = "LOADING"
    case available = "AVAILABLE"
    case unloading = "UNLOADING"
    /// Unloaded, or given up: the status says which.
    case end = "END"
}

/// A change of a version's state.
public struct StateEvent: Hashable, Sendable {
    public let model: String
    public let version: Int64
    public let state: VersionState
    public let status: ServingStatus
    /// The server process, counted from 1.
    public let process: Int
}

/// What is remembered for tests, over all of the server's processes.
struct Journal: Sendable {
    private(set) var events: [StateEvent] = []
    /// By model: how many versions were available after each change of that number, the first being 0.
    private(set) var history: [String: [Int]] = [:]
    var loads: [LoadRecord] = []

    mutating func append(_ event: StateEvent) { events.append(event) }

    mutating func note(available count: Int, of model: String) {
        if history[model, default: [0]].last != count { history[model, default: [0]].append(count) }
    }
}

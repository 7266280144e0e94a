/// The last known state of every version that one process of the server has ever wanted.
struct StateMonitor: Sendable {
    struct Entry: Hashable, Sendable {
        var state: VersionState
        var status: ServingStatus
    }

    /// Nothing is ever taken out: versions that have ended stay listed for the life of the process.
    private(set) var models: [String: [Int64: Entry]] = [:]

    mutating func record(_ model: String, _ version: Int64, _ state: VersionState, _ status: ServingStatus) {
        models[model, default: [:]][version] = Entry(state: state, status: status)
    }

    func versions(of model: String) -> [Int64: Entry] { models[model] ?? [:] }

    /// The highest version that has either begun to serve or come to its end.
    func reached(_ model: String) -> (version: Int64, entry: Entry)? {
        versions(of: model).filter { $0.value.state == .available || $0.value.state == .end }
            .max { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}

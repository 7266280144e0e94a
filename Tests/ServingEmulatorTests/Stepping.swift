import ServingEmulator

extension TensorFlowServingEmulator {
    /// What one look at the base paths hands over, by model.
    func polled() throws -> [String: [Int64]] {
        Dictionary(uniqueKeysWithValues: try poll().map { ($0.model, $0.versions.map(\.version)) })
    }

    /// Makes steps that take no time; with no load tried again, so many are enough to be through.
    func settle(at now: Duration = .zero, ticks: Int = 20) { for _ in 0..<ticks { tick(now: now) } }

    /// Looks at the base paths and does all that comes of it.
    func pollAndSettle(at now: Duration = .zero) throws {
        try poll()
        settle(at: now)
    }

    /// The states of a model's versions, in the order in which they came, as `VERSION STATE`.
    func story(of model: String) -> [String] {
        events.filter { $0.model == model }.map { "\($0.version) \($0.state.rawValue)" }
    }
}

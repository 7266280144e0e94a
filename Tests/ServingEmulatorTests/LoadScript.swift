@testable import ServingEmulator

/// Says what comes of loads, and can be told otherwise at any time.
final class LoadScript: Sendable {
    /// By version; what isn't named loads.
    private let outcomes = Lock<[Int64: [LoadOutcome]]>([:])
    private let asked = Lock<[LoadAttempt]>([])

    init(_ outcomes: [Int64: [LoadOutcome]] = [:]) { self.outcomes.withLock { $0 = outcomes } }

    /// Each attempt on a version takes the next of its outcomes, and the last for good.
    subscript(version: Int64) -> [LoadOutcome] {
        get { outcomes.withLock { $0[version] ?? [] } }
        set { outcomes.withLock { $0[version] = newValue } }
    }

    var attempts: [LoadAttempt] { asked.withLock { $0 } }

    func outcome(_ attempt: LoadAttempt) -> LoadOutcome {
        asked.withLock { $0.append(attempt) }
        return outcomes.withLock { outcomes in
            guard let first = outcomes[attempt.version]?.first else { return .loaded }
            if let count = outcomes[attempt.version]?.count, count > 1 { outcomes[attempt.version]?.removeFirst() }
            return first
        }
    }
}

let loadError = ServingStatus(.internal, "Error on load.")

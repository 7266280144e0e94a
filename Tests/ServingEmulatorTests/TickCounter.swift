@testable import ServingEmulator

/// Counts how often it's asked.
final class TickCounter: Sendable {
    private let count = Lock(0)

    func next() -> Int {
        count.withLock {
            $0 += 1
            return $0
        }
    }
}

/// What one operation takes, the median of several runs.
struct Measurement {
    /// Odd, so that there is a median.
    static let runs = 9
    /// Of each run, so that the clock and a turn of the scheduler do not count.
    static let leastTime: Duration = .milliseconds(60)

    let nanoseconds: Double

    /// Calls `operation` as often as a run needs, run by run.
    init(_ operation: () -> Void) {
        var times = 1
        while Self.time(times, operation) < Self.leastTime { times *= 2 }
        let runs = (0..<Self.runs).map { _ in Self.time(times, operation) / .nanoseconds(times) }.sorted()
        nanoseconds = runs[Self.runs / 2]
    }

    private static func time(_ times: Int, _ operation: () -> Void) -> Duration {
        ContinuousClock().measure { for _ in 0..<times { operation() } }
    }

    /// A line: the name, the time of one operation, and what of each of `amounts` is done in a second.
    func line(_ name: String, _ amounts: [(count: Int, unit: String, factor: Double)]) -> String {
        let rates = amounts.map { amount in
            padded(Double(amount.count) / nanoseconds * 1e9 / amount.factor) + " " + amount.unit
        }
        return name + String(repeating: " ", count: max(1, 34 - name.count)) + padded(nanoseconds) + " ns/op  "
            + rates.joined(separator: "  ")
    }

    private func padded(_ number: Double) -> String {
        let text = number < 100 ? "\((number * 10).rounded() / 10)" : "\(Int(number.rounded()))"
        return String(repeating: " ", count: max(0, 10 - text.count)) + text
    }
}

/// Keeps the optimiser from leaving out what nobody looks at.
@inline(never)
func use<Value>(_ value: Value) {}

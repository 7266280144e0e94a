/// How often values fell into which range.
struct Histogram {
    /// Upper bounds, inclusive, ascending; what exceeds the last falls into one more.
    let bounds: [Double]
    /// One more than `bounds`; each counts its own range only.
    private(set) var counts: [Int64]
    private(set) var sum = 0.0

    init(bounds: [Double]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    mutating func observe(_ value: Double) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
        sum += value
    }

    /// Seconds from a version's newest object to its being visible: from a small model found at once to a day of 100 GB on a
    /// slow line, the poll interval (30 s) in between.
    static let publishLagBounds: [Double] = [1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 10800, 43200, 86400]

    /// Seconds of one request to S3: first bytes come in tens of milliseconds, a part of 64 MiB may take a minute.
    static let requestBounds: [Double] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
}

import Servables

/// One line that says how far the work is.
enum ProgressLine {
    /// What it says.
    struct Numbers: Hashable {
        var done: Int64
        /// At least `done`.
        var total: Int64
        /// Bytes a second, where known.
        var rate: Double?
        var files: Int
        var versions: Int
        var versionsDone: Int
        var models: Int
    }

    /// As much of the line as `width` columns hold, most important first; never the last column, at which terminals wrap.
    static func render(_ numbers: Numbers, width: Int) -> String {
        var parts = [
            "\(percent(numbers))%",
            "\(ByteCount(numbers.done)) of \(ByteCount(numbers.total))",
        ]
        if let rate = numbers.rate {
            parts.append("\(ByteCount(Int64(min(rate, 1e18))))/s")
            parts.append(remaining(numbers, rate).map { "\($0.text) left" } ?? "stalled")
        }
        parts.append("\(numbers.versionsDone) of \(PlainText.counted(numbers.versions, "version"))")
        parts.append(PlainText.counted(numbers.files, "file"))
        if numbers.models > 1 { parts.append("\(numbers.models) models") }
        var line = ""
        for part in parts {
            let longer = line.isEmpty ? part : line + "  " + part
            guard longer.count < width else { break }
            line = longer
        }
        return line
    }

    private static func percent(_ numbers: Numbers) -> Int {
        guard numbers.total > 0 else { return 100 }
        // 100 only when all is here.
        return min(numbers.done >= numbers.total ? 100 : 99, Int(Double(numbers.done) / Double(numbers.total) * 100))
    }

    private static func remaining(_ numbers: Numbers, _ rate: Double) -> Duration? {
        let left = Double(max(0, numbers.total - numbers.done))
        if left == 0 { return .zero }
        // Slower than a byte a second in ten is a stall, not a wait of years.
        guard rate >= 0.1, left / rate < 1e9 else { return nil }
        return .seconds((left / rate).rounded(.up))
    }
}

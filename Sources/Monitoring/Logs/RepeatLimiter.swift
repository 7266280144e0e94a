import Servables

/// Keeps an outage from filling the log: says which of many equal messages are worth a line.
///
/// Of messages about one subject with the same text the first is worth one, and then one every `interval`, which tells how
/// often it came in between. A different text is always worth a line; so is the first one after `forget`.
struct RepeatLimiter {
    /// How often the same is said again while it lasts.
    static let interval = Duration.seconds(300)
    /// Subjects remembered at most: a bound on memory, not on what is logged.
    static let capacity = 1024

    private struct Last {
        var text: String
        var at: Duration
        var suppressed: Int
    }
    private var last: [String: Last] = [:]

    /// Subjects remembered.
    var count: Int { last.count }

    /// - Returns: how many were not worth a line since the last that was; `nil` when this one is not either.
    mutating func admit(subject: String, text: String, at uptime: Duration) -> Int? {
        if let known = last[subject], known.text == text {
            guard uptime - known.at >= Self.interval else {
                last[subject]?.suppressed += 1
                return nil
            }
            last[subject] = Last(text: text, at: uptime, suppressed: 0)
            return known.suppressed
        }
        if last.count >= Self.capacity { last.removeAll() }
        last[subject] = Last(text: text, at: uptime, suppressed: 0)
        return 0
    }

    /// - Returns: whether anything was said about the subject.
    @discardableResult
    mutating func forget(subject: String) -> Bool { last.removeValue(forKey: subject) != nil }
}

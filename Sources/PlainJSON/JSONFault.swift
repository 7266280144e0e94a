/// Why a text is not taken for JSON, and where.
public struct JSONFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// Bytes before the fault.
    public let offset: Int
    /// One clause, as "a string is not closed".
    public let reason: String

    init(_ reason: String, at offset: Int) {
        self.offset = offset
        self.reason = reason
    }

    public var description: String { "\(reason), at byte \(offset)" }
}

/// One version of a model: a directory named by a decimal integer.
///
/// A version *is* its number: two values with the same number are equal whatever their spelling, so `007` in place is
/// version 7 (CONTRACT section 4). The spelling of the source is kept, since it names the directory and the objects.
public struct Version: Sendable {
    /// 0 … 9223372036854775807.
    public let number: Int64
    /// The digits as the source spells them, leading zeros included.
    public let name: String

    /// Parses a directory name: decimal digits only, in the range of a signed 64-bit integer.
    ///
    /// TensorFlow Serving also takes signs and white space around the digits; nothing that writes versions on purpose does,
    /// and a name that only one of the two takes for a version must not be published.
    /// - Returns: `nil` for any name that is not a version.
    public init?(_ name: some StringProtocol) {
        guard !name.isEmpty, name.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        guard name.utf8.count <= 255, let number = Int64(name) else { return nil }
        self.number = number
        self.name = String(name)
    }

    /// A version spelled without leading zeros.
    /// - Parameter number: must not be negative.
    public init(number: Int64) {
        precondition(number >= 0, "a version is not negative")
        self.number = number
        self.name = String(number)
    }
}

extension Version: Hashable, Comparable, CustomStringConvertible {
    public static func == (left: Version, right: Version) -> Bool { left.number == right.number }
    public static func < (left: Version, right: Version) -> Bool { left.number < right.number }
    public func hash(into hasher: inout Hasher) { hasher.combine(number) }
    public var description: String { name }
}

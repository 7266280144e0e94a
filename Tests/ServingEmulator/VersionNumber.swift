/// The number that a child of a base path stands for.
public enum VersionNumber {
    /// Reads a number as the server does: white space around it, one sign before it, decimal digits and nothing else.
    /// - Returns: `nil` for what is no number of 64 bits; the server passes over such a child in silence.
    public static func parse(_ name: String) -> Int64? {
        var digits = Substring(name).utf8
        while let first = digits.first, isSpace(first) { digits.removeFirst() }
        while let last = digits.last, isSpace(last) { digits.removeLast() }
        let sign = digits.first
        if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { digits.removeFirst() }
        guard !digits.isEmpty else { return nil }

        // Counted downward, since the lowest number has no positive counterpart.
        var value: Int64 = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            let shifted = value.multipliedReportingOverflow(by: 10)
            let next = shifted.partialValue.subtractingReportingOverflow(Int64(digit - UInt8(ascii: "0")))
            guard !shifted.overflow, !next.overflow else { return nil }
            value = next.partialValue
        }
        if sign == UInt8(ascii: "-") { return value }
        return value == .min ? nil : -value
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
}

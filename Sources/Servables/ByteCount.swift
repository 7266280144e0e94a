/// A number of bytes, as people write and read it.
public struct ByteCount: Hashable, Comparable, Sendable {
    public let bytes: Int64

    public init(_ bytes: Int64) { self.bytes = bytes }

    /// Parses `4096`, `64KiB`, `8MiB`, `2GiB`, `1TiB` (powers of 1024) or `500KB`, `1GB` (powers of 1000).
    public init(parsing text: String) throws(ParseFault) {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = text.dropFirst(digits.count)
        let factors: [String: Int64] = [
            "": 1, "B": 1,
            "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
            "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000, "TB": 1_000_000_000_000,
        ]
        guard let factor = factors[String(unit)] else { throw ParseFault("expected a size such as 64KiB, 8MiB or 1GB") }
        if let whole = Int64(digits) {
            let (bytes, overflow) = whole.multipliedReportingOverflow(by: factor)
            guard !overflow else { throw ParseFault("the size is too large") }
            self.bytes = bytes
        } else if let fraction = Double(digits) {
            guard fraction * Double(factor) < 9e18 else { throw ParseFault("the size is too large") }
            self.bytes = Int64(fraction * Double(factor))
        } else {
            throw ParseFault("expected a size such as 64KiB, 8MiB or 1GB")
        }
    }

    public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }
}

extension ByteCount: CustomStringConvertible {
    /// Three significant digits at most: `0 B`, `1.5 GiB`, `12.3 MiB`, `640 KiB`.
    public var description: String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var value = Double(bytes)
        var unit = 0
        while abs(value) >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        if unit == 0 { return "\(bytes) B" }
        let tenths = (value * 10).rounded() / 10
        return tenths >= 100 ? "\(Int64(value.rounded())) \(units[unit])" : "\(tenths) \(units[unit])"
    }
}

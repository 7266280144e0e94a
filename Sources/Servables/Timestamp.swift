/// An instant of the wall clock, in UTC.
public struct Timestamp: Hashable, Comparable, Sendable {
    public let secondsSinceEpoch: Int64
    /// 0 … 999,999,999.
    public let nanoseconds: Int32

    public init(secondsSinceEpoch: Int64, nanoseconds: Int32 = 0) {
        self.secondsSinceEpoch = secondsSinceEpoch
        self.nanoseconds = nanoseconds
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        (left.secondsSinceEpoch, left.nanoseconds) < (right.secondsSinceEpoch, right.nanoseconds)
    }

    /// Seconds with fraction, as Prometheus wants them.
    public var unixSeconds: Double { Double(secondsSinceEpoch) + Double(nanoseconds) / 1e9 }

    /// How long after `earlier` this is; negative when it is before.
    public func since(_ earlier: Timestamp) -> Duration {
        .seconds(secondsSinceEpoch - earlier.secondsSinceEpoch) + .nanoseconds(Int64(nanoseconds) - Int64(earlier.nanoseconds))
    }

    public func advanced(by duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        var whole = secondsSinceEpoch + seconds
        var nanos = Int64(nanoseconds) + attoseconds / 1_000_000_000
        if nanos < 0 {
            nanos += 1_000_000_000
            whole -= 1
        }
        if nanos >= 1_000_000_000 {
            nanos -= 1_000_000_000
            whole += 1
        }
        return Timestamp(secondsSinceEpoch: whole, nanoseconds: Int32(nanos))
    }
}

// MARK: - Calendar

extension Timestamp {
    /// The proleptic Gregorian calendar's fields, UTC.
    public struct Fields: Hashable, Sendable {
        public var year: Int
        /// 1 … 12.
        public var month: Int
        /// 1 … 31.
        public var day: Int
        public var hour: Int
        public var minute: Int
        public var second: Int
    }

    /// The calendar fields (Howard Hinnant's days-from-civil algorithms, which need no table).
    public var fields: Fields {
        let days = Timestamp.floorDivide(secondsSinceEpoch, 86_400)
        let secondOfDay = Int(secondsSinceEpoch - days * 86_400)
        let shifted = days + 719_468
        let era = Timestamp.floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
        let month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
        let year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
        return Fields(
            year: year, month: month, day: day, hour: secondOfDay / 3600, minute: secondOfDay / 60 % 60, second: secondOfDay % 60)
    }

    /// The instant of calendar fields.
    /// - Returns: `nil` where a field is outside its range.
    public init?(_ fields: Fields, nanoseconds: Int32 = 0) {
        let isLeap = fields.year % 4 == 0 && (fields.year % 100 != 0 || fields.year % 400 == 0)
        let monthLengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard (1...12).contains(fields.month), (1...monthLengths[fields.month - 1]).contains(fields.day),
            (0...23).contains(fields.hour), (0...59).contains(fields.minute), (0...60).contains(fields.second),
            (0...9999).contains(fields.year), (0..<1_000_000_000).contains(nanoseconds)
        else { return nil }
        let year = Int64(fields.month <= 2 ? fields.year - 1 : fields.year)
        let era = Timestamp.floorDivide(year, 400)
        let yearOfEra = year - era * 400
        let shiftedMonth = Int64(fields.month > 2 ? fields.month - 3 : fields.month + 9)
        let dayOfYear = (153 * shiftedMonth + 2) / 5 + Int64(fields.day) - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        self.init(
            secondsSinceEpoch: days * 86_400 + Int64(fields.hour * 3600 + fields.minute * 60 + fields.second),
            nanoseconds: nanoseconds)
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : (value - divisor + 1) / divisor
    }
}

// MARK: - Text

extension Timestamp: CustomStringConvertible {
    /// RFC 3339 to the millisecond: `2026-11-22T10:03:01.250Z`.
    public var description: String {
        let fields = fields
        var text = TimeText()
        text.add(fields.year, 4)
        text.add("-", fields.month)
        text.add("-", fields.day)
        text.add("T", fields.hour)
        text.add(":", fields.minute)
        text.add(":", fields.second)
        text.add(".", Int(nanoseconds) / 1_000_000, 3)
        return text.finished
    }

    /// ISO 8601's basic format to the second, as Signature Version 4 has it: `20261122T100301Z`.
    public var compact: String {
        let fields = fields
        var text = TimeText()
        text.add(fields.year, 4)
        text.add(fields.month)
        text.add(fields.day)
        text.add("T", fields.hour)
        text.add(fields.minute)
        text.add(fields.second)
        return text.finished
    }

    /// Parses RFC 3339, with or without a fraction, in any time zone: `2026-11-22T10:03:01Z` (S3's `LastModified`), `…+01:00`.
    public init?(rfc3339 text: String) {
        let bytes = Array(text.utf8)
        let zone = bytes.count - 6
        guard zone >= 0, bytes[zone] == UInt8(ascii: "+") || bytes[zone] == UInt8(ascii: "-"),
            bytes[zone + 3] == UInt8(ascii: ":")
        else {
            self.init(inUTC: bytes)
            return
        }
        guard let hours = number(bytes[zone + 1..<zone + 3]), let minutes = number(bytes[(zone + 4)...]), hours < 24,
            minutes < 60,
            let instant = Timestamp(inUTC: bytes[..<zone] + [UInt8(ascii: "Z")])
        else { return nil }
        let offset = Duration.seconds(hours * 3600 + minutes * 60)
        self = instant.advanced(by: bytes[zone] == UInt8(ascii: "+") ? .zero - offset : offset)
    }

    private init?(inUTC bytes: [UInt8]) {
        guard bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"), bytes[10] == UInt8(ascii: "T"),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"), bytes.last == UInt8(ascii: "Z"),
            let year = number(bytes[0..<4]), let month = number(bytes[5..<7]), let day = number(bytes[8..<10]),
            let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]), let second = number(bytes[17..<19])
        else { return nil }
        var nanoseconds = 0
        if bytes.count > 20 {
            let fraction = bytes[20..<(bytes.count - 1)]
            guard bytes[19] == UInt8(ascii: "."), (1...9).contains(fraction.count), let value = number(fraction) else {
                return nil
            }
            nanoseconds = value
            for _ in fraction.count..<9 { nanoseconds *= 10 }
        } else if bytes.count != 20 {
            return nil
        }
        self.init(
            Fields(year: year, month: month, day: day, hour: hour, minute: minute, second: second),
            nanoseconds: Int32(nanoseconds))
    }

    /// Parses an HTTP date in its preferred form (RFC 9110 section 5.6.7): `Sun, 22 Nov 2026 10:03:01 GMT`.
    public init?(httpDate text: String) {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let day = number(Array(parts[1].utf8)[...]),
            let month = Timestamp.monthNames.firstIndex(of: String(parts[2])), let year = number(Array(parts[3].utf8)[...])
        else { return nil }
        let clock = parts[4].split(separator: ":")
        guard clock.count == 3, let hour = number(Array(clock[0].utf8)[...]), let minute = number(Array(clock[1].utf8)[...]),
            let second = number(Array(clock[2].utf8)[...])
        else { return nil }
        self.init(Fields(year: year, month: month + 1, day: day, hour: hour, minute: minute, second: second))
    }

    private static let monthNames = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
}

/// Puts a time together, of which each file and each request has one.
private struct TimeText {
    private var bytes: [UInt8] = []

    init() { bytes.reserveCapacity(32) }

    /// - `width`: digits at least.
    mutating func add(_ value: Int, _ width: Int = 2) {
        let (rest, digit) = value.quotientAndRemainder(dividingBy: 10)
        if width > 1 || rest != 0 { add(rest, width - 1) }
        bytes.append(UInt8(ascii: "0") + UInt8(digit.magnitude))
    }

    mutating func add(_ mark: Unicode.Scalar, _ value: Int, _ width: Int = 2) {
        bytes.append(UInt8(ascii: mark))
        add(value, width)
    }

    /// All of it, in UTC.
    var finished: String {
        mutating get {
            bytes.append(UInt8(ascii: "Z"))
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}

private func number(_ digits: ArraySlice<UInt8>) -> Int? {
    guard !digits.isEmpty, digits.count <= 9 else { return nil }
    var value = 0
    for digit in digits {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
        value = value * 10 + Int(digit - UInt8(ascii: "0"))
    }
    return value
}

// MARK: - To the nanosecond, for marks that only programs read

extension Timestamp {
    /// Seconds since the epoch and the nanoseconds beyond, with a dot between them.
    public var mark: String { String(pieces: [String(secondsSinceEpoch), ".", String(nanoseconds)]) }

    /// - Returns: `nil` where `mark` is none.
    public init?(mark: some StringProtocol) {
        let parts = Substring(mark).utf8.split(separator: UInt8(ascii: "."))
        guard parts.count == 2, let seconds = Int64(Substring(parts[0])), let nanoseconds = Int32(Substring(parts[1])) else {
            return nil
        }
        self.init(secondsSinceEpoch: seconds, nanoseconds: nanoseconds)
    }
}

import Glibc

/// An instant, in milliseconds since 1970, and the three forms in which S3 writes it.
struct UnixTime: Hashable, Comparable, Sendable {
    var milliseconds: Int64

    /// What the machine's clock says, moved by `offset`.
    static func now(offset: Duration = .zero) -> UnixTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UnixTime(time).advanced(by: offset)
    }

    init(milliseconds: Int64) { self.milliseconds = milliseconds }

    init(_ time: timespec) { milliseconds = Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000 }

    init(sinceEpoch duration: Duration) {
        let (seconds, attoseconds) = duration.components
        milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }

    /// `20130524T000000Z`, the form of `x-amz-date`.
    init?(amzDate text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count == 16, bytes[8] == UInt8(ascii: "T"), bytes[15] == UInt8(ascii: "Z"),
            let date = Int(String(decoding: bytes[0..<8], as: UTF8.self)),
            let clock = Int(String(decoding: bytes[9..<15], as: UTF8.self))
        else { return nil }
        var fields = tm()
        fields.tm_year = CInt(date / 10_000 - 1900)
        fields.tm_mon = CInt(date / 100 % 100 - 1)
        fields.tm_mday = CInt(date % 100)
        fields.tm_hour = CInt(clock / 10_000)
        fields.tm_min = CInt(clock / 100 % 100)
        fields.tm_sec = CInt(clock % 100)
        milliseconds = Int64(timegm(&fields)) * 1000
    }

    static func < (left: UnixTime, right: UnixTime) -> Bool { left.milliseconds < right.milliseconds }

    func advanced(by duration: Duration) -> UnixTime {
        UnixTime(milliseconds: milliseconds + UnixTime(sinceEpoch: duration).milliseconds)
    }

    /// `Fri, 24 May 2013 00:00:00 GMT`, the form of `Date` and `Last-Modified`.
    var httpDate: String {
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let fields = self.fields
        let date = "\(padded(fields.tm_mday, 2)) \(months[Int(fields.tm_mon)]) \(fields.tm_year + 1900)"
        return "\(days[Int(fields.tm_wday)]), \(date) \(clock(fields)) GMT"
    }

    /// `2013-05-24T00:00:00.000Z`, the form of `LastModified` in a listing.
    var listingDate: String {
        let fields = self.fields
        let fraction = padded(CInt(milliseconds - Int64(seconds) * 1000), 3)
        let date = "\(fields.tm_year + 1900)-\(padded(fields.tm_mon + 1, 2))-\(padded(fields.tm_mday, 2))"
        return "\(date)T\(clock(fields)).\(fraction)Z"
    }

    /// `20130524T000000Z`.
    var amzDate: String { String(listingDate.prefix(19).filter { $0 != "-" && $0 != ":" }) + "Z" }

    private var seconds: time_t { time_t((Double(milliseconds) / 1000).rounded(.down)) }

    private var fields: tm {
        var seconds = self.seconds
        var fields = tm()
        gmtime_r(&seconds, &fields)
        return fields
    }

    private func clock(_ fields: tm) -> String {
        "\(padded(fields.tm_hour, 2)):\(padded(fields.tm_min, 2)):\(padded(fields.tm_sec, 2))"
    }
}

private func padded(_ value: CInt, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

import Servables
import Testing

@Suite("Timestamps")
struct TimestampTests {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    @Test(
        "An instant is written and read as RFC 3339",
        arguments: [
            (Int64(0), "1970-01-01T00:00:00.000Z"), (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_795_341_781, "2026-11-22T10:03:01.000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000Z"), (4_107_542_400, "2100-03-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.000Z"),
            (-62_167_219_200, "0000-01-01T00:00:00.000Z"), (253_402_300_799, "9999-12-31T23:59:59.000Z"),
        ])
    func knownDates(seconds: Int64, text: String) {
        #expect(Timestamp(secondsSinceEpoch: seconds).description == text)
        #expect(Timestamp(rfc3339: text)?.secondsSinceEpoch == seconds)
    }

    @Test("It is written in ISO 8601's basic format, too")
    func compact() {
        #expect(Timestamp(secondsSinceEpoch: 1_795_341_781, nanoseconds: 999_999_999).compact == "20261122T100301Z")
        #expect(Timestamp(secondsSinceEpoch: -62_167_219_200).compact == "00000101T000000Z")
    }

    @Test("No time is too far away to be written", arguments: [Int64.min / 4, Int64.max / 4])
    func farAway(seconds: Int64) {
        #expect(Timestamp(secondsSinceEpoch: seconds).description.hasSuffix("Z"))
    }

    @Test("Every day of four centuries follows from the one before, and comes back from its text and its HTTP date")
    func everyDay() {
        var failures = 0
        var day = Timestamp(secondsSinceEpoch: -5_364_662_400)  // 1800-01-01
        var previous = day.fields
        #expect(previous.year == 1800 && previous.month == 1 && previous.day == 1)
        for count in 0..<146_097 {
            let fields = day.fields
            if Timestamp(fields) != day { failures += 1 }
            if count % 5 == 0, Timestamp(rfc3339: day.description) != day { failures += 1 }
            if count % 7 == 0, Timestamp(httpDate: httpDate(fields)) != day { failures += 1 }
            if count > 0 {
                let isNextDay = fields.year == previous.year && fields.month == previous.month && fields.day == previous.day + 1
                let isNextMonth =
                    fields.day == 1 && previous.day >= 28
                    && (fields.month == previous.month + 1 || fields.month == 1 && fields.year == previous.year + 1)
                if !isNextDay && !isNextMonth { failures += 1 }
            }
            previous = fields
            day = Timestamp(secondsSinceEpoch: day.secondsSinceEpoch + 86_400)
        }
        #expect(failures == 0)
        #expect(previous.year == 2199 && previous.month == 12 && previous.day == 31)
    }

    private func httpDate(_ fields: Timestamp.Fields) -> String {
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "Mon, \(two(fields.day)) \(Self.months[fields.month - 1]) \(fields.year) "
            + "\(two(fields.hour)):\(two(fields.minute)):\(two(fields.second)) GMT"
    }

    @Test("A fraction of up to nine digits is read exactly, and written to the millisecond")
    func fractions() {
        #expect(Timestamp(rfc3339: "2026-11-22T10:03:01.25Z")?.nanoseconds == 250_000_000)
        #expect(Timestamp(rfc3339: "2026-11-22T10:03:01.000000001Z")?.nanoseconds == 1)
        #expect(Timestamp(secondsSinceEpoch: 0, nanoseconds: 7_999_999).description == "1970-01-01T00:00:00.007Z")
    }

    @Test(
        "What is no RFC 3339 is refused",
        arguments: [
            "", "2026-11-22", "2026-11-22T10:03:01", "2026-11-22 10:03:01Z", "2026-11-22T10:03:01+24:00",
            "2026-11-22T10:03:01+00.00", "2026-11-22T10:03:01Z+00:00", "+00:00", "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1234567890Z",
            "2026-01-01T00:00:0aZ", "+026-01-01T00:00:00Z",
        ])
    func refusesText(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test("An HTTP date is read")
    func httpDates() {
        #expect(Timestamp(httpDate: "Sun, 22 Nov 2026 10:03:01 GMT") == Timestamp(secondsSinceEpoch: 1_795_341_781))
        #expect(Timestamp(httpDate: "Tue, 29 Feb 2000 00:00:00 GMT") == Timestamp(secondsSinceEpoch: 951_782_400))
    }

    @Test(
        "What is no HTTP date is refused",
        arguments: [
            "", "Sun, 22 Nov 2026 10:03:01", "Sun, 22 Nov 2026 10:03:01 UTC", "Sun, 22 nov 2026 10:03:01 GMT",
            "Sun, 31 Feb 2026 10:03:01 GMT",
            "Sunday, 22-Nov-26 10:03:01 GMT", "Sun Nov 22 10:03:01 2026", "Sun, 22 Nov 2026 10:03 GMT",
            "Sun, x Nov 2026 10:03:01 GMT",
        ])
    func refusesHTTPDates(text: String) {
        #expect(Timestamp(httpDate: text) == nil)
    }

    @Test("Differences and sums carry nanoseconds both ways")
    func arithmetic() {
        let early = Timestamp(secondsSinceEpoch: 10, nanoseconds: 900_000_000)
        let late = Timestamp(secondsSinceEpoch: 12, nanoseconds: 100_000_000)
        #expect(late.since(early) == .milliseconds(1200))
        #expect(early.since(late) == .milliseconds(-1200))
        #expect(early.advanced(by: .milliseconds(1200)) == late)
        #expect(late.advanced(by: .milliseconds(-1200)) == early)
        #expect(early < late)
        #expect(Timestamp(secondsSinceEpoch: 10, nanoseconds: 1) > Timestamp(secondsSinceEpoch: 10))
        #expect(late.unixSeconds == 12.1)
    }
}

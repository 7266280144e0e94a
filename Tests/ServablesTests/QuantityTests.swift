import Servables
import Testing

@Suite("Durations as people write them")
struct DurationTextTests {
    @Test(
        "A duration is read",
        arguments: [
            ("0", Duration.zero), ("0s", .zero), ("500ms", .milliseconds(500)), ("1ms", .milliseconds(1)), ("30s", .seconds(30)),
            ("10m", .seconds(600)), ("2h", .seconds(7200)), ("1.5s", .milliseconds(1500)), ("0.5h", .seconds(1800)),
        ])
    func parses(text: String, duration: Duration) throws {
        #expect(try Duration.parse(text) == duration)
    }

    @Test(
        "What is none is refused",
        arguments: [
            "", "30", "s", "-5s", "+5s", "5 s", "5S", "5sec", "1h30m", "1..5s", "1e3s", "٣s", "99999999999s", "nans", "infs",
        ])
    func refuses(text: String) {
        #expect(throws: ParseFault.self) { try Duration.parse(text) }
    }

    @Test(
        "A duration is written short",
        arguments: [
            (Duration.zero, "0ms"), (.milliseconds(250), "250ms"), (.milliseconds(1500), "1.5s"), (.seconds(2), "2s"),
            (.seconds(59), "59s"),
            (.seconds(60), "1m"), (.seconds(130), "2m10s"), (.seconds(3600), "1h"), (.seconds(3600 * 3 + 300), "3h5m"),
            (.seconds(86_400 * 4), "96h"),
        ])
    func writes(duration: Duration, text: String) {
        #expect(duration.text == text)
    }

    @Test("What is written can be read again where it has one unit", arguments: ["250ms", "1.5s", "59s", "1m", "1h"])
    func roundTrips(text: String) throws {
        #expect(try Duration.parse(text).text == text)
    }

    @Test("A duration in seconds keeps its fraction")
    func inSeconds() {
        #expect(Duration.milliseconds(1250).inSeconds == 1.25)
        #expect((Duration.zero - .milliseconds(1250)).inSeconds == -1.25)
    }
}

@Suite("Sizes as people write them")
struct ByteCountTests {
    @Test(
        "A size is read",
        arguments: [
            ("0", 0), ("4096", 4096), ("5B", 5), ("64KiB", 65_536), ("8MiB", 8 << 20), ("2GiB", 2 << 30), ("1TiB", 1 << 40),
            ("500KB", 500_000), ("1MB", 1_000_000), ("1GB", 1_000_000_000), ("1TB", 1_000_000_000_000), ("1.5GiB", 3 << 29),
            ("9223372036854775807", Int64.max),
        ] as [(String, Int64)])
    func parses(text: String, bytes: Int64) throws {
        #expect(try ByteCount(parsing: text).bytes == bytes)
    }

    @Test(
        "What is none, or too large, is refused",
        arguments: [
            "", "KiB", "-1", "+1", "1 GB", "1gb", "1kb", "1K", "1.2.3GB", "9223372036854775808", "8388608TiB",
            "99999999999999999999TiB", "1e3",
        ])
    func refuses(text: String) {
        #expect(throws: ParseFault.self) { try ByteCount(parsing: text) }
    }

    @Test("A size that is too large is said to be")
    func saysTooLarge() {
        for text in ["9223372036854775808", "8388608TiB"] {
            #expect(throws: ParseFault("the size is too large")) { try ByteCount(parsing: text) }
        }
    }

    @Test(
        "A size is written with three digits",
        arguments: [
            (Int64(0), "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (640 << 10, "640 KiB"),
            (3 << 29, "1.5 GiB"),
            (Int64.max, "8.0 EiB"), (-2048, "-2.0 KiB"),
        ] as [(Int64, String)])
    func writes(bytes: Int64, text: String) {
        #expect(ByteCount(bytes).description == text)
    }
}

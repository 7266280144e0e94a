import Servables
import Testing

@testable import Monitoring

@Suite("Progress line")
struct ProgressTests {
    private static let numbers = ProgressLine.Numbers(
        done: 1 << 30, total: 4 << 30, rate: Double(512 << 20), files: 214, versions: 3, versionsDone: 1, models: 2)

    @Test("says how much, how fast, how long still, and of what")
    func line() {
        #expect(
            ProgressLine.render(Self.numbers, width: 200)
                == "25%  1.0 GiB of 4.0 GiB  512 MiB/s  6s left  1 of 3 versions  214 files  2 models")
    }

    @Test("never reaches the last column, and loses the least important first", arguments: 0...120)
    func width(columns: Int) {
        let line = ProgressLine.render(Self.numbers, width: columns)
        #expect(line.count < max(1, columns))
        #expect(ProgressLine.render(Self.numbers, width: 500).hasPrefix(line))
        if columns > 40 { #expect(line.hasPrefix("25%  1.0 GiB of 4.0 GiB  512 MiB/s")) }
    }

    @Test("is not at 100 % before everything is here, and knows a stall")
    func edges() {
        var numbers = Self.numbers
        numbers.done = numbers.total - 1
        #expect(ProgressLine.render(numbers, width: 5) == "99%")
        numbers.done = numbers.total
        #expect(ProgressLine.render(numbers, width: 6) == "100%")
        numbers.total = 0
        numbers.done = 0
        #expect(ProgressLine.render(numbers, width: 6) == "100%")
        numbers = Self.numbers
        numbers.rate = 0
        #expect(ProgressLine.render(numbers, width: 50) == "25%  1.0 GiB of 4.0 GiB  0 B/s  stalled")
        numbers.rate = nil
        #expect(ProgressLine.render(numbers, width: 43) == "25%  1.0 GiB of 4.0 GiB  1 of 3 versions")
    }

    @Test("the rate is that of the last ten seconds")
    func rate() throws {
        var rate = TransferRate()
        #expect(rate.bytesPerSecond(bytes: 0, at: .zero) == nil)
        var bytes: Int64 = 0
        for step in 0..<400 {
            rate.note(bytes: bytes, at: .milliseconds(step * 100))
            // 1000 B/s for 20 s, then 5000 B/s.
            bytes += step < 200 ? 100 : 500
        }
        let now = try #require(rate.bytesPerSecond(bytes: bytes, at: .seconds(40)))
        #expect(abs(now - 5000) < 1)
        #expect(rate.bytesPerSecond(bytes: bytes, at: .seconds(60)) == 0)
        // The first bytes after a stall count for the window, not for the stall.
        rate.note(bytes: bytes + 1550, at: .seconds(60))
        #expect(rate.bytesPerSecond(bytes: bytes + 1550, at: .seconds(60)) == 200)
    }

    @Test("adds up what is fetched of several versions, and begins again where a version does")
    func state() {
        var state = ProgressState()
        let (one, two) = (Version(number: 1), Version(number: 2))
        #expect(!state.isFetching)
        state.record(.fetchStarted(model: "a", version: one, files: 3, bytes: 1000, missing: 600), at: .zero)
        state.record(.fetchStarted(model: "b", version: two, files: 4, bytes: 400, missing: 400), at: .zero)
        state.record(.fetched(model: "a", bytes: 100), at: .seconds(1))
        var numbers = state.numbers(at: .seconds(1))
        #expect((numbers.done, numbers.total) == (100, 1000))
        #expect((numbers.files, numbers.versions, numbers.versionsDone, numbers.models) == (7, 2, 0, 2))
        #expect(numbers.rate == 100)

        // 100 bytes were wrong and are fetched again.
        state.record(.fetchStarted(model: "a", version: one, files: 3, bytes: 1000, missing: 600), at: .seconds(2))
        numbers = state.numbers(at: .seconds(2))
        #expect((numbers.done, numbers.total, numbers.files) == (100, 1100, 7))

        state.record(.fetched(model: "a", bytes: 600), at: .seconds(3))
        state.record(Self.published("a", one), at: .seconds(3))
        state.record(.fetched(model: "b", bytes: 400), at: .seconds(3))
        #expect(state.isFetching)
        state.record(Self.published("b", two), at: .seconds(3))
        numbers = state.numbers(at: .seconds(3))
        #expect((numbers.done, numbers.total, numbers.versionsDone) == (1100, 1100, 2))
        #expect(!state.isFetching)
    }

    @Test("a version that failed for good takes its missing bytes away; one that is tried again does not")
    func failed() {
        var state = ProgressState()
        let version = Version(number: 1)
        state.record(.fetchStarted(model: "a", version: version, files: 1, bytes: 10, missing: 10), at: .zero)
        let failure = Failure(.unavailable, "x")
        state.record(.versionFailed(model: "a", version: version, failure: failure, retryIn: .seconds(1)), at: .zero)
        #expect(state.numbers(at: .zero).total == 10)
        state.record(.versionFailed(model: "a", version: version, failure: failure, retryIn: nil), at: .zero)
        #expect(state.numbers(at: .zero).total == 0)
        #expect(!state.isFetching)
    }

    @Test("is drawn ten times a second at most, and taken away at the end")
    func reporter() {
        let (pipe, time) = (Pipe(), ManualTime())
        let sink = LogSink(descriptor: pipe.writing, format: .text(colour: false), time: time)
        let reporter = ProgressReporter(sink: sink, time: time, width: { 23 })
        let version = Version(number: 1)
        let erase = "\r\u{1B}[K"
        reporter.tick()
        #expect(pipe.text() == "")
        reporter.record(.fetchStarted(model: "a", version: version, files: 1, bytes: 100, missing: 100))
        #expect(pipe.text() == erase + "0%  0 B of 100 B")
        for _ in 0..<10 {
            reporter.record(.fetched(model: "a", bytes: 1))
            time.advance(by: .milliseconds(20))
        }
        #expect(pipe.text() == erase + "6%  6 B of 100 B")
        time.advance(by: .seconds(1))
        reporter.tick()
        #expect(pipe.text() == erase + "10%  10 B of 100 B")
        reporter.record(Self.published("a", version))
        #expect(pipe.text() == erase)
        reporter.clear()
        #expect(pipe.text() == "")
    }

    private static func published(_ model: String, _ version: Version) -> TelemetryEvent {
        .published(model: model, version: version, files: 1, bytes: 1, fetched: 1, took: .zero, lag: nil, verified: [:])
    }
}

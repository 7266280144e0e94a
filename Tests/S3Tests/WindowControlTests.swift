import Testing

@testable import S3

@Suite("How many requests at once")
struct WindowControlTests {
    private static let part: Int64 = 8 << 20

    /// A line to a store: each connection carries so much, all together no more than the line does, and a request takes a while to begin.
    private struct Line {
        var perConnection = 90e6
        var whole: Double
        var latency = 0.03
        var now = 0.0

        /// Lets parts pass for so many seconds, as many at once as may be; there is always another one. The threads that take them
        /// wait for `idle` of their time.
        mutating func pass(_ control: inout WindowControl, seconds: Double, idle: Double = 0.9) {
            let end = now + seconds
            while now < end {
                for _ in 0..<10 { control.threadSpent(waiting: .milliseconds(2) * idle, working: .milliseconds(2) * (1 - idle)) }
                let parts = min(control.count, Int(control.bytes / WindowControlTests.part))
                let isCountBound = control.count <= Int(control.bytes / WindowControlTests.part)
                let each = min(perConnection, whole / Double(parts))
                let took = latency + Double(WindowControlTests.part) / each
                for _ in 0..<parts {
                    now += took / Double(parts)
                    let isByteBound = Int64(parts) * WindowControlTests.part >= control.bytes
                    control.ended(
                        WindowControlTests.part, isCountBound: isCountBound, isByteBound: isByteBound, now: .seconds(now))
                }
            }
        }

        /// Bytes a second with as many parts at once.
        func throughput(_ parts: Int) -> Double {
            Double(WindowControlTests.part * Int64(parts))
                / (latency + Double(WindowControlTests.part) / min(perConnection, whole / Double(parts)))
        }
    }

    private func parts(_ control: WindowControl) -> Int { min(control.count, Int(control.bytes / Self.part)) }

    @Test("there are as many as the line takes, and not many more", arguments: [0.5e9, 1.4e9, 3e9, 20e9])
    func line(whole: Double) {
        var control = WindowControl(limit: 128, partSize: Self.part)
        var line = Line(whole: whole)
        line.pass(&control, seconds: 4)
        let best = (1...128).map { line.throughput($0) }.max() ?? 0
        #expect(line.throughput(parts(control)) > 0.85 * best, "\(parts(control)) parts")
        // Half of them would be felt, but for those that there soon are in any case.
        #expect(parts(control) <= WindowControl.soonParts || line.throughput(parts(control) / 2) < 0.9 * best)
    }

    @Test(
        "there are no more than in the beginning where the threads have enough to do, whatever the line takes",
        arguments: [0.01, 0.15])
    func busy(idle: Double) {
        var control = WindowControl(limit: 128, partSize: Self.part)
        var line = Line(whole: 20e9)
        line.pass(&control, seconds: 4, idle: idle)
        #expect(parts(control) == WindowControl.firstParts)
        // Others have gone, or the store has become slower.
        line.now += 60
        line.pass(&control, seconds: 20)
        #expect(parts(control) > WindowControl.soonParts)
    }

    @Test("threads that wait are given more within milliseconds, up to the limit, and hardly any for one wait among much work")
    func idle() {
        var control = WindowControl(limit: 128, partSize: Self.part)
        for _ in 0..<14 { control.threadSpent(waiting: .milliseconds(2), working: .zero) }
        #expect(parts(control) == WindowControl.soonParts)
        for _ in 0..<100 { control.threadSpent(waiting: .milliseconds(2), working: .zero) }
        #expect(parts(control) == WindowControl.soonParts)
        var few = WindowControl(limit: 10, partSize: Self.part)
        for _ in 0..<100 { few.threadSpent(waiting: .milliseconds(2), working: .zero) }
        #expect(parts(few) == 10)
        var busy = WindowControl(limit: 128, partSize: Self.part)
        for _ in 0..<100 {
            busy.threadSpent(waiting: .microseconds(800), working: .milliseconds(1))
            busy.threadSpent(waiting: .zero, working: .milliseconds(20))
        }
        #expect(parts(busy) == WindowControl.firstParts)
    }

    @Test("threads that no longer wait are given fewer, down to the first few and no further", arguments: [128, 10, 3])
    func busyAgain(limit: Int) {
        var control = WindowControl(limit: limit, partSize: Self.part)
        let first = parts(control)
        for _ in 0..<100 { control.threadSpent(waiting: .milliseconds(2), working: .zero) }
        #expect(parts(control) == min(limit, WindowControl.soonParts))
        // Two threads, as long as a tenth of a second.
        for _ in 0..<200 { control.threadSpent(waiting: .microseconds(20), working: .microseconds(980)) }
        #expect(parts(control) < min(limit, WindowControl.soonParts) || parts(control) == first)
        for _ in 0..<1_000 { control.threadSpent(waiting: .microseconds(20), working: .microseconds(980)) }
        #expect(parts(control) == first)
        for _ in 0..<100 { control.threadSpent(waiting: .milliseconds(2), working: .zero) }
        #expect(parts(control) == min(limit, WindowControl.soonParts), "and more again, once they wait")
    }

    @Test("a short burst of work takes no part away, nor do threads that wait a little")
    func burst() {
        var control = WindowControl(limit: 128, partSize: Self.part)
        for _ in 0..<100 { control.threadSpent(waiting: .milliseconds(2), working: .zero) }
        for _ in 0..<100 {
            for _ in 0..<40 { control.threadSpent(waiting: .zero, working: .milliseconds(1)) }
            #expect(parts(control) == WindowControl.soonParts)
            for _ in 0..<10 { control.threadSpent(waiting: .milliseconds(1), working: .zero) }
        }
        #expect(parts(control) == WindowControl.soonParts)
        for _ in 0..<1_000 { control.threadSpent(waiting: .microseconds(150), working: .microseconds(850)) }
        #expect(parts(control) == WindowControl.soonParts)
    }

    @Test("what was taken away from busy threads is not taken for a loss of throughput")
    func takenAway() {
        var control = WindowControl(limit: 128, partSize: Self.part)
        var line = Line(whole: 20e9)
        // Until the bound was doubled, and is to be compared.
        for _ in 0..<10_000 where parts(control) <= WindowControl.soonParts { line.pass(&control, seconds: 0.01) }
        #expect(parts(control) > WindowControl.soonParts)
        line.whole = 0.4e9
        var least = parts(control)
        for _ in 0..<1_000 {
            line.pass(&control, seconds: 0.01, idle: 0)
            least = min(least, parts(control))
        }
        #expect(least == WindowControl.firstParts)
    }

    @Test("a store that throttles is not given more because threads wait")
    func throttledAndIdle() {
        var control = WindowControl(limit: 128, partSize: Self.part)
        control.throttled(now: .seconds(1))
        for _ in 0..<1_000 { control.threadSpent(waiting: .milliseconds(2), working: .zero) }
        #expect(parts(control) == WindowControl.firstParts / 2)
    }

    @Test("what has changed is found out again")
    func changes() {
        var control = WindowControl(limit: 128, partSize: Self.part)
        var line = Line(whole: 1e9)
        line.pass(&control, seconds: 4)
        let before = parts(control)
        line.perConnection = 20e6
        line.now += 60
        line.pass(&control, seconds: 20)
        #expect(parts(control) > before, "\(before), then \(parts(control))")
    }

    @Test("small requests are more with each that ends, up to the limit, if somebody waits")
    func small() {
        var control = WindowControl(limit: 100, partSize: Self.part)
        for _ in 0..<1_000 { control.ended(10_000, isCountBound: false, isByteBound: false, now: .zero) }
        #expect(control.count == WindowControl.firstCount)
        for number in 1...50 {
            control.ended(10_000, isCountBound: true, isByteBound: false, now: .zero)
            #expect(control.count == WindowControl.firstCount + number)
        }
        for _ in 0..<1_000 { control.ended(10_000, isCountBound: true, isByteBound: false, now: .zero) }
        #expect(control.count == 100)
        #expect(WindowControl(limit: 3, partSize: Self.part).count == 3)
    }

    @Test("throttling halves them, once for all that comes at one instant, never to none, and they come back slowly")
    func throttled() {
        var control = WindowControl(limit: 128, partSize: Self.part)
        for _ in 0..<1_000 { control.ended(10_000, isCountBound: true, isByteBound: false, now: .zero) }
        for _ in 0..<50 { control.throttled(now: .seconds(10)) }
        #expect(control.count == 64 && control.bytes == Int64(WindowControl.firstParts / 2) * Self.part)
        control.throttled(now: .seconds(11))
        #expect(control.count == 32)
        for _ in 0..<31 { control.ended(10_000, isCountBound: true, isByteBound: false, now: .seconds(12)) }
        #expect(control.count == 32)
        control.ended(10_000, isCountBound: true, isByteBound: false, now: .seconds(12))
        #expect(control.count == 33)
        for second in 20..<60 { control.throttled(now: .seconds(second)) }
        #expect(control.count == 1 && control.bytes == Self.part)
    }
}

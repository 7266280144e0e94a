import Dispatch
import Glibc
import Logging
import PlainJSON
import Servables
import Testing

@testable import Monitoring

@Suite("Log sink")
struct LogSinkTests {
    private let time = ManualTime()

    private func record(_ message: String) -> LogRecord {
        LogRecord(time: time.now(), level: .info, message: message, fields: [])
    }

    @Test("lines of many threads never mix")
    func threads() throws {
        let pipe = Pipe(capacity: 1 << 20)
        let sink = LogSink(descriptor: pipe.writing, format: .json, time: time)
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            for number in 0..<50 { sink.write(record("\(thread) \(number) " + String(repeating: "x", count: number * 20))) }
        }
        let lines = pipe.lines()
        #expect(lines.count == 400)
        for line in lines { #expect(try JSON(parsing: line)["level"] == "info") }
    }

    @Test("each line is one write(2)")
    func oneWrite() throws {
        var ends: [CInt] = [0, 0]
        // A socket that keeps the writes apart.
        try #require(socketpair(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue), 0, &ends) == 0)
        defer { for end in ends { close(end) } }
        let sink = LogSink(descriptor: ends[0], format: .text(colour: false), time: time)
        sink.write(record("one"))
        sink.showProgress("10%")
        sink.write(record("two"))
        var packets: [String] = []
        var buffer = [UInt8](repeating: 0, count: 8192)
        for _ in 0..<3 {
            let count = recv(ends[1], &buffer, buffer.count, CInt(MSG_DONTWAIT))
            packets.append(String(decoding: buffer[..<max(0, count)], as: UTF8.self))
        }
        let start = "2026-11-22T10:03:01.250Z info    "
        #expect(packets == ["\(start)one\n", "\r\u{1B}[K10%", "\r\u{1B}[K\(start)two\n10%"])
    }

    @Test(
        "a reader that stops reading costs one wait, then lines are dropped, counted, and the log goes on",
        arguments: [true, false])
    func stalledReader(nonBlocking: Bool) throws {
        // Of one page only, poll(2) says "full" as soon as a byte is in it.
        let pipe = Pipe(nonBlocking: nonBlocking, capacity: 8192)
        let sink = LogSink(descriptor: pipe.writing, format: .json, time: time, patience: .milliseconds(20))
        let took = ContinuousClock().measure {
            for number in 0..<500 { sink.write(record("line \(number)")) }
        }
        #expect(took < .seconds(5))
        let before = pipe.lines()
        #expect((1..<500).contains(before.count))
        for line in before { #expect(try JSON(parsing: line)["message"] != nil) }
        sink.write(record("after"))
        let after = try pipe.lines().map { try JSON(parsing: $0) }
        #expect(after.count == 2)
        #expect(after.first?["dropped"] == .integer(Int64(500 - before.count)))
        #expect(after.first?["level"] == "warning")
        #expect(after.last?["message"] == "after")
    }

    @Test("a line that was cut by a stalled reader is ended before the next one")
    func cutLine() throws {
        let pipe = Pipe(nonBlocking: true, capacity: 4096)
        let sink = LogSink(descriptor: pipe.writing, format: .text(colour: false), time: time, patience: .milliseconds(5))
        // More than PIPE_BUF, as with the progress line, is written in part.
        sink.showProgress(String(repeating: "p", count: 6000))
        _ = pipe.contents()
        sink.write(record("next"))
        #expect(pipe.text() == "\n2026-11-22T10:03:01.250Z info    next\n")
    }

    @Test("a reader that went away is no reason to stop")
    func brokenPipe() {
        signal(SIGPIPE, SIG_IGN)
        let pipe = Pipe()
        // The only reading end becomes something else.
        let null = open("/dev/null", O_RDONLY)
        dup2(null, pipe.reading)
        close(null)
        let sink = LogSink(descriptor: pipe.writing, format: .json, time: time)
        sink.write(record("nobody"))
        LogSink(descriptor: -1, format: .json, time: time).write(record("nowhere"))
    }

    @Test("a progress line is cleared before a log line and drawn again below it")
    func progress() {
        let pipe = Pipe()
        let sink = LogSink(descriptor: pipe.writing, format: .text(colour: false), time: time)
        sink.showProgress("10%")
        sink.showProgress("10%")
        sink.write(record("line"))
        sink.showProgress("")
        sink.write(record("last"))
        let start = "2026-11-22T10:03:01.250Z info    "
        #expect(pipe.text() == "\r\u{1B}[K10%\r\u{1B}[K\(start)line\n10%\r\u{1B}[K\(start)last\n")
    }

    @Test("swift-log's metadata of logger, provider and entry comes together, the nearest wins")
    func handler() throws {
        let pipe = Pipe()
        let sink = LogSink(descriptor: pipe.writing, format: .json, time: time)
        var logger = Logger(label: "test") { _ in
            var handler = LineLogHandler(sink: sink, level: .notice)
            handler.metadataProvider = Logger.MetadataProvider { ["a": "provider", "b": "provider", "c": "provider"] }
            return handler
        }
        logger[metadataKey: "b"] = "logger"
        logger[metadataKey: "c"] = "logger"
        logger.info("below the level")
        logger.notice("hello", metadata: ["c": "entry"])
        #expect(
            pipe.text()
                == #"{"time":"2026-11-22T10:03:01.250Z","level":"notice","message":"hello","a":"provider","b":"logger","c":"entry"}"#
                + "\n")
    }
}

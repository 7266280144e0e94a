import FileIO
import Glibc
import Logging
import Servables

@testable import Monitoring

/// A clock that stands until the test moves it.
final class ManualTime: TimeSource {
    private let state = Lock((now: Timestamp(secondsSinceEpoch: 1_795_341_781, nanoseconds: 250_000_000), uptime: Duration.zero))

    func now() -> Timestamp { state.withLock { $0.now } }
    func uptime() -> Duration { state.withLock { $0.uptime } }
    func random() -> Double { 0 }
    func sleep(for _: Duration) async throws {}

    func advance(by duration: Duration) {
        state.withLock { state in
            state.now = state.now.advanced(by: duration)
            state.uptime += duration
        }
    }
}

/// A pipe whose ends are closed with it.
final class Pipe: Sendable {
    let reading: CInt
    let writing: CInt

    /// A pipe that holds `capacity` bytes, at least a page, before a writer waits.
    init(nonBlocking: Bool = false, capacity: CInt? = nil) {
        var ends: [CInt] = [0, 0]
        precondition(pipe(&ends) == 0, "no pipe")
        reading = ends[0]
        writing = ends[1]
        if nonBlocking { _ = fcntl(writing, F_SETFL, O_NONBLOCK) }
        // F_SETPIPE_SZ, which glibc declares for _GNU_SOURCE only.
        if let capacity { _ = fcntl(writing, 1031, capacity) }
    }

    deinit {
        close(reading)
        close(writing)
    }

    /// What is in it now.
    func contents() -> [UInt8] {
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            var request = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
            guard poll(&request, 1, 0) == 1, request.revents & Int16(POLLIN) != 0 else { return result }
            let count = read(reading, &buffer, buffer.count)
            guard count > 0 else { return result }
            result += buffer[..<count]
        }
    }

    func text() -> String { String(decoding: contents(), as: UTF8.self) }

    func lines() -> [String] { text().split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init) }
}

/// A logger whose lines go to a pipe.
func makeLogger(_ pipe: Pipe, _ format: LogFormat, _ level: Logger.Level, _ time: ManualTime) -> Logger {
    let sink = LogSink(descriptor: pipe.writing, format: format, time: time)
    return Logger(label: "test") { _ in LineLogHandler(sink: sink, level: level) }
}

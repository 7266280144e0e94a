import FileIO
import Glibc
import Logging
import PlainJSON
public import Servables

/// Writes log lines to a descriptor: whole lines, one `write(2)` each, from any thread, never two at a time.
///
/// A reader that does not read (a stopped terminal, a full pipe) must not stop the agent: a line waits for it a tenth of
/// a second at most, then lines are dropped until it reads again; the first line after that is told how many. A broken
/// descriptor is not reported: there is nowhere to say so. `SIGPIPE` must be ignored in this process.
public final class LogSink: Sendable {
    /// Bytes of a line at most. A pipe takes that many at once without mixing them with another writer's (`PIPE_BUF`).
    public static let longestLine = 4096

    private struct State {
        /// What the last line of the terminal shows below the log; empty for nothing.
        var progress = ""
        /// A line was begun and not ended, since its reader stopped reading.
        var isMidLine = false
        var isStalled = false
        var dropped = 0
    }

    private let descriptor: CInt
    private let format: LogFormat
    private let time: any TimeSource
    private let patience: Duration
    private let state = Lock(State())

    /// - Parameters:
    ///   - descriptor: stays the caller's, who must not close it while this is in use.
    ///   - format: of every line.
    ///   - time: stamps the lines.
    ///   - patience: how long a line may wait for its reader.
    public init(descriptor: CInt, format: LogFormat, time: any TimeSource, patience: Duration = .milliseconds(100)) {
        self.descriptor = descriptor
        self.format = format
        self.time = time
        self.patience = patience
    }

    func write(_ record: LogRecord) {
        let line = format.line(record, longest: Self.longestLine)
        state.withLock { state in
            if state.dropped > 0 {
                let notice = LogRecord(
                    time: record.time, level: .warning, message: "log lines were dropped, since nobody read them",
                    fields: [JSON.Member("dropped", .integer(Int64(state.dropped)))])
                if writeLine(format.line(notice, longest: Self.longestLine), &state) { state.dropped = 0 }
            }
            if !writeLine(line, &state) { state.dropped += 1 }
        }
    }

    func now() -> Timestamp { time.now() }

    /// Shows `text` on the terminal's last line in place of what was shown before; empty text clears it.
    ///
    /// Log lines appear above it. Only for a descriptor that is a terminal.
    func showProgress(_ text: String) {
        state.withLock { state in
            guard text != state.progress, !state.isMidLine else { return }
            if put(Array((Self.eraseLine + text).utf8), &state) { state.progress = text }
        }
    }

    /// ECMA-48: to the first column, erase to the end of the line.
    private static let eraseLine = "\r\u{1B}[K"

    private func writeLine(_ line: [UInt8], _ state: inout State) -> Bool {
        var bytes: [UInt8] = []
        if state.isMidLine { bytes.append(UInt8(ascii: "\n")) }
        if state.progress.isEmpty {
            bytes += line
        } else {
            bytes += Array(Self.eraseLine.utf8) + line + Array(state.progress.utf8)
        }
        return put(bytes, &state)
    }

    /// - Returns: whether all of it was written.
    private func put(_ bytes: [UInt8], _ state: inout State) -> Bool {
        // Whoever has just waited in vain does not wait again before something was read.
        let end = ContinuousClock.now + (state.isStalled ? .zero : patience)
        var written = 0
        var isRefused = false
        while written < bytes.count {
            guard isWritable(until: end), !(isRefused && ContinuousClock.now >= end) else {
                state.isStalled = true
                state.isMidLine = state.isMidLine || written > 0
                return false
            }
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                written += count
            } else if errno == EAGAIN {
                // Writable, but not for that much; poll(2) would say again that it is.
                isRefused = true
                poll(nil, 0, 1)
            } else if errno != EINTR {
                return false
            }
        }
        state.isStalled = false
        state.isMidLine = false
        return true
    }

    private func isWritable(until end: ContinuousClock.Instant) -> Bool {
        while true {
            let left = end - .now
            var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            let result = poll(&request, 1, CInt(max(0, (left.inSeconds * 1000).rounded(.up))))
            if result > 0 { return true }
            if result == 0 || errno != EINTR { return false }
        }
    }
}

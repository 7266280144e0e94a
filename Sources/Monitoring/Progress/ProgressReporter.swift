import FileIO
public import Servables

/// Shows a progress line below the log while versions are fetched. For a log that is a terminal.
public final class ProgressReporter: Telemetry {
    /// Between two drawings: as often as an eye can follow.
    static let interval = Duration.milliseconds(100)

    private struct State {
        var progress = ProgressState()
        var drawnAt: Duration?
    }

    private let sink: LogSink
    private let time: any TimeSource
    private let width: @Sendable () -> Int
    private let state = Lock(State())

    /// - Parameters:
    ///   - sink: where the log goes, too.
    ///   - time: tells the rate.
    ///   - width: the terminal's columns at present.
    public init(sink: LogSink, time: any TimeSource, width: @escaping @Sendable () -> Int) {
        self.sink = sink
        self.time = time
        self.width = width
    }

    public func record(_ event: TelemetryEvent) {
        let uptime = time.uptime()
        draw(at: uptime) { state in
            state.progress.record(event, at: uptime)
            switch event {
            case .fetched: return state.drawnAt.map { uptime - $0 >= Self.interval } ?? true
            case .fetchStarted, .published, .versionFailed: return true
            default: return false
            }
        }
    }

    /// Draws the line anew. To be called about once a second, so that a stall shows, too.
    public func tick() {
        draw(at: time.uptime()) { _ in true }
    }

    /// Takes the line away; to be called at the end.
    public func clear() { sink.showProgress("") }

    private func draw(at uptime: Duration, if isDue: (inout State) -> Bool) {
        let width = width()
        let line: String? = state.withLock { state in
            guard isDue(&state) else { return nil }
            state.drawnAt = uptime
            return state.progress.isFetching ? ProgressLine.render(state.progress.numbers(at: uptime), width: width) : ""
        }
        if let line { sink.showProgress(line) }
    }
}

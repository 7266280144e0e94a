import FileIO
import Logging
import Monitoring
import Servables

/// Where a command's events go: the log on standard error, and whoever else listens.
struct EventOutputs: Sendable {
    let sink: LogSink
    let logger: Logger
    let telemetry: any Telemetry
    let progress: ProgressReporter?
    let metrics: MetricsRecorder?

    /// Progress is shown on a terminal only; `metrics` counts the events, too.
    init(_ context: CommandContext, showsProgress: Bool = false, metrics: MetricsRecorder? = nil) {
        let time = SystemTimeSource()
        let configuration = context.configuration
        let format: Monitoring.LogFormat = configuration.logFormat == .json ? .json : .text(colour: false)
        let sink = LogSink(descriptor: context.output.log, format: format, time: time)
        let level = configuration.logLevel
        let logger = Logger(label: "aspired") { _ in LineLogHandler(sink: sink, level: level) }
        let isTerminal = context.inputs.isErrorTerminal && configuration.logFormat == .text
        let progress =
            showsProgress && isTerminal
            ? ProgressReporter(sink: sink, time: time, width: { CommandLineInputs.errorTerminalWidth() - 1 }) : nil
        let receivers: [(any Telemetry)?] = [EventLogger(logger: logger, time: time), progress, metrics]
        telemetry = TelemetryFanout(receivers.compactMap { $0 })
        self.sink = sink
        self.logger = logger
        self.progress = progress
        self.metrics = metrics
    }
}

public import Logging

/// swift-log's back end: every entry becomes one line of a `LogSink`.
public struct LineLogHandler: LogHandler {
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?

    private let sink: LogSink

    public init(sink: LogSink, level: Logger.Level) {
        self.sink = sink
        self.logLevel = level
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var fields = metadataProvider?.get() ?? [:]
        fields.merge(metadata) { _, own in own }
        fields.merge(event.metadata ?? [:]) { _, own in own }
        if let error = event.error { fields["error"] = .string("\(error)") }
        sink.write(
            LogRecord(
                time: sink.now(), level: event.level, message: event.message.description, fields: LogField.ordered(fields)))
    }
}

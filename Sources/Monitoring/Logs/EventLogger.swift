import FileIO
public import Logging
import PlainJSON
public import Servables

/// Makes a log line of every event.
///
/// Bytes fetched are `trace` and requests to S3 `debug`, whatever their outcome: what matters of a failed one comes again
/// as a retry or a failure. Failures, retries, holds and warnings that repeat themselves word for word are said again
/// every five minutes only, with the number of `repeated` ones (`RepeatLimiter`); those in between are `debug`. The first
/// success after a failure is said, too.
public final class EventLogger: Telemetry {
    private let logger: Logger
    private let time: any TimeSource
    private let repeats = Lock(RepeatLimiter())

    public init(logger: Logger, time: any TimeSource) {
        self.logger = logger
        self.time = time
    }

    public func record(_ event: TelemetryEvent) {
        // These two come by the thousand: not even the text is made when nobody reads it.
        switch event {
        case .fetched where logger.logLevel > .trace: return
        case .s3Request where logger.logLevel > .debug: return
        default: break
        }
        var entry = LogEntry(event)
        if let (subject, text) = entry.repeatable {
            let uptime = time.uptime()
            switch repeats.withLock({ $0.admit(subject: subject, text: text, at: uptime) }) {
            case nil: entry.level = min(entry.level, .debug)
            case 0?: break
            case let count?: entry.fields.append(JSON.Member("repeated", .integer(Int64(count))))
            }
        }
        switch event {
        case .published(let model, let version, _, _, _, _, _, _), .adopted(let model, let version, _, _),
            .pruned(let model, let version):
            repeats.withLock { repeats in
                repeats.forget(subject: "version \(model) \(version)")
                repeats.forget(subject: "held \(model) \(version)")
            }
        case .syncSucceeded(let model, _):
            if repeats.withLock({ $0.forget(subject: "sync \(model)") }) {
                entry.level = .info
                entry.message = "\(model) is in order again: its source answers"
            }
        case .tookOver: repeats.withLock { _ = $0.forget(subject: "standby") }
        default: break
        }
        logger.log(level: entry.level, "\(entry.message)", metadata: LogField.metadata(entry.fields))
    }
}

import Logging
import PlainJSON
import Servables

/// What the log says of an event.
struct LogEntry {
    var level: Logger.Level
    /// One sentence for a person. Where there is a reason, it ends with it.
    var message: String
    var fields: [JSON.Member]
    /// Set where the same may come again and again: what it is about, and what it says of it.
    var repeatable: (subject: String, text: String)?

    init(_ level: Logger.Level, _ message: String, _ fields: [JSON.Member] = [], repeatable: (String, String)? = nil) {
        self.level = level
        self.message = message
        self.fields = fields
        self.repeatable = repeatable
    }
}

extension LogEntry {
    init(_ event: TelemetryEvent) {
        switch event {
        case .fetchStarted, .fetched, .reused, .published, .adopted, .pruned, .confirmed, .refused, .held, .changed, .foreign,
            .versionFailed,
            .checksumMismatch:
            self = Self.ofVersion(event)
        case .syncSucceeded(let model, _):
            self.init(.debug, "looked at the source of \(model)", [.model(model)])
        case .syncFailed(let model, let failure, let retryIn):
            self = Self.failed("\(model)", failure, retryIn, [.model(model)], subject: "sync \(model)")
        case .s3Request(let operation, let status, let took):
            self.init(
                .debug, "\(operation): \(status == 0 ? "no answer" : String(status)) after \(took.text)",
                [.init("operation", .string(operation)), .init("status", .integer(Int64(status))), .seconds(took)])
        case .s3Retry(let reason, let message):
            // The messages name objects and requests, so that no two are alike: the kind decides.
            self.init(
                .warning, "a request to S3 is tried again: \(message)",
                [.init("kind", .string(reason)), .init(LogField.reason, .string(message))], repeatable: ("s3Retry \(reason)", ""))
        default:
            self = Self.ofAgent(event)
        }
    }

    private static func ofVersion(_ event: TelemetryEvent) -> LogEntry {
        switch event {
        case .fetchStarted(let model, let version, let files, let bytes, let missing):
            let rest = missing == bytes ? "" : ", \(ByteCount(missing)) of it not here yet"
            return LogEntry(
                .info, "fetching \(model) version \(version): \(PlainText.counted(files, "file")), \(ByteCount(bytes))\(rest)",
                [.model(model), .version(version), .files(files), .bytes(bytes), .init("missing", .integer(missing))])
        case .fetched(let model, let bytes):
            return LogEntry(.trace, "fetched \(ByteCount(bytes)) of \(model)", [.model(model), .bytes(bytes)])
        case .reused(let model, let version, let files, let bytes):
            return LogEntry(
                .info,
                "reused \(PlainText.counted(files, "file")) of published versions, \(ByteCount(bytes)), for \(model) version \(version)",
                [.model(model), .version(version), .files(files), .bytes(bytes)])
        case .published(let model, let version, let files, let bytes, let fetched, let took, let lag, let verified):
            return published(model, version, files, bytes, fetched, took, lag, verified)
        case .adopted(let model, let version, let files, let bytes):
            return LogEntry(
                .info,
                "adopted \(model) version \(version), which was in place and equals its source: "
                    + "\(PlainText.counted(files, "file")), \(ByteCount(bytes))",
                [.model(model), .version(version), .files(files), .bytes(bytes)])
        case .pruned(let model, let version):
            return LogEntry(.info, "pruned \(model) version \(version)", [.model(model), .version(version)])
        case .confirmed(let model, let version, let took):
            return LogEntry(
                .info, "the server has loaded \(model) version \(version), after \(took.text)",
                [.model(model), .version(version), .seconds(took)])
        case .refused(let model, let version, let reason):
            return LogEntry(
                .error,
                "the server could not load \(model) version \(version), which is taken out; what was served before stays; "
                    + "upload it anew, or publish another version: \(reason)",
                [.model(model), .version(version), .init(LogField.reason, .string(reason))])
        case .held(let model, let version, let reason):
            return LogEntry(
                .info, "\(model) version \(version) is not complete in its source: \(reason)",
                [.model(model), .version(version), .init(LogField.reason, .string(reason))],
                repeatable: ("held \(model) \(version)", reason))
        case .changed(let model, let version, let reason, let action):
            return changed(model, version, reason, action)
        case .foreign(let model, let name, let reason):
            return LogEntry(
                .warning, "left \(name) of \(model) alone: \(reason)",
                [.model(model), .init("name", .string(name)), .init(LogField.reason, .string(reason))],
                repeatable: ("foreign \(model) \(name)", reason))
        case .versionFailed(let model, let version, let failure, let retryIn):
            return failed(
                "\(model) version \(version)", failure, retryIn, [.model(model), .version(version)],
                subject: "version \(model) \(version)")
        case .checksumMismatch(let model):
            return LogEntry(
                .warning, "bytes of \(model) came that do not match the checksum of their object", [.model(model)],
                repeatable: ("checksum \(model)", ""))
        default:
            preconditionFailure("not an event of a version")
        }
    }

    private static func ofAgent(_ event: TelemetryEvent) -> LogEntry {
        switch event {
        case .started(let program, let root, let models):
            LogEntry(
                .info, "started with \(PlainText.counted(models, "model")) on \(root)",
                [.init("models", .integer(Int64(models))), .init("root", .string(root)), .init("program", .string(program))])
        case .standby(let holder):
            LogEntry(
                .notice, "standing by: the volume is held by \(holder)", [.init("holder", .string(holder))],
                repeatable: ("standby", holder))
        case .tookOver: LogEntry(.notice, "took over the volume")
        case .stopping(let reason): LogEntry(.info, "stopping: \(reason)", [.init(LogField.reason, .string(reason))])
        case .reloaded(let models):
            LogEntry(
                .info, "read the configuration again: \(PlainText.counted(models, "model"))",
                [.init("models", .integer(Int64(models)))])
        case .swept(let entries):
            LogEntry(
                entries == 0 ? .debug : .info, "removed \(PlainText.counted(entries, "leftover")) of an earlier run",
                [.init("entries", .integer(Int64(entries)))])
        case .listening(let address): LogEntry(.info, "listening on \(address)", [.init("address", .string(address))])
        case .warning(let text): LogEntry(.warning, text, repeatable: ("warning \(text)", ""))
        case .notice(let text): LogEntry(.notice, text)
        default: preconditionFailure("not an event of the agent")
        }
    }
}

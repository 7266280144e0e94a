import Logging
import PlainJSON
import Servables

extension LogEntry {
    static func published(
        _ model: String, _ version: Version, _ files: Int, _ bytes: Int64, _ fetched: Int64, _ took: Duration, _ lag: Duration?,
        _ verified: [VerificationMethod: Int]
    ) -> LogEntry {
        var message =
            "published \(model) version \(version): \(PlainText.counted(files, "file")), \(ByteCount(bytes)) in \(took.text)"
        var fields: [JSON.Member] = [
            .model(model), .version(version), .files(files), .bytes(bytes), .init("fetched", .integer(fetched)), .seconds(took),
        ]
        if let rate = rate(fetched, took) {
            message += ", \(ByteCount(rate))/s"
            fields.append(.init("rate", .integer(rate)))
        }
        if let lag {
            message += ", \(lag.text) after its newest object"
            fields.append(.init("lag_seconds", .number(rounded(lag))))
        }
        let methods = VerificationMethod.strongestFirst.compactMap { method in
            verified[method].map { "\(method.rawValue):\($0)" }
        }
        if !methods.isEmpty { fields.append(.init("verified", .string(methods.joined(separator: ",")))) }
        return LogEntry(.info, message, fields)
    }

    static func changed(_ model: String, _ version: Version, _ reason: String, _ action: ChangeAction) -> LogEntry {
        let consequence =
            switch action {
            case .keep: "it stays as it was published (--on-changed keep): give what changed a new number"
            case .republish: "it is fetched anew"
            }
        return LogEntry(
            .warning, "\(model) version \(version) has changed in its source since it was published: \(reason); \(consequence)",
            [
                .model(model), .version(version), .init(LogField.reason, .string(reason)),
                .init("action", .string(action.rawValue)),
            ], repeatable: ("changed \(model) \(version)", reason))
    }

    /// What will be tried again by itself is a warning; what needs somebody is an error.
    static func failed(
        _ what: String, _ failure: Failure, _ retryIn: Duration?, _ subjectFields: [JSON.Member], subject: String
    ) -> LogEntry {
        var fields = subjectFields
        fields.append(.init("kind", .string(failure.kind.rawValue)))
        fields.append(.init(LogField.reason, .string(failure.message)))
        if let retryIn { fields.append(.init("retry_in", .number(rounded(retryIn)))) }
        return LogEntry(
            failure.isTransient ? .warning : .error,
            "\(what) failed\(retryIn.map { ", next try in \($0.text)" } ?? ""): \(failure.message)",
            fields, repeatable: (subject, failure.message))
    }

    /// Bytes a second; `nil` where too little came for a rate to mean anything.
    private static func rate(_ bytes: Int64, _ took: Duration) -> Int64? {
        let seconds = took.inSeconds
        guard bytes > 0, seconds > 0 else { return nil }
        return Int64(exactly: (Double(bytes) / seconds).rounded())
    }
}

/// Seconds to the millisecond: more digits say nothing.
private func rounded(_ duration: Duration) -> Double { (duration.inSeconds * 1000).rounded() / 1000 }

extension JSON.Member {
    static func model(_ name: String) -> Self { Self("model", .string(name)) }
    static func version(_ version: Version) -> Self { Self("version", .integer(version.number)) }
    static func files(_ count: Int) -> Self { Self("files", .integer(Int64(count))) }
    static func bytes(_ count: Int64) -> Self { Self("bytes", .integer(count)) }
    static func seconds(_ duration: Duration) -> Self { Self("seconds", .number(rounded(duration))) }
}

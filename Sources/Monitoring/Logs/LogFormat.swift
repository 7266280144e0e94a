import Logging
import PlainJSON
import Servables

/// How log lines look.
public enum LogFormat: Hashable, Sendable {
    /// For people: time, level, message, then `key=value` pairs.
    case text(colour: Bool)
    /// One JSON object a line: `time` (RFC 3339), `level`, `message`, then the fields.
    case json
}

/// What one log line says.
struct LogRecord {
    var time: Timestamp
    var level: Logger.Level
    var message: String
    /// In the order in which they are written.
    var fields: [JSON.Member]
}

extension LogFormat {
    /// The record as one line of `longest` bytes at most that ends in a line feed; where it would have more, its texts are
    /// shortened.
    func line(_ record: LogRecord, longest: Int) -> [UInt8] {
        // What of a text is longer than a whole line is not even looked at.
        var limit = longest
        while true {
            var shortened = record
            shortened.message = PlainText.shortened(record.message, toBytes: limit)
            shortened.fields = limit < 8 ? [] : record.fields.map { Self.shortened($0, toBytes: limit) }
            let line = render(shortened)
            if line.count <= longest || limit == 0 { return line }
            limit /= 2
        }
    }

    private static func shortened(_ field: JSON.Member, toBytes limit: Int) -> JSON.Member {
        switch field.value {
        case .string(let text): return JSON.Member(field.key, .string(PlainText.shortened(text, toBytes: limit)))
        case .array, .object:
            let text = field.value.description
            return text.utf8.count > limit ? JSON.Member(field.key, .string(PlainText.shortened(text, toBytes: limit))) : field
        default: return field
        }
    }

    private func render(_ record: LogRecord) -> [UInt8] {
        switch self {
        case .text(let colour): Array(Self.text(record, colour: colour).utf8)
        case .json: Self.json(record)
        }
    }

    private static func text(_ record: LogRecord, colour: Bool) -> String {
        var level = record.level.rawValue
        level += String(repeating: " ", count: max(0, widestLevel - level.count))
        var line = "\(record.time) "
        line += colour ? "\u{1B}[\(colourCode(record.level))m\(level)\u{1B}[0m" : level
        line += " " + PlainText.escaped(record.message)
        for field in record.fields {
            let value = field.value.string ?? field.value.description
            // A person has just read it.
            if field.key == LogField.reason, record.message.hasSuffix(value) { continue }
            line += " \(PlainText.quotedIfNeeded(field.key))=\(PlainText.quotedIfNeeded(value))"
        }
        return line + "\n"
    }

    private static func json(_ record: LogRecord) -> [UInt8] {
        var members: [JSON.Member] = [
            .init("time", .string(record.time.description)),
            .init("level", .string(record.level.rawValue)),
            .init("message", .string(record.message)),
        ]
        let taken = Set(members.map(\.key))
        for field in record.fields {
            members.append(taken.contains(field.key) ? .init("fields." + field.key, field.value) : field)
        }
        var line: [UInt8] = []
        JSON.object(members).write(to: &line)
        line.append(UInt8(ascii: "\n"))
        return line
    }

    /// So that messages stand below each other; `critical` is too rare to make room for.
    private static let widestLevel = "warning".count

    /// ANSI's codes (ECMA-48, SGR).
    private static func colourCode(_ level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "2"
        case .info: "32"
        case .notice: "36"
        case .warning: "33"
        case .error, .critical: "1;31"
        }
    }
}

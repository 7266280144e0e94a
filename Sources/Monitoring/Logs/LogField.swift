import Logging
import PlainJSON

/// The names of the fields of log lines.
enum LogField {
    static let reason = "reason"

    /// What is known comes first and in this order, anything else behind it by name: a dictionary has no order.
    static let order = [
        "model", "version", "name", "models", "files", "bytes", "missing", "fetched", "seconds", "rate", "lag_seconds",
        "verified", "operation", "status", "kind", reason, "retry_in", "repeated", "holder", "root", "address", "program",
        "entries",
    ]

    private static let rank = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0) })

    /// The fields of swift-log's metadata, in their order.
    static func ordered(_ metadata: Logger.Metadata) -> [JSON.Member] {
        metadata.sorted { left, right in
            let ranks = (rank[left.key] ?? order.count, rank[right.key] ?? order.count)
            return ranks.0 == ranks.1 ? left.key < right.key : ranks.0 < ranks.1
        }
        .map { JSON.Member($0.key, json($0.value)) }
    }

    /// Numbers stay numbers.
    private static func json(_ value: Logger.Metadata.Value) -> JSON {
        switch value {
        case .string(let text): .string(text)
        case .array(let values): .array(values.map(json))
        case .dictionary(let members): .object(ordered(members))
        case .stringConvertible(let value):
            switch value {
            case let value as JSON: value
            case let value as Int: .integer(Int64(value))
            case let value as Int64: .integer(value)
            case let value as Double: .number(value)
            case let value as Bool: .bool(value)
            default: .string(value.description)
            }
        }
    }

    /// Fields as swift-log takes them.
    static func metadata(_ fields: [JSON.Member]) -> Logger.Metadata {
        Logger.Metadata(
            fields.map { field in
                (field.key, field.value.string.map(Logger.MetadataValue.string) ?? .stringConvertible(field.value))
            },
            uniquingKeysWith: { _, last in last })
    }
}

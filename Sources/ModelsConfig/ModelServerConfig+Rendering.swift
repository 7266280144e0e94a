public import Servables

/// How a model stands in the list that the server reads.
public struct ServedEntry: Hashable, Sendable {
    /// What its base_path is there; `nil` leaves it as it is.
    public var basePath: String?
    /// What its policy is there; `nil` where it has none, which the server takes for the highest version.
    public var policy: VersionPolicy?
    /// Its labels there, by name.
    public var labels: [String: Int64]

    public init(basePath: String?, policy: VersionPolicy?, labels: [String: Int64] = [:]) {
        self.basePath = basePath
        self.policy = policy
        self.labels = labels
    }
}

extension ModelServerConfig {
    /// A list without models.
    public static let empty = ModelServerConfig(
        text: Array("model_config_list {\n}\n".utf8), models: [], inner: 19..<20)

    /// The text with other entries; a model that gets another base path says that it is TensorFlow's, if it says nothing; whatever is not named here, comments and unknown fields included, stays byte for byte.
    /// - Parameters:
    ///   - added: models that the text does not have and that stand at its end, each with a base path.
    ///   - entry: how a model of the text stands in it; `nil` takes it out.
    /// - Returns: a text that reads as just that.
    public func rendered(
        adding added: [(name: String, entry: ServedEntry)] = [], _ entry: (ServedModel) -> ServedEntry?
    ) -> [UInt8] {
        var edits = TextEdits()
        var kept: [TextPlace] = []
        var gone: [TextPlace] = []
        for model in models {
            guard let entry = entry(model) else {
                gone.append(model.parts.place)
                continue
            }
            kept.append(model.parts.place)
            edit(model, entry, &edits)
        }
        edits.remove(gone, keeping: kept)
        if let inner {
            for (name, entry) in added {
                let fields =
                    [
                        "name: \(TextEdits.quoted(name))", "base_path: \(TextEdits.quoted(entry.basePath ?? ""))",
                        TextEdits.platform,
                    ] + TextEdits.fields(entry.policy) + TextEdits.fields(entry.labels)
                edits.insert("  config { \(fields.joined(separator: " ")) }\n", at: inner.upperBound)
            }
        }
        return edits.applied(to: text)
    }

    private func edit(_ model: ServedModel, _ entry: ServedEntry, _ edits: inout TextEdits) {
        var added: [String] = []
        if let path = entry.basePath {
            edits.replace(model.basePathSpan, with: Array(TextEdits.quoted(path).utf8))
            if !model.parts.hasPlatform { added.append(TextEdits.platform) }
        }
        if entry.policy != model.policy {
            if let field = model.parts.policy { edits.remove(field.extent) }
            added += TextEdits.fields(entry.policy)
        }
        if entry.labels != model.labels {
            edits.remove(model.parts.labels, keeping: [])
            added += TextEdits.fields(entry.labels)
        }
        if !added.isEmpty { edits.insert(" \(added.joined(separator: " "))\n", at: model.parts.inner.upperBound) }
    }
}

/// Replacements of parts of a text, which do not overlap.
struct TextEdits {
    private var edits: [(range: Range<Int>, bytes: [UInt8])] = []

    mutating func replace(_ range: Range<Int>, with bytes: [UInt8]) { edits.append((range, bytes)) }

    mutating func insert(_ text: String, at offset: Int) { replace(offset..<offset, with: Array(text.utf8)) }

    mutating func remove(_ range: Range<Int>) { replace(range, with: []) }

    /// Takes messages out, with what would be left of the list that they stand in.
    mutating func remove(_ places: [TextPlace], keeping others: [TextPlace]) {
        var lists: [[Range<Int>]: Set<Int>] = [:]
        for place in places {
            switch place {
            case .field(let field): remove(field.extent)
            case .item(let index, let items): lists[items, default: []].insert(index)
            }
        }
        for (items, gone) in lists {
            // From the first of those at the end on, the separator before them goes; of the others the one behind.
            let last = items.indices.last { !gone.contains($0) } ?? -1
            for index in gone where index < last { remove(items[index].lowerBound..<items[index + 1].lowerBound) }
            let tail = items[items.count - 1].upperBound
            if last < items.count - 1 { remove((last < 0 ? items[0].lowerBound : items[last].upperBound)..<tail) }
        }
    }

    func applied(to text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var position = 0
        for edit in edits.sorted(by: { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) })
        {
            result += text[position..<edit.range.lowerBound]
            result += edit.bytes
            position = edit.range.upperBound
        }
        return result + text[position...]
    }

    /// What the server takes for a SavedModel.
    static let platform = "model_platform: \"tensorflow\""

    /// A policy as the text format has it: a field, or none.
    static func fields(_ policy: VersionPolicy?) -> [String] {
        let choice: String
        switch policy {
        case nil: return []
        case .latest(let count): choice = "latest { num_versions: \(count) }"
        case .all: choice = "all { }"
        case .specific(let numbers): choice = "specific { \(numbers.map { "versions: \($0)" }.joined(separator: " ")) }"
        }
        return ["model_version_policy { \(choice) }"]
    }

    /// Labels as the text format has them, a field each, in the order of their names.
    static func fields(_ labels: [String: Int64]) -> [String] {
        labels.sorted { $0.key < $1.key }.map { label, version in
            "version_labels { key: \(quoted(label)) value: \(version) }"
        }
    }

    /// A string as the text format has it: printable ASCII as it is, all else as an octal escape.
    static func quoted(_ value: String) -> String {
        let bytes = value.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): "\\\(Character(Unicode.Scalar(byte)))"
            case 0x20...0x7E: "\(Character(Unicode.Scalar(byte)))"
            default: "\\\(byte >> 6)\(byte >> 3 & 7)\(byte & 7)"
            }
        }
        return "\"\(bytes.joined())\""
    }
}

public import Servables

/// TensorFlow Serving's `ModelServerConfig`, as `--model_config_file` has it: the list of its models, beside the text that it was read
/// from.
public struct ModelServerConfig: Hashable, Sendable {
    /// As it was read; spans are offsets into it.
    public let text: [UInt8]
    /// In the order of the text.
    public let models: [ServedModel]
    /// Between the brackets of its list; `nil` where it has none.
    let inner: Range<Int>?

    /// Reads the text as TensorFlow Serving does (protobuf's text format), but that fields it does not know are left alone: the server may be
    /// newer than we are.
    /// - Throws: the first thing that the server would not take.
    public init(parsing text: [UInt8]) throws(ConfigFault) {
        self.text = text
        do throws(TextFault) {
            let config = try TextParser.parse(text)
            models = try ModelServerConfig.models(of: config)
            inner = try config.message("model_config_list")?.span
        } catch {
            throw ConfigFault(error, in: text)
        }
    }

    init(text: [UInt8], models: [ServedModel], inner: Range<Int>?) {
        self.text = text
        self.models = models
        self.inner = inner
    }

    /// What is wrong with a part of the text, beyond what its grammar says.
    public func fault(at span: Range<Int>, _ reason: String) -> ConfigFault {
        ConfigFault(TextFault(span.lowerBound, reason), in: text)
    }

    private static func models(of config: TextMessage) throws(TextFault) -> [ServedModel] {
        let list = try config.message("model_config_list")
        if let custom = config.fields("custom_model_config").first {
            throw TextFault(
                custom.span.lowerBound,
                list == nil
                    ? "custom_model_config is for servers of one's own: TensorFlow Serving ends with it; give a model_config_list"
                    : "model_config_list and custom_model_config exclude each other")
        }
        var models: [ServedModel] = []
        var names: Set<String> = []
        for (message, place) in try list?.messages("config") ?? [] {
            let model = try ServedModel(message, place)
            guard names.insert(model.name).inserted else {
                throw TextFault(place.span.lowerBound, "there are two models of the name \(model.name)")
            }
            models.append(model)
        }
        return models
    }
}

/// One model of the list.
public struct ServedModel: Hashable, Sendable {
    public let name: String
    /// As it is given: an absolute path or a URI, without the version's directory.
    public let basePath: String
    /// What stands for it in the text, quotes included.
    public let basePathSpan: Range<Int>
    /// `tensorflow`, if it is given.
    public let platform: String?
    /// `nil` where the text has none: the server takes the highest version then.
    public let policy: VersionPolicy?
    /// By label; the last where one is given twice.
    public let labels: [String: Int64]
    /// Where its parts stand.
    let parts: Parts

    struct Parts: Hashable, Sendable {
        let place: TextPlace
        /// Between its brackets.
        let inner: Range<Int>
        let policy: TextField?
        let labels: [TextPlace]
        /// Whether it says what kind of model it is, without which the server takes no list.
        let hasPlatform: Bool
    }

    /// Its whole entry in the text.
    public var span: Range<Int> { parts.place.span }

    init(_ message: TextMessage, _ place: TextPlace) throws(TextFault) {
        let span = place.span
        guard let name = try message.string("name"), !name.value.isEmpty else {
            throw TextFault(span.lowerBound, "a model has no name")
        }
        self.name = name.value
        guard let path = try message.string("base_path"), !path.value.isEmpty else {
            throw TextFault(span.lowerBound, "the model \(name.value) has no base_path")
        }
        guard path.value.hasPrefix("/") || path.value.contains("://") else {
            throw TextFault(path.span.lowerBound, "the base_path of \(name.value) is neither an absolute path nor a URI")
        }
        basePath = path.value
        basePathSpan = path.span
        platform = try message.string("model_platform")?.value
        policy = try message.message("model_version_policy").map(VersionPolicy.init(_:))
        var labels: [String: Int64] = [:]
        let entries = try message.messages("version_labels")
        for (entry, _) in entries {
            labels[try entry.string("key")?.value ?? ""] = try entry.integer("value", in: Int64.min...Int64.max)?.value ?? 0
        }
        self.labels = labels
        parts = Parts(
            place: place, inner: message.span, policy: message.fields("model_version_policy").first,
            labels: entries.map(\.place),
            hasPlatform: message.fields.contains { $0.name == "model_platform" || $0.name == "model_type" })
    }
}

extension VersionPolicy {
    /// `ServableVersionPolicy`: the highest version where nothing is chosen.
    init(_ message: TextMessage) throws(TextFault) {
        let chosen = message.fields.filter { ["latest", "all", "specific"].contains($0.name) }
        if chosen.count > 1 {
            throw TextFault(chosen[1].span.lowerBound, "\(chosen[0].name) and \(chosen[1].name) exclude each other")
        }
        if let latest = try message.message("latest") {
            // What the server makes of 0.
            self = .latest(Int(max(1, try latest.integer("num_versions", in: 0...Int64(UInt32.max))?.value ?? 1)))
        } else if try message.message("all") != nil {
            self = .all
        } else if let specific = try message.message("specific") {
            let numbers = try specific.integers("versions", in: Int64.min...Int64.max)
            guard !numbers.isEmpty else {
                throw TextFault(
                    specific.span.lowerBound,
                    "specific names no version, and nothing would be served: name one, or take the model out")
            }
            self = .specific(numbers.reduce(into: []) { if !$0.contains($1) { $0.append($1) } })
        } else {
            self = .latest(1)
        }
    }
}

/// Why a text is no list of models, and where.
public struct ConfigFault: Error, Hashable, CustomStringConvertible {
    /// From 1.
    public let line: Int
    /// From 1, in characters of Unicode.
    public let column: Int
    /// One clause.
    public let reason: String

    init(_ fault: TextFault, in text: [UInt8]) {
        let before = text[..<min(fault.offset, text.count)]
        let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        line = 1 + before.count { $0 == UInt8(ascii: "\n") }
        // Every byte that continues no character begins one.
        column = 1 + before[start...].count { $0 & 0xC0 != 0x80 }
        reason = fault.reason
    }

    public var description: String { "line \(line), column \(column): \(reason)" }
}

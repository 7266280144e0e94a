import Servables

/// What stands behind the `?` of a model's URI, each value percent-decoded.
struct ModelQuery: Hashable, Sendable {
    enum Key: String, CaseIterable {
        case versions
        case ready
        case endpoint
        case region
        case required
        case serverName = "server-name"
    }

    private(set) var policy: VersionPolicy?
    private(set) var ready: ReadinessRule?
    private(set) var endpoint: String?
    private(set) var region: String?
    private(set) var isRequired = true
    /// What the server calls the model.
    private(set) var serverName: String?

    /// A URI without a query.
    init() {}

    /// Reads `KEY=VALUE&…`.
    /// - Parameters:
    ///   - text: what stands behind the `?`.
    ///   - problems: gets one clause for each thing that is wrong; a value is never part of it, since what was taken for a key of
    ///     ours may be somebody's secret.
    init(parsing text: Substring, problems: inout [String]) {
        var seen: Set<Key> = []
        for item in text.split(separator: "&", omittingEmptySubsequences: false) {
            let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let keyText = String(pair.first ?? "")
            guard let key = Key(rawValue: keyText) else {
                let nearest = NearestName.nearest(to: keyText, of: Key.allCases.map(\.rawValue)) ?? ""
                problems.append("unknown ?\(Redaction.printable(keyText))=; the nearest known one is ?\(nearest)=")
                continue
            }
            guard pair.count == 2, !pair[1].isEmpty else {
                problems.append("?\(key.rawValue)= has no value")
                continue
            }
            if !seen.insert(key).inserted { problems.append("?\(key.rawValue)= is given twice") }
            guard let value = ModelArgument.decoded(pair[1], &problems) else { continue }
            do throws(ParseFault) { try set(key, to: value) } catch { problems.append("?\(key.rawValue)=: \(error.reason)") }
        }
    }

    private mutating func set(_ key: Key, to value: String) throws(ParseFault) {
        switch key {
        case .versions: policy = try VersionPolicy(parsing: value)
        case .ready: ready = try SettingValue.readiness(value)
        case .endpoint: endpoint = try SettingValue.endpoint(value)
        case .region: region = try SettingValue.region(value)
        case .required: isRequired = try SettingValue.bool(value)
        case .serverName: serverName = value
        }
    }
}

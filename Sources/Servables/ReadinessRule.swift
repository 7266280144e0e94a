/// When a version in the source counts as complete (CONTRACT section 5).
public enum ReadinessRule: Hashable, Sendable, CustomStringConvertible {
    case auto
    case manifest
    /// `<version>/NAME` exists; the marker itself is not published.
    case marker(String)
    /// The newest object is at least `--settle` old.
    case settled
    case none

    /// Parses `auto`, `manifest`, `marker:NAME`, `settled`, `none`.
    public init(parsing text: String) throws(ParseFault) {
        switch text {
        case "auto": self = .auto
        case "manifest": self = .manifest
        case "settled": self = .settled
        case "none": self = .none
        default:
            guard text.hasPrefix("marker:"), text.count > "marker:".count else {
                throw ParseFault("expected auto, manifest, marker:NAME, settled or none")
            }
            self = .marker(String(text.dropFirst("marker:".count)))
        }
    }

    public var description: String {
        switch self {
        case .auto: "auto"
        case .manifest: "manifest"
        case .marker(let name): "marker:\(name)"
        case .settled: "settled"
        case .none: "none"
        }
    }
}

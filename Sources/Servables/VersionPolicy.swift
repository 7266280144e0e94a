/// Which of a model's versions are aspired: TensorFlow Serving's `ServableVersionPolicy`.
public enum VersionPolicy: Hashable, Sendable {
    /// The highest `count` by number; `count` is at least 1.
    case latest(Int)
    /// Every version.
    case all
    /// These numbers and no others; never empty.
    case specific([Int64])

    /// Parses `latest`, `latest:N`, `all`, or a list of numbers such as `3,7`.
    /// - Throws: what is wrong with the text, as one clause without the text itself.
    public init(parsing text: String) throws(ParseFault) {
        switch text {
        case "latest": self = .latest(1)
        case "all": self = .all
        default:
            if text.hasPrefix("latest:") {
                guard let count = Int(text.dropFirst("latest:".count)), count >= 1 else {
                    throw ParseFault("the number after latest: must be 1 or more")
                }
                self = .latest(count)
                return
            }
            var numbers: [Int64] = []
            for part in text.split(separator: ",", omittingEmptySubsequences: false) {
                guard let version = Version(part) else {
                    throw ParseFault("expected latest, latest:N, all, or numbers separated by commas")
                }
                if !numbers.contains(version.number) { numbers.append(version.number) }
            }
            self = .specific(numbers)
        }
    }

    /// The versions that this policy takes out of `candidates`, highest first.
    public func choose(from candidates: some Collection<Version>) -> [Version] {
        let descending = candidates.sorted(by: >)
        switch self {
        case .latest(let count): return Array(descending.prefix(count))
        case .all: return descending
        case .specific(let numbers): return descending.filter { numbers.contains($0.number) }
        }
    }
}

extension VersionPolicy: CustomStringConvertible {
    public var description: String {
        switch self {
        case .latest(1): "latest"
        case .latest(let count): "latest:\(count)"
        case .all: "all"
        case .specific(let numbers): numbers.map(String.init).joined(separator: ",")
        }
    }
}

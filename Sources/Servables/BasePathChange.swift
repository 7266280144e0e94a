/// A version that came into a base path, or left it.
public struct BasePathChange: Hashable, Sendable {
    public enum Action: String, Hashable, Sendable {
        case publish
        case prune
    }

    public let action: Action
    public let model: String
    public let version: Version
    /// Its absolute path: where it is, or was.
    public let directory: String

    public init(_ action: Action, model: String, version: Version, directory: String) {
        self.action = action
        self.model = model
        self.version = version
        self.directory = directory
    }
}

extension BasePathChange: CustomStringConvertible {
    /// `publish of mnist 8`
    public var description: String { "\(action.rawValue) of \(model) \(version)" }
}

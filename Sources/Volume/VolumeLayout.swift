public import Servables
public import SystemPackage

/// Where everything lies (CONTRACT section 4).
public struct VolumeLayout: Hashable, Sendable {
    public let root: FilePath
    public let state: FilePath

    /// - Parameters:
    ///   - root: absolute; `--root`.
    ///   - state: absolute; `--state-dir`.
    public init(root: FilePath, state: FilePath) {
        self.root = root
        self.state = state
    }

    public var holder: FilePath { state.appending("holder") }
    var staging: FilePath { state.appending("staging") }
    var trash: FilePath { state.appending("trash") }
    var manifests: FilePath { state.appending("manifests") }
    var repairs: FilePath { state.appending("repair") }
    func repairs(_ model: String) -> FilePath { repairs.appending(model) }
    /// The last good list of models.
    var list: FilePath { state.appending("models.config") }

    /// A model's base path: what the server polls.
    public func base(_ model: String) -> FilePath { root.appending(model) }
    public func version(_ model: String, _ version: Version) -> FilePath { base(model).appending(version.name) }

    func staging(_ model: String) -> FilePath { staging.appending(model) }
    func staging(_ model: String, _ version: Version) -> FilePath { staging(model).appending(version.name) }

    /// Beside each other in the place of a staged version: what becomes the version's directory, the record of how far it is, and,
    /// for an instant, a base path that comes back with it.
    static let tree = "tree"
    static let progress = "progress"
    static let wholeBase = "base"

    /// What lies aside is named as in the base path, but for a refused version whose files were given up, and for a base path that
    /// comes back with its version, for an instant.
    func aside(_ aside: Aside) -> FilePath { state.appending(aside.rawValue) }
    func aside(_ aside: Aside, _ model: String) -> FilePath { self.aside(aside).appending(model) }
    func aside(_ aside: Aside, _ model: String, _ version: Version, _ form: Aside.Form = .whole) -> FilePath {
        self.aside(aside, model).appending(version.name + form.suffix)
    }

    func manifests(_ model: String) -> FilePath { manifests.appending(model) }
    func manifest(_ model: String, _ version: Version) -> FilePath {
        manifests(model).appending("\(version.name)\(VolumeLayout.manifestSuffix)")
    }
    static let manifestSuffix = ".json"
}

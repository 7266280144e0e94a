/// The source that looks at base paths again and again, and knows nothing of what it saw before.
enum PollingSource {
    /// Looks at all models.
    /// - Returns: what is wanted of each, in the order of their names.
    /// - Throws: the first model's error, in the order of the list. It takes the place of every model's answer.
    static func poll(_ models: [EmulatedModel]) throws(ServingStatus) -> [AspiredVersions] {
        var found: [AspiredVersions] = []
        for model in models { found.append(AspiredVersions(model: model.name, versions: try versions(of: model))) }
        return found.sorted { $0.model.utf8.lexicographicallyPrecedes($1.model.utf8) }
    }

    /// Looks at one model's base path.
    static func versions(of model: EmulatedModel) throws(ServingStatus) -> [ServableVersion] {
        do throws(ServingStatus) {
            try Folder.requireExists(model.basePath)
        } catch {
            throw ServingStatus(
                .invalidArgument,
                "Could not find base path \(model.basePath) for servable \(model.name) with error \(error)")
        }
        if case .specific(let wanted) = model.policy, let versions = namedExactly(wanted, in: model) { return versions }

        let children = try Folder.children(of: model.basePath)
        let numbered = children.compactMap { child in
            VersionNumber.parse(child).map {
                ServableVersion(version: $0, path: Folder.join(model.basePath, child))
            }
        }
        // Of several names for one number the last in lexical order wins.
        let byNumber = Dictionary(numbered.map { ($0.version, $0) }) { $1 }.values.sorted { $0.version < $1.version }
        switch model.policy {
        case .latest(let count): return Array(byNumber.suffix(max(count, 1)).reversed())
        // Not by number, and with duplicates: the manager refuses the later ones.
        case .all: return numbered
        case .specific(let wanted): return byNumber.filter { wanted.contains($0.version) }
        }
    }

    /// The shorter way: when everything wanted is there by its plain name, the folder isn't read.
    private static func namedExactly(_ wanted: [Int64], in model: EmulatedModel) -> [ServableVersion]? {
        let versions = wanted.map { ServableVersion(version: $0, path: Folder.join(model.basePath, String($0))) }
        return versions.allSatisfy { Folder.exists($0.path) } ? versions : nil
    }
}

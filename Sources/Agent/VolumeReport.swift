import FileIO
public import Servables
import SystemPackage
public import Volume

extension VersionStatus {
    /// What an inventory tells of each version, highest first.
    static func all(of inventory: Inventory) -> [VersionStatus] {
        var statuses = inventory.entries.map { entry in
            switch entry.kind {
            case .published(let summary): VersionStatus(published: summary, entry.version)
            case .unknownDirectory:
                VersionStatus(version: entry.version, state: .foreign, reason: "a directory without a manifest of ours")
            case .obstacle(let what): VersionStatus(version: entry.version, state: .foreign, reason: what)
            }
        }
        statuses += aside(of: inventory)
        for version in inventory.staged where !statuses.contains(where: { $0.version == version }) {
            statuses.append(VersionStatus(version: version, state: .fetching, reason: "partly fetched, kept for the next start"))
        }
        return statuses.sorted { $0.version > $1.version }
    }
}

/// What a volume holds, from the volume alone: works with no agent running, and writes nothing.
public enum VolumeReport {
    /// Reads the volume. Blocks.
    public static func read(_ volume: Volume, program: String) throws(VolumeError) -> AgentStatus {
        var models: [ModelStatus] = []
        for name in try volume.modelNames() {
            var versions = VersionStatus.all(of: try volume.inventory(name))
            for index in versions.indices where versions[index].state == .fetching {
                versions[index].stagedBytes = try volume.stagedBytes(name, versions[index].version)
            }
            models.append(ModelStatus(name: name, versions: versions))
        }
        return AgentStatus(
            program: program, root: volume.layout.root.string, role: .observer, holder: try volume.activeHolder(),
            freeBytes: try volume.space().available, models: models)
    }
}

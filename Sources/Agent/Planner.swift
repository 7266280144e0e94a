import FileIO
public import ModelSources
public import Servables
public import Volume

/// What `once` would do for one model (CONTRACT section 2).
public struct PlannedModel: Sendable {
    public let model: DesiredModel
    public let plan: ModelPlan
    /// Files and bytes of the versions that would be fetched, and how many of the bytes are staged already.
    public let fetches: [Version: FetchSize]
    /// Published versions by what their manifests say.
    public let published: [Version: ManifestSummary]
    /// Why nothing, or not all, can be said.
    public let failure: Failure?

    public struct FetchSize: Hashable, Sendable {
        public let files: Int
        public let bytes: Int64
        /// Of these, what published versions have already.
        public var reusedFiles = 0
        public var reusedBytes: Int64 = 0

        /// What is left to be fetched.
        public var missingFiles: Int { files - reusedFiles }
        public var missingBytes: Int64 { bytes - reusedBytes }
    }
}

/// Computes the plans without changing anything, neither on the volume nor at the source; needs no lock.
public struct Planner: Sendable {
    private let volume: Volume
    private let workers: AgentWorkers
    private let settings: AgentSettings
    private let time: any TimeSource

    public init(volume: Volume, workers: AgentWorkers, settings: AgentSettings, time: any TimeSource) {
        self.volume = volume
        self.workers = workers
        self.settings = settings
        self.time = time
    }

    public func plan(_ model: DesiredModel, source: any ModelSource) async -> PlannedModel {
        var available = Availability()
        var tables: [Version: PlannedModel.FetchSize] = [:]
        var inventory = Inventory(hasBasePath: false, entries: [], staged: [])
        var plan = ModelPlan()
        var failure: Failure?
        do throws(Failure) {
            inventory = try await look(at: model.name)
            available.listed = try await list(source)
            plan = compute(model, available, inventory)
            // As `once`, which lists again before it prunes.
            if !plan.missingOnce.isEmpty || !plan.prune.isEmpty {
                available.listedBefore = available.listed
                available.listed = try await list(source)
                plan = compute(model, available, inventory)
            }
            while !plan.ask.isEmpty {
                for version in plan.ask {
                    switch try await contents(version, source) {
                    case .ready(let table):
                        available.readiness[version] = .ready
                        let reusable = try await reusable(model.name, table, source)
                        tables[version] = .init(
                            files: table.count, bytes: table.totalSize, reusedFiles: reusable.files, reusedBytes: reusable.bytes)
                    case .held(let reason, _): available.readiness[version] = .held(reason)
                    }
                }
                plan = compute(model, available, inventory)
            }
            // Once what it fetches is in place, `once` prunes what that replaces.
            let settled = compute(
                model, available,
                inventory.publishing(plan.examine + plan.fetch, unparking: plan.unpark, sizes: tables, at: time.now()))
            plan.prune = settled.prune
            plan.keep = settled.keep
        } catch {
            failure = error
        }
        let published = Dictionary(
            uniqueKeysWithValues: (inventory.entries + inventory.parked).compactMap { entry in
                entry.manifest.map { (entry.version, $0) }
            })
        return PlannedModel(model: model, plan: plan, fetches: tables, published: published, failure: failure)
    }

    private func compute(_ model: DesiredModel, _ available: Availability, _ inventory: Inventory) -> ModelPlan {
        Servables.plan(policy: model.policy, available: available, inventory: inventory, rules: settings.rules, now: time.now())
    }

    private func look(at model: String) async throws(Failure) -> Inventory {
        do throws(VolumeError) {
            return try await workers.inventory.run { [volume] () throws(VolumeError) in try volume.inventory(model) }
        } catch {
            throw error.failure
        }
    }

    private func reusable(
        _ model: String, _ table: FileTable, _ source: any ModelSource
    ) async throws(Failure) -> (files: Int, bytes: Int64) {
        do throws(VolumeError) {
            return try await workers.inventory.run { [volume, settings] () throws(VolumeError) in
                try volume.reusable(model, table, source: source.location, settings.reuseRules(of: source))
            }
        } catch {
            throw error.failure
        }
    }

    private func list(_ source: any ModelSource) async throws(Failure) -> Set<Version> {
        do throws(SourceError) { return try await source.listing().versions } catch { throw error.failure }
    }

    private func contents(_ version: Version, _ source: any ModelSource) async throws(Failure) -> VersionContents {
        do throws(SourceError) { return try await source.contents(of: version) } catch { throw error.failure }
    }
}

extension Inventory {
    /// What the volume will hold once these versions are published, and those are back that were parked.
    fileprivate func publishing(
        _ versions: [Version], unparking parked: [Version], sizes: [Version: PlannedModel.FetchSize], at time: Timestamp
    ) -> Inventory {
        var after = self
        after.entries += after.parked.filter { parked.contains($0.version) }
        after.parked.removeAll { parked.contains($0.version) }
        after.entries.removeAll { versions.contains($0.version) }
        after.entries += versions.map { version in
            let summary = ManifestSummary(
                files: sizes[version]?.files ?? 0, bytes: sizes[version]?.bytes ?? 0, publishedAt: time, newest: nil,
                verified: [:])
            return VolumeEntry(version: version, kind: .published(summary))
        }
        after.entries.sort { $0.version > $1.version }
        return after
    }
}

import FileIO
import ModelSources
import Servables
import Volume

// MARK: - Damaged versions that are fetched anew (`verify --repair`)

extension ModelReconciler {
    /// Published versions that somebody has asked to be fetched anew, that are still aspired, and that the source still has.
    var repairs: [Version] {
        guard let inventory, let listed = available.listed, sourceFailures.count == 0 else { return [] }
        return inventory.repairs.filter { plan.aspired.contains($0) && listed.contains($0) }.sorted(by: >)
    }

    /// A plan in which nothing but what is damaged is aspired, and all else stays.
    func onlyRepairs(_ held: Inventory) -> ModelPlan {
        var plan = ModelPlan()
        let listed = available.listed ?? []
        plan.aspired = held.repairs.filter { listed.contains($0) }.sorted(by: >)
        if available.listed != nil { plan.absent = held.repairs.filter { !listed.contains($0) }.sorted(by: >) }
        return plan
    }

    /// Starts on the first of them, when there is nothing else to fetch.
    /// - Returns: whether one was begun.
    func startRepairing(_ now: Duration) -> Bool {
        guard let version = repairs.first(where: { isDue($0, now) && working[$0] == nil }),
            let place = inventory?[version]?.version
        else { return false }
        telemetry.record(.notice("\(model.name) \(version) is damaged, as verify has found: it is fetched anew"))
        start(version) { (fetcher) async throws(SourceError) in
            try await fetcher.repair(version, at: place)
            return .done
        }
        return true
    }
}

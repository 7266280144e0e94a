import ModelSources
import Servables

extension ModelReconciler {
    /// When the next turn is due if nothing ends before.
    func nextTurn(_ now: Duration) -> Duration {
        var due = [now + AgentSettings.turnPatience / 2]
        if listing == nil { due.append(nextListing) }
        due += lookAgain.values
        // What is due by now was started by this turn; only what waits for its time is worth a turn of its own.
        var waiting = sourceFailures.count == 0 ? plan.ask : []
        if fetch == nil { waiting += plan.fetch + plan.examine + repairs }
        due += waiting.compactMap { versionFailures[$0]?.retryAt }.filter { $0 > now }
        due += dueRechecks(now)
        due += undone.compactMap { workFailures[$0]?.retryAt }.filter { $0 > now }
        // As long as a version is open the server is asked every few seconds, and what depends on time alone is seen then.
        if viewing == nil, let view = viewDue(now) { due.append(view) }
        if files.work == nil, let retry = filesDue, retry > now { due.append(retry) }
        if loading == nil, let retry = loads.retryAt, retry > now { due.append(retry) }
        due += plan.readmitLater.values.map { now + $0 }
        if let listDue = listDue(now) { due.append(listDue) }
        for case (let version, .delay(let since)) in plan.keep where !plan.release.contains(version) {
            due.append(now + settings.rules.pruneDelay - time.now().since(since))
        }
        return max(.milliseconds(10), (due.min() ?? now) - now)
    }

    /// Says why versions are held or foreign, each reason once.
    func say() {
        for (version, reason) in plan.held where said.isNew(.held, version, reason) {
            telemetry.record(.held(model: model.name, version: version, reason: reason))
        }
        // Before the first listing nobody knows what is aspired.
        for (version, reason) in plan.foreign where available.listed != nil && said.isNew(.foreign, version, reason) {
            telemetry.record(.foreign(model: model.name, name: version.name, reason: reason))
        }
        for version in plan.absent where said.isNew(.absent, version, "") {
            telemetry.record(
                .warning("\(model.name) \(version) is aspired by number and \(source.location) does not have it: waiting for it"))
        }
        // One that is looked at again may be found held for the same reason.
        said.forget(.held, but: plan.held.keys + plan.ask)
        said.forget(.foreign, but: plan.foreign.keys + plan.ask)
        said.forget(.absent, but: plan.absent)
    }

    /// Follows how long the newest version that the policy could choose has not been in place.
    func noteBehind(_ inventory: Inventory, now: Duration) {
        guard let listed = available.listed else { return }
        let newest: Version? =
            if case .specific = model.policy { model.policy.choose(from: listed).first } else { listed.max() }
        let isConfirmed = newest.map { server == nil || watch.confirmed.contains($0) } ?? true
        if let newest, inventory[newest]?.manifest == nil || !isConfirmed {
            behindSince = behindSince ?? now
        } else {
            behindSince = nil
        }
    }
}

/// What was said already, so that each turn does not say it again.
struct SaidReasons {
    enum Topic: Hashable {
        case held, foreign, absent
    }
    private struct Key: Hashable {
        let topic: Topic
        let version: Version
    }
    private var said: [Key: String] = [:]

    mutating func isNew(_ topic: Topic, _ version: Version, _ reason: String) -> Bool {
        said.updateValue(reason, forKey: Key(topic: topic, version: version)) != reason
    }

    /// The reason that was said last and not forgotten.
    func last(_ topic: Topic, _ version: Version) -> String? { said[Key(topic: topic, version: version)] }

    mutating func forget(_ topic: Topic, but versions: some Sequence<Version>) {
        let current = Set(versions)
        said = said.filter { $0.key.topic != topic || current.contains($0.key.version) }
    }
}

/// Whether a model still holds up `/readyz` (CONTRACT section 6): one that had nothing on the volume at the start is ready when all
/// versions first chosen are published, another as soon as there is anything; once ready, it stays so.
struct StartReadiness {
    private(set) var isReady = false
    private var hadVersions: Bool?
    private var firstChosen: [Version]?
    private(set) var reason = "the volume was not looked at yet"
    private var inDoubt: String?

    /// - `inDoubt`: why nobody knows yet whether what is there is whole.
    mutating func sawVolume(_ inventory: Inventory, inDoubt: String?) {
        self.inDoubt = inDoubt
        if hadVersions == nil { hadVersions = !inventory.published.isEmpty }
        if hadVersions == true, !inventory.published.isEmpty, inDoubt == nil { isReady = true }
        if firstChosen == nil { reason = "its source was not listed yet" }
        if let inDoubt { reason = inDoubt }
    }

    /// A version that was there at the start was damaged: what is left of others does not make up for it.
    mutating func lostVersion() { hadVersions = false }

    mutating func sawPlan(_ plan: ModelPlan, policy: VersionPolicy, isListed: Bool, inventory: Inventory) {
        guard !isReady, inDoubt == nil, plan.ask.isEmpty else { return }
        var chosen = plan.aspired + plan.absent
        // A version named by number is chosen before it is ready.
        if case .specific = policy { chosen += plan.held.keys }
        if firstChosen == nil, !chosen.isEmpty { firstChosen = chosen.sorted(by: >) }
        let missing = (firstChosen ?? []).filter { inventory[$0]?.manifest == nil }
        if let firstChosen, !firstChosen.isEmpty, missing.isEmpty {
            isReady = true
        } else if !chosen.isEmpty, chosen.allSatisfy({ inventory[$0]?.manifest != nil }) {
            // The list moved on before the first choice was there.
            isReady = true
        } else if !missing.isEmpty {
            reason = "waiting for version \(missing.map(\.name).joined(separator: ", "))"
        } else if let (version, why) = plan.held.max(by: { $0.key < $1.key }) {
            reason = "version \(version) is held: \(why)"
        } else if isListed {
            reason = "its source has no version that is ready"
        }
    }
}

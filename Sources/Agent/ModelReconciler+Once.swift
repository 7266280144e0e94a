import ModelSources
import Servables
import SystemPackage
import Volume

/// How `once` ended for a model.
enum OnceOutcome: Hashable {
    case done
    case failed(Failure)
}

extension ModelReconciler {
    /// Whether `once` has nothing left to do for this model, and how it went.
    func settle(_ now: Duration) -> OnceOutcome? {
        if let outcome { return outcome }
        guard fetch == nil, working.isEmpty, listing == nil, asking.isEmpty, files.work == nil else { return nil }
        if let failure = sourceFailures.last {
            let isOver = !failure.isTransient || now - sourceFailures.since >= AgentSettings.oncePatience
            return isOver ? .failed(failure) : nil
        }
        guard let listed = available.listed, !mustListAgain else { return nil }
        if listed.isEmpty {
            return .failed(
                Failure(
                    .notFound,
                    "list \(source.location): it has no version of \(model.name): a version is a directory named by an integer"))
        }
        var failures: [Failure] = []
        for version in plan.ask + plan.fetch + plan.examine + repairs {
            guard let streak = versionFailures[version], isFinal(streak, now) else { return nil }
            if let failure = streak.last { failures.append(failure) }
        }
        let awaitsSync = awaitsSync
        for version in undone {
            // What waits for a sync that failed is told by that.
            if awaitsSync, plan.prune.contains(version) { continue }
            guard let failure = workFailures[version]?.last else { return nil }
            failures.append(failure)
        }
        if settings.syncsModelFiles, !files.isDone {
            // Beside no version there is nothing to put them to.
            if !files.wanted.isEmpty || files.held == nil || files.listed == nil || inventory?.published.isEmpty == false {
                guard let failure = files.failures.last, isFinal(files.failures, now) else { return nil }
                failures.append(failure)
            }
        }
        if let failure = failures.first { return .failed(failure) }
        for version in plan.aspired {
            guard let what = plan.foreign[version] else { continue }
            return .failed(
                Failure(.volume, "publish \(volume.layout.version(model.name, version)): \(what)"))
        }
        if settings.onlyRepairs {
            guard let lost = plan.absent.first else { return .done }
            return .failed(
                Failure(
                    .notFound,
                    "repair \(model.name) \(lost): \(source.location) does not have it any more; it stays as it is: publish another"
                ))
        }
        if let absent = plan.absent.first {
            return .failed(
                Failure(.notFound, "\(source.location) does not have version \(absent), which --versions names for \(model.name)")
            )
        }
        if let refused = refusedInVain {
            return .failed(
                Failure(
                    .notFound,
                    "publish \(model.name) \(refused.version): the server could not load it before (\(refused.refusal.reason)), and there "
                        + "is no other that is asked for; upload it anew, or another version"))
        }
        return isWaitingForHeld ? nil : .done
    }

    /// A version that the server refused, and that cannot be done without: it is as good as absent (CONTRACT section 3).
    private var refusedInVain: RefusedVersion? {
        let isNamed = if case .specific = model.policy { true } else { false }
        guard isNamed || plan.aspired.isEmpty && plan.held.isEmpty else { return nil }
        return inventory?.refused.first { plan.refused.contains($0.version) }
    }

    /// An upload in progress delays only what cannot do without it.
    private var isWaitingForHeld: Bool {
        if case .specific = model.policy { return !plan.held.isEmpty }
        return plan.aspired.isEmpty
    }

    /// What `once` was waiting for when its time ran out: the cause beats the time-out (CONTRACT section 3).
    func unfinished() -> Failure {
        if let failure = sourceFailures.last ?? volumeFailures.last ?? failingWhenStopped { return failure }
        for version in plan.ask + plan.fetch + plan.examine {
            if let failure = versionFailures[version]?.last { return failure }
        }
        if let failure = files.failures.last { return failure }
        // What is being asked about again was held for this reason until then.
        let askedAgain = plan.ask.compactMap { version in said.last(.held, version).map { (version, $0) } }
        if let (version, reason) = (plan.held.map { ($0.key, $0.value) } + askedAgain).max(by: { $0.0 < $1.0 }) {
            return Failure(.busy, "\(model.name) \(version) was still held: \(reason)")
        }
        if let version = fetch?.version {
            return Failure(
                .busy,
                "\(model.name) \(version) was still being fetched; what is there is kept, and the next start goes on from it")
        }
        if available.listed == nil {
            return Failure(.busy, "list \(source.location): no answer yet; nothing of \(model.name) could be begun")
        }
        return Failure(.busy, "\(model.name) was not yet in place; the next start goes on from what is there")
    }
}

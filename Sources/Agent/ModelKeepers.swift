import FileIO
import Servables
import Volume

/// Runs one reconciler a model of the set that is in force, and takes away what a newer set no longer has. Used by one task.
final class ModelKeepers {
    private struct Keeper {
        let reconciler: ModelReconciler
        let task: Task<Void, Never>
    }

    private let agent: Agent
    private var keepers: [String: Keeper] = [:]
    /// What is being taken away, by the model's name.
    private var leaving: [String: Task<Void, Never>] = [:]
    private var recording: Task<Void, Never>?

    init(of agent: Agent) { self.agent = agent }

    /// Has this set take the place of the one before: what is new begins, what differs goes on otherwise, what is gone ends and goes.
    /// Base paths of the first set are there already.
    func apply(_ set: ModelSet, isFirst: Bool = false) async {
        recording?.cancel()
        // A model that is gone leaves the server's list before it leaves the volume.
        await agent.list?.take(set)
        for model in set.models {
            if let known = keepers[model.name], await known.reconciler.take(model) { continue }
            // Whoever had it on his hands ends first; nobody else waits for that.
            let before = keepers[model.name]?.task ?? leaving.removeValue(forKey: model.name)
            before?.cancel()
            let reconciler = agent.makeReconciler(model, set)
            let task = Task { [agent] in
                await before?.value
                if !isFirst { await agent.ensureBasePath(model.name) }
                await reconciler.reconcile()
            }
            keepers[model.name] = Keeper(reconciler: reconciler, task: task)
        }
        agent.present(set.models.compactMap { keepers[$0.name]?.reconciler }, of: set)
        let gone = set.former.union(keepers.keys).subtracting(set.models.map(\.name))
        for name in gone where leaving[name] == nil {
            let before = keepers.removeValue(forKey: name)
            before?.task.cancel()
            leaving[name] = Task { [agent] in
                await before?.task.value
                let serverName = await before?.reconciler.serverName ?? name
                await agent.awaitDropped(name, serverName: serverName)
                await agent.awaitUnloaded(serverName)
                // Cancelled: the model is back, or all is to end.
                if !Task.isCancelled { await agent.takeAway(name) }
            }
        }
        record(set)
    }

    /// The last good list is this one once nothing of an earlier one is left: what a process that dies before has not taken away, the
    /// next one finds named there.
    private func record(_ set: ModelSet) {
        guard let list = set.list else { return }
        recording = Task { [agent, leaving] in
            for task in leaving.values { await task.value }
            if !Task.isCancelled { await agent.record(list: list) }
        }
    }

    /// Ends all work; keeps what is staged.
    func end() async {
        let tasks = keepers.values.map(\.task) + leaving.values + [recording].compactMap(\.self)
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }
}

// MARK: - What keepers have done

extension Agent {
    /// One that cannot be made is told by the model's own turns.
    func ensureBasePath(_ name: String) async {
        do throws(Failure) {
            try await onVolume { [volume] () throws(VolumeError) in try volume.ensureBasePath(name) }
        } catch {
            telemetry.record(.warning(error.message))
        }
    }

    /// Takes a model that is no longer configured off the volume; tries until it is done or the task is cancelled.
    func takeAway(_ name: String) async {
        var failures = FailureStreak()
        while !Task.isCancelled {
            do throws(Failure) {
                let left = try await onVolume { [volume, telemetry, settings] () throws(VolumeError) in
                    let left = try volume.retire(name, prunesForeign: settings.rules.prunesForeign) { version in
                        telemetry.record(.pruned(model: name, version: version))
                    }
                    volume.sweep(reportingTo: telemetry)
                    return left
                }
                telemetry.record(
                    .notice(
                        left.isEmpty
                            ? "\(name) is no longer configured: it has left the volume"
                            : "\(name) is no longer configured: its versions have left the volume; "
                                + "\(left.joined(separator: ", ")) in \(volume.layout.base(name)) is not ours and stays"))
                return
            } catch {
                let random = time.random()
                failures.add(error, now: time.uptime()) { settings.sourceBackoff.wait(after: $0, random: random) }
                let pause = failures.retryAt - time.uptime()
                telemetry.record(.warning("\(error.message); it is tried again in \(pause.text)"))
                do { try await time.sleep(for: pause) } catch { return }
            }
        }
    }

    /// Keeps a list of models on the volume as the last good one.
    func record(list: [UInt8]) async {
        do throws(Failure) {
            try await onVolume { [volume] () throws(VolumeError) in try volume.keepList(list) }
        } catch {
            telemetry.record(.warning("\(error.message); a start while the list cannot be had would not know it"))
        }
    }
}

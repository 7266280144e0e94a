import Agent
import ConfigWatch
import FileIO
import Servables
import SystemPackage

/// Which models there are to be: those of the command line, and those of the list that `--models-config` names, now and whenever it
/// changes.
final class ModelLists: Sendable {
    private let configuration: Configuration
    private let assembly: Assembly
    private let reader: ModelListReader
    /// What was read last, right or wrong.
    private let known = Lock<ModelListReader.Revision?>(nil)
    private let failures = Lock(Failures())
    /// Has `follow` look.
    private let (looks, look) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// Of the tries to have the list, one after the other.
    private struct Failures {
        var count = 0
        var said = ""
    }

    /// How long to wait for a list that cannot be had.
    private static let backoff = Backoff(base: .seconds(1), cap: .seconds(30))
    /// How long `once` and `plan` try.
    private static let patience: Duration = .seconds(60)

    /// - Returns: `nil` without `--models-config`.
    init?(_ assembly: Assembly) {
        guard let reader = assembly.listReader else { return nil }
        configuration = assembly.configuration
        self.assembly = assembly
        self.reader = reader
    }

    private var place: String {
        switch reader.place {
        case .directory(let path): path
        case .s3: reader.place.description
        }
    }

    // MARK: - At the start

    /// What `run` begins with: the list or, in an outage, the last good one that the volume has.
    /// - Throws: where the list was read and is wrong.
    func first() async throws(Failure) -> ModelSet {
        let kept = await assembly.keptList()
        let former = kept.flatMap { try? ListedModels($0, of: place, beside: configuration) }
        do throws(Failure) {
            let revision = try await reader.read()
            known.withLock { $0 = revision }
            return try set(revision, former: former)
        } catch {
            if error.kind == .configuration { throw error }
            failures.withLock { $0 = Failures(count: 1, said: error.message) }
            guard let kept, let former else {
                telemetry.record(
                    .warning("\(error.message); there is no earlier list on the volume: it is asked for until it can be had"))
                return try assembly.set(configuration.models, gap: "the list of models \(place) cannot be had: \(error.message)")
            }
            telemetry.record(.warning("\(error.message); going on with the last good list"))
            return try assembly.set(configuration.models + former.synced, list: kept)
        }
    }

    /// What `once` and `plan` work on.
    /// - Throws: what is wrong with the list, or why it could not be had for a minute.
    func only(timeout: Duration?) async throws(Failure) -> ModelSet {
        let deadline = assembly.time.uptime() + min(Self.patience, timeout ?? Self.patience)
        while true {
            do throws(Failure) {
                return try set(try await reader.read(), former: nil)
            } catch {
                let pause = nextPause()
                guard error.isTransient, assembly.time.uptime() + pause < deadline else { throw error }
                telemetry.record(.warning("\(error.message); it is tried again in \(pause.text)"))
                do { try await assembly.time.sleep(for: pause) } catch {
                    throw Failure(.busy, "read the list of models \(place): stopped")
                }
            }
        }
    }

    // MARK: - While it runs

    /// Keeps an agent at the list until the task is cancelled: at once where inotify sees a change, else with every poll.
    func follow(_ agent: Agent, onSet: @escaping @Sendable (ModelSet) -> Void) async {
        var watch: FileWatch?
        if case .directory(let path) = reader.place {
            watch = FileWatch(
                FilePath(path), onChange: { [look] in look.yield() },
                onFailure: { [telemetry, configuration] reason in
                    telemetry.record(
                        .warning("watch \(path): \(reason); it is looked at every \(configuration.pollInterval.text) instead"))
                })
        }
        defer { watch?.stop() }
        await withDiscardingTaskGroup { group in
            group.addTask { [self] in
                while !Task.isCancelled {
                    let isFailing = failures.withLock { $0.count } > 0
                    let pause =
                        isFailing ? nextPause(counts: false) : configuration.pollInterval * (0.9 + 0.2 * assembly.time.random())
                    do { try await assembly.time.sleep(for: pause) } catch { return }
                    look.yield()
                }
            }
            for await _ in looks { await refresh(agent, onSet: onSet) }
            group.cancelAll()
        }
    }

    /// Has `follow` read the list as if nothing were known of it, and say again what is wrong with it.
    func readAgain() {
        failures.withLock { $0.said = "" }
        known.withLock { $0 = nil }
        look.yield()
    }

    /// Has an agent take what the list says now. What is wrong with it is said once; the list before stays in force.
    private func refresh(_ agent: Agent, onSet: @Sendable (ModelSet) -> Void) async {
        do throws(Failure) {
            guard let revision = try await reader.read(unless: known.withLock { $0 }) else {
                failures.withLock { $0 = Failures() }
                return
            }
            known.withLock { $0 = revision }
            let set = try set(revision, former: nil)
            failures.withLock { $0 = Failures() }
            onSet(set)
            agent.replaceModels(set)
            telemetry.record(.reloaded(models: set.models.count))
        } catch {
            let isNew = failures.withLock { failures in
                failures.count += 1
                defer { failures.said = error.message }
                return failures.said != error.message
            }
            if isNew { telemetry.record(.warning("\(error.message); the list before stays in force")) }
        }
    }

    private func nextPause(counts: Bool = true) -> Duration {
        let count = failures.withLock { failures in
            if counts { failures.count += 1 }
            return failures.count
        }
        return Self.backoff.wait(after: count, random: assembly.time.random())
    }

    private var telemetry: any Telemetry { assembly.telemetry }

    private func set(_ revision: ModelListReader.Revision, former: ListedModels?) throws(Failure) -> ModelSet {
        let listed = try ListedModels(revision.text, of: place, beside: configuration)
        return try assembly.set(
            configuration.models + listed.synced, list: revision.text, former: Set(former?.synced.map(\.name) ?? []))
    }
}

import FileIO
import Glibc
import ModelSources
import Servables
import SystemPackage
import Testing

@testable import Agent
@testable import Volume

/// A volume in a temporary directory, sources in memory and a clock that stands; agents can be started on it, one after the other.
final class World: Sendable {
    let scratch: FilePath
    let root: FilePath
    let time = VirtualTime()
    let recorder: Recorder
    /// As a server or another program sees it: without a probe.
    let files = FileSystem()
    let server = ScriptedServer()
    let triton: ScriptedTriton
    private let sources: [String: ScriptedSource]
    private let napper = WorkerThread(name: "test-nap")
    /// A pause that no loop ever asks for, so that it can be told from a loop's.
    static let republishPause: Duration = .milliseconds(5_431)
    static let timeout: Duration = .milliseconds(600_123)
    static let shortTimeout: Duration = .milliseconds(5_017)

    init(_ models: String...) throws {
        var template = Array("/tmp/aspired-agent-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer -> FilePath? in
            guard let base = buffer.baseAddress, let path = mkdtemp(base) else { return nil }
            return FilePath(platformString: path)
        }
        scratch = try #require(made)
        root = scratch.appending("models")
        recorder = Recorder(root: root)
        triton = ScriptedTriton(root: root)
        let time = time
        let names = models.isEmpty ? ["m"] : models
        sources = Dictionary(uniqueKeysWithValues: names.map { ($0, ScriptedSource($0, time: time)) })
    }

    deinit { try? files.removeTree(scratch) }

    func source(_ model: String = "m") -> ScriptedSource {
        guard let source = sources[model] else { preconditionFailure("the world has a source \(model)") }
        return source
    }
    var source: ScriptedSource { source() }

    // MARK: Agents

    func model(_ name: String = "m", _ policy: VersionPolicy = .latest(1), isRequired: Bool = true) -> DesiredModel {
        DesiredModel(
            name: name, source: .directory(path: "/none"), policy: policy, ready: .none, settle: .zero, isRequired: isRequired)
    }

    func agent(
        _ models: [DesiredModel]? = nil, poll: Duration = .seconds(30), rules: PlanRules = PlanRules(),
        recheck: Duration = .seconds(600), onChanged: ChangeAction = .keep, requiresVerification: Bool = false,
        reuse: ReuseMode = .auto, settings: VolumeSettings = VolumeSettings(), boot: String = "this boot", isServed: Bool = false,
        confirmTimeout: Duration = .seconds(600), list: FilePath? = nil, link: (any ServerLink)? = nil, filesSynced: Bool = false,
        prunesFirst: Bool = false, listProbe: (any FileSystemProbe)? = nil
    ) -> Agent {
        Agent(
            program: "test", set: set(models ?? [model()]),
            settings: AgentSettings(
                pollInterval: poll, rules: rules, republishPause: Self.republishPause, recheckInterval: recheck,
                onChanged: onChanged, requiresVerification: requiresVerification, reuse: reuse, confirmTimeout: confirmTimeout,
                syncsModelFiles: filesSynced, prunesFirst: prunesFirst),
            volume: volume(settings, boot: boot),
            workers: AgentWorkers(), telemetry: recorder, time: time, server: isServed ? server : link,
            list: list.map { path in
                ServedList(
                    path: path, root: root, isAsked: isServed, fileSystem: FileSystem(probe: listProbe),
                    worker: WorkerThread(name: "test-list"), telemetry: recorder, time: time)
            })
    }

    func set(_ models: [DesiredModel], list: String? = nil, former: Set<String> = [], gap: String? = nil) -> ModelSet {
        ModelSet(models: models, list: list.map { Array($0.utf8) }, former: former, gap: gap) { [sources] in
            sources[$0.name] ?? sources["m"] ?? ScriptedSource("none", time: VirtualTime())
        }
    }

    func volume(_ settings: VolumeSettings = VolumeSettings(), boot: String = "this boot") -> Volume {
        Volume(
            layout: VolumeLayout(root: root, state: root.appending(".aspired")), settings: settings,
            fileSystem: FileSystem(probe: recorder), time: time, reader: WorkerThread(name: "test-read"), boot: boot)
    }

    /// `once`, with the clock moved on whenever nothing else goes on.
    func once(_ agent: Agent, timeout: Duration? = nil) async -> [Failure] {
        let isDone = Lock(false)
        let work = Task {
            let failures = await agent.once(timeout: timeout)
            isDone.withLock { $0 = true }
            return failures
        }
        let hasEnded = await wait(for: "once to end") {
            if isDone.withLock({ $0 }) { return true }
            if await rest(of: agent) != .none { time.moveToNext() }
            return false
        }
        if !hasEnded { work.cancel() }
        return await work.value
    }

    /// Starts `run` and waits until its first turns came to rest.
    func run(_ agent: Agent) async -> Running {
        let running = Running(agent: agent, task: Task { try await agent.run() })
        await settle(agent)
        return running
    }

    struct Running: Sendable {
        let agent: Agent
        let task: Task<Void, any Error>

        /// Stops it as SIGTERM does.
        func stop() async {
            task.cancel()
            _ = await task.result
        }
    }

    // MARK: Time

    /// Waits until nothing happens any more unless the clock moves or a gate opens.
    func settle(_ agent: Agent) async {
        var times = 0
        await wait(for: "the agent to come to rest") {
            switch await rest(of: agent) {
            case .none: times = 0
            case .likely: times += 1
            case .certain: return true
            }
            return times > 100
        }
    }

    /// Lets time pass, from event to event.
    func pass(_ duration: Duration, _ agent: Agent) async {
        let end = time.uptime() + duration
        await settle(agent)
        for _ in 0..<10_000 {
            guard time.moveToNext(end: end) else { return }
            await settle(agent)
        }
        Issue.record("the agent does not come to rest within \(duration): \(recorder.lines.suffix(8))")
    }

    /// Waits for what happens without the clock's moving.
    @discardableResult
    func wait(for what: String, _ condition: () async -> Bool) async -> Bool {
        let deadline = ContinuousClock.now + .seconds(30)
        while !(await condition()) {
            if ContinuousClock.now > deadline {
                Issue.record("waited in vain for \(what): \(recorder.lines.suffix(8)), \(time.durations)")
                return false
            }
            _ = await napper.run { usleep(200) }
        }
        return true
    }

    private enum Rest {
        case none, certain
        /// If it stays so.
        case likely
    }

    /// Whether every loop sleeps, and has slept while nothing was under way that could wake it.
    private func rest(of agent: Agent) async -> Rest {
        let loops = agent.reconcilers
        let pauses: Set<Duration> = [Self.republishPause, ModelReconciler.goneInterval, Agent.dropInterval]
        let timeouts: Set<Duration> = [Self.timeout, Self.shortTimeout]
        if loops.isEmpty { return time.durations == [.seconds(1)] ? .certain : .none }
        let before = time.sleepers(but: timeouts)
        let certain = time.sleepers(but: timeouts.union(pauses)).count
        var asleep = 0
        for loop in loops {
            switch await loop.activity(
                source(await loop.name), triton, isPausing: pauses.contains { time.isAnyone(sleeping: $0) })
            {
            case .busy: return .none
            case .idle: asleep += 1
            case .ended: continue
            }
        }
        guard asleep > 0, time.sleepers(but: timeouts) == before else { return .none }
        // A loop may have to sleep just as long as a pause is: of those who do, one at least is no loop.
        return certain == asleep ? .certain : certain < asleep && asleep < before.count ? .likely : .none
    }

    // MARK: The volume, as others see it

    /// The names in a model's base path.
    func names(_ model: String = "m") -> [String] { (try? files.list(root.appending(model))) ?? ["no base path"] }

    /// What this process has open there.
    func openPaths(below path: String) -> [String] {
        let below = "\(root.appending(path))/"
        var buffer = [CChar](repeating: 0, count: 4_096)
        return (0..<1_024).compactMap { number -> String? in
            let length = readlink("/proc/self/fd/\(number)", &buffer, buffer.count)
            guard length > 0 else { return nil }
            let target = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            return target.hasPrefix(below) ? target : nil
        }
    }

    func content(_ path: String) -> String? {
        (try? files.readFile(root.appending(path), limit: 1 << 20)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Inode, size and time of change of everything below a model's base path.
    func identities(_ model: String = "m") throws -> [String: String] {
        var found: [String: String] = [:]
        func walk(_ path: FilePath) throws {
            for name in try files.list(path) {
                let child = path.appending(name)
                guard let status = try files.status(child) else { continue }
                found[child.string] = "\(status.inode) \(status.size) \(status.modified) \(status.changed)"
                if status.kind == .directory { try walk(child) }
            }
        }
        try walk(root.appending(model))
        return found
    }

    /// What lies in a directory of the state directory.
    func state(_ name: String) -> [String] { (try? files.list(root.appending(".aspired").appending(name))) ?? [] }

    /// Puts a directory there as another program would.
    func place(_ directory: String, _ contents: [String: String]) throws {
        var path = scratch
        for component in FilePath("models/\(directory)").components {
            path.append(component)
            try files.makeDirectory(path, mode: 0o755)
        }
        for (name, text) in contents {
            try files.replaceFile(path.appending(name), with: Array(text.utf8), mode: 0o644)
        }
    }
}

enum Activity { case busy, idle, ended }

extension ModelReconciler {
    var name: String { model.name }

    /// Whether anything is under way that can go on by itself: what waits at a closed gate or in a pause cannot.
    func activity(_ source: ScriptedSource, _ triton: ScriptedTriton, isPausing: Bool) -> Activity {
        let compares = recheck == nil || source.waiting { if case .compare = $0 { true } else { false } } > 0
        let lists = listing == nil || source.waiting { $0 == .list } > 0
        let questions = source.waiting { if case .contents = $0 { true } else { false } }
        let isFetchAtRest =
            fetch == nil || isPausing || source.waiting { if case .fetch = $0 { true } else { false } } > 0
            || (asking.isEmpty && questions > 0)
        guard lists, compares, viewing == nil, loading == nil || triton.isHolding, files.work == nil,
            asking.isEmpty || questions >= asking.count,
            isFetchAtRest, working.isEmpty
        else {
            return .busy
        }
        return outcome == nil ? .idle : .ended
    }
}

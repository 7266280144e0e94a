import Dispatch
import FileIO
import Servables
import SystemPackage
import Testing

/// What happened, in order: telemetry in short words, and renames into and out of base paths; and failures of system calls on demand.
final class Recorder: Telemetry, FileSystemProbe {
    private struct State {
        var lines: [String] = []
        var looks: [String: Int] = [:]
        var verdict: (@Sendable (FileCall) -> ProbeVerdict)?
        var delay: (@Sendable (FileCall) -> Void)?
    }
    private let state = Lock(State())
    private let root: FilePath

    init(root: FilePath) { self.root = root }

    var lines: [String] { state.withLock { $0.lines } }
    func lines(of words: String...) -> [String] { lines.filter { line in words.contains { line.hasPrefix($0) } } }
    func forget() {
        state.withLock { state in
            state.lines = []
            state.looks = [:]
        }
    }
    /// How often a model's base path was looked at: once a turn.
    func looks(_ model: String) -> Int { state.withLock { $0.looks[model] ?? 0 } }
    func fail(_ verdict: (@Sendable (FileCall) -> ProbeVerdict)?) { state.withLock { $0.verdict = verdict } }

    /// Does something before each call, outside of any lock; may block.
    func delay(_ delay: (@Sendable (FileCall) -> Void)?) { state.withLock { $0.delay = delay } }

    // MARK: Telemetry

    func record(_ event: TelemetryEvent) {
        guard let line = text(event) else { return }
        state.withLock { $0.lines.append(line) }
    }

    private func text(_ event: TelemetryEvent) -> String? {
        switch event {
        case .fetchStarted(let model, let version, _, let bytes, let missing): "fetch \(model) \(version) \(missing)/\(bytes)"
        case .published(let model, let version, let files, let bytes, let fetched, _, _, _):
            "published \(model) \(version) files \(files) bytes \(bytes) fetched \(fetched)"
        case .reused(let model, let version, let files, let bytes): "reused \(model) \(version) files \(files) bytes \(bytes)"
        case .adopted(let model, let version, let files, _): "adopted \(model) \(version) files \(files)"
        case .pruned(let model, let version): "pruned \(model) \(version)"
        case .confirmed(let model, let version, _): "confirmed \(model) \(version)"
        case .refused(let model, let version, let reason): "refused \(model) \(version): \(reason)"
        case .held(let model, let version, let reason): "held \(model) \(version): \(reason)"
        case .changed(let model, let version, let reason, let action):
            "changed \(model) \(version) \(action.rawValue): \(reason)"
        case .foreign(let model, let name, let reason): "foreign \(model) \(name): \(reason)"
        case .versionFailed(let model, let version, let failure, let retry):
            "failed \(model) \(version) \(failure.kind.rawValue) \(retry.map { "retry \($0.inSeconds)" } ?? "final")"
        case .checksumMismatch(let model): "mismatch \(model)"
        case .syncSucceeded, .fetched: nil
        case .syncFailed(let model, let failure, let retry):
            "sync failed \(model) \(failure.kind.rawValue) \(retry.map { "retry \($0.inSeconds)" } ?? "final")"
        case .standby: "standby"
        case .tookOver: "took over"
        case .swept(let entries): "swept \(entries)"
        case .warning(let text): "warning \(text)"
        case .notice(let text): "notice \(text)"
        default: "other"
        }
    }

    // MARK: Calls

    func willMake(_ call: FileCall) -> ProbeVerdict {
        state.withLock { $0.delay }?(call)
        return state.withLock { state in
            let verdict = state.verdict?(call) ?? .proceed
            if call.operation == .list, call.path.removingLastComponent() == root, let name = call.path.lastComponent {
                state.looks[name.string, default: 0] += 1
            }
            if call.operation == .rename, verdict == .proceed {
                if let target = call.target, isVersion(target) { state.lines.append("in \(short(target))") }
                if isVersion(call.path) { state.lines.append("out \(short(call.path))") }
            }
            return verdict
        }
    }

    /// Two components below the root, and not ours.
    private func isVersion(_ path: FilePath) -> Bool {
        guard path.starts(with: root) else { return false }
        let components = path.components.dropFirst(root.components.count).map(\.string)
        return components.count == 2 && components[0] != ".aspired"
    }

    private func short(_ path: FilePath) -> String {
        path.components.dropFirst(root.components.count).map(\.string).joined(separator: "/")
    }
}

/// Makes threads wait.
final class ThreadGate: Sendable {
    private struct State {
        var passesLeft = Int.max
        var waiting = 0
    }
    private let state = Lock(State())
    private let changed = DispatchSemaphore(value: 0)

    func closeAfter(_ passes: Int) { set(passes) }
    func open() { set(.max) }
    var isAnyoneWaiting: Bool { state.withLock { $0.waiting > 0 } }

    private func set(_ passes: Int) {
        let waiting = state.withLock { state in
            state.passesLeft = passes
            return state.waiting
        }
        for _ in 0..<waiting { changed.signal() }
    }

    /// Blocks while it is closed, for a minute at most; a worker's thread only.
    func pass() {
        var isFirst = true
        while true {
            let mayPass = state.withLock { state in
                if isFirst { state.waiting += 1 }
                guard state.passesLeft > 0 else { return false }
                if state.passesLeft != .max { state.passesLeft -= 1 }
                state.waiting -= 1
                return true
            }
            if mayPass { return }
            isFirst = false
            if changed.wait(timeout: .now() + 60) == .timedOut { return _ = Issue.record("a gate stays closed") }
        }
    }
}

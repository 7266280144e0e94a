import FileIO
import Glibc
import ModelSources
import Servables
import SystemPackage
import Testing

/// A directory of a test's own, gone with it.
final class Scratch: Sendable {
    let path: FilePath
    let fileSystem = FileSystem()

    init() throws {
        var template = Array("/tmp/aspired-sources-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer -> FilePath? in
            guard let base = buffer.baseAddress, let path = mkdtemp(base) else { return nil }
            return FilePath(platformString: path)
        }
        path = try #require(made)
    }

    deinit { try? fileSystem.removeTree(path) }

    /// Writes a file and the directories above it.
    func write(_ name: String, _ content: String = "x") throws { try write(name, bytes: Array(content.utf8)) }

    /// The same, of any bytes.
    func write(_ name: String, bytes: [UInt8]) throws {
        var directory = path
        for component in FilePath(name).removingLastComponent().components {
            directory.append(component)
            try fileSystem.makeDirectory(directory, mode: 0o755)
        }
        try fileSystem.replaceFile(path.appending(name), with: bytes, mode: 0o644)
    }

    func makeDirectory(_ name: String) throws { try fileSystem.makeDirectory(path.appending(name), mode: 0o755) }

    func link(_ name: String, to target: String) throws {
        #expect(symlink(target, path.appending(name).string) == 0)
    }

    func read(_ name: String) throws -> String {
        String(decoding: try fileSystem.readFile(path.appending(name), limit: 1 << 20), as: UTF8.self)
    }
}

/// A clock that stands at what it was set to.
final class StandingClock: TimeSource {
    private let current: Lock<Timestamp>
    init(_ now: Timestamp) { current = Lock(now) }
    func set(_ now: Timestamp) { current.withLock { $0 = now } }
    func now() -> Timestamp { current.withLock { $0 } }
    func uptime() -> Duration { .zero }
    func sleep(for duration: Duration) async throws {}
    func random() -> Double { 0.5 }
}

/// Does what a closure says, before each call.
struct ClosureProbe: FileSystemProbe {
    let verdict: @Sendable (FileCall) -> ProbeVerdict
    func willMake(_ call: FileCall) -> ProbeVerdict { verdict(call) }
}

extension VersionContents {
    var table: FileTable? { if case .ready(let table) = self { table } else { nil } }
    var heldReason: String? { if case .held(let reason, _) = self { reason } else { nil } }
    var lookAgainIn: Duration? { if case .held(_, let wait) = self { wait } else { nil } }
}

/// Catches the source's error of `body`, which must throw one.
func sourceError(_ body: () async throws -> Void) async throws -> SourceError {
    do {
        try await body()
    } catch let error as SourceError {
        return error
    }
    throw Missing()
}
struct Missing: Error {}

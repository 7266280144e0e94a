import FileIO
import Glibc
import SystemPackage
import Testing

/// Runs `body` with a directory of its own under `TMPDIR`, removed afterwards.
///
/// The whole process gets a umask that takes away what other users may do: what is published must not depend on it.
///
/// - `parent`: where to make it; by default `TMPDIR`.
func withDirectory<Result>(under parent: String? = nil, _ body: (FilePath) async throws -> Result) async throws -> Result {
    _ = umask(0o077)
    let parent = parent ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/aspired-test.XXXXXX".utf8CString)
    guard template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) != nil else {
        throw Errno(rawValue: errno)
    }
    let path = FilePath(String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
    defer { try? FileSystem().removeTree(path) }
    return try await body(path)
}

/// Records the calls of a `FileSystem`, and answers each by a rule.
final class Probe: FileSystemProbe {
    private let recorded = Lock<[FileCall]>([])
    private let rule: @Sendable (_ number: Int, FileCall) -> ProbeVerdict

    /// - Parameter rule: is given the call's number, from 1 on, and the call.
    init(_ rule: @escaping @Sendable (_ number: Int, FileCall) -> ProbeVerdict = { _, _ in .proceed }) { self.rule = rule }

    func willMake(_ call: FileCall) -> ProbeVerdict {
        let number = recorded.withLock { recorded in
            recorded.append(call)
            return recorded.count
        }
        return rule(number, call)
    }

    var calls: [FileCall] { recorded.withLock { $0 } }

    /// The calls of these kinds, each as `operation path`, a rename as `rename from > to`, relative to `directory`.
    func trace(_ operations: Set<FileOperation>, below directory: FilePath) -> [String] {
        func relative(_ path: FilePath) -> String { String(path.string.dropFirst(directory.string.utf8.count + 1)) }
        return calls.filter { operations.contains($0.operation) }
            .map { "\($0.operation.rawValue) \(relative($0.path))" + ($0.target.map { " > \(relative($0))" } ?? "") }
    }
}

/// The same numbers in every run (SplitMix64).
struct Dice: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}

/// The checksum of bytes that are held whole.
func checksum(_ bytes: some Sequence<UInt8>) -> UInt64 {
    var running = RunningChecksum()
    Array(bytes).withUnsafeBytes { running.update($0) }
    return running.crc64nvme
}

func write(_ content: [UInt8], to path: FilePath) throws {
    let file = try FileSystem().open(path, .readWrite, mode: 0o644)
    try file.truncate(to: 0)
    try file.write(content, at: 0)
}

func read(_ path: FilePath) throws -> [UInt8] { try FileSystem().readFile(path, limit: 1 << 30) }

func isPresent(_ path: FilePath) throws -> Bool { try FileSystem().status(path) != nil }

func makeSymlink(_ path: FilePath, to target: String) throws {
    guard symlink(target, path.string) == 0 else { throw Errno(rawValue: errno) }
}

/// Shows that something is noticed: the test fails where no issue is recorded.
/// - Parameters:
///   - fault: what is wrong, for messages.
///   - body: is told, by what it is given, once an issue was recorded: one is enough.
func isNoticed(_ fault: Comment, _ body: (_ wasNoticed: () -> Bool) async throws -> Void) async rethrows {
    let count = Lock(0)
    try await withKnownIssue(fault) {
        try await body { count.withLock { $0 } > 0 }
    } matching: { _ in
        count.withLock { $0 += 1 }
        return true
    }
}

import FileIO
import Glibc
import SystemPackage

/// Runs `body` with a directory of its own under `TMPDIR`, removed afterwards.
///
/// The whole process gets a umask that takes away what other users may do: what is published must not depend on it.
func withDirectory<Result>(_ body: (FilePath) async throws -> Result) async throws -> Result {
    _ = umask(0o077)
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
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

    /// Fails the first call of this kind, and no other.
    static func failing(_ operation: FileOperation, _ errno: Errno) -> Probe {
        let isDone = Lock(false)
        return Probe { _, call in
            guard call.operation == operation else { return .proceed }
            return isDone.withLock { isDone in
                defer { isDone = true }
                return isDone ? .proceed : .fail(errno)
            }
        }
    }

    func willMake(_ call: FileCall) -> ProbeVerdict {
        let number = recorded.withLock { recorded in
            recorded.append(call)
            return recorded.count
        }
        return rule(number, call)
    }

    var calls: [FileCall] { recorded.withLock { $0 } }

    /// Of the calls of this kind, the bytes that each was about.
    func lengths(of operation: FileOperation) -> [Int] { calls.filter { $0.operation == operation }.map(\.length) }

    /// The calls of these kinds, each as `operation name`.
    func trace(_ operations: Set<FileOperation>) -> [String] {
        calls.filter { operations.contains($0.operation) }
            .map { "\($0.operation.rawValue) \(($0.target ?? $0.path).lastComponent?.string ?? "/")" }
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

/// How many descriptors of this process are open on something below a path.
func openDescriptors(below path: FilePath) -> Int {
    var count = 0
    var buffer = [CChar](repeating: 0, count: 8_192)
    for number in 0..<256 {
        let length = readlink("/proc/self/fd/\(number)", &buffer, buffer.count)
        guard length > 0 else { continue }
        if String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self).hasPrefix(path.string) { count += 1 }
    }
    return count
}

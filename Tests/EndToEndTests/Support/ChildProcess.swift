import FileIO
import Glibc
import SystemPackage

/// A process that a test started, in a process group of its own; its output goes to files that have no name.
final class ChildProcess: Sendable {
    /// How a process ended.
    enum Ending: Hashable, Sendable {
        case exited(Int32)
        case killed(signal: Int32)
    }

    let identifier: pid_t
    private let output: AnonymousFile
    private let errorOutput: AnonymousFile
    private let ending = Guarded<Ending?>(nil)

    /// Has what is built with a sanitizer write its reports where `make tsan asan` looks for them, however it ends.
    private static let reporting: [String: String] = {
        guard let path = Binaries.variable("SANITIZER_LOG") else { return [:] }
        let options = ["log_path=\(path)", Binaries.tool("llvm-symbolizer").map { "external_symbolizer_path=\($0)" }]
            .compactMap(\.self).joined(separator: ":")
        return ["TSAN_OPTIONS": options, "ASAN_OPTIONS": options]
    }()

    /// - Parameters:
    ///   - command: the program, by path or as a name to be found in PATH, and its arguments.
    ///   - environment: all of it, but for a sanitizer's log; nothing is inherited.
    /// - Throws: `SystemFault` if it cannot be started.
    init(_ command: [String], environment: [String: String] = [:]) throws {
        output = try AnonymousFile()
        errorOutput = try AnonymousFile()
        // Without our descriptors: else a child would keep the sockets of this process open, and a server that was shut down would seem to hang.
        do throws(Errno) {
            identifier = try FileIO.ChildProcess.start(
                command, environment: environment.merging(Self.reporting) { "\($0):\($1)" }, output: output.descriptor,
                errors: errorOutput.descriptor)
        } catch {
            throw SystemFault("start \(command[0])", error.rawValue)
        }
    }

    /// What it wrote to standard output so far.
    var outputText: String { output.text }
    /// What it wrote to standard error so far.
    var errorText: String { errorOutput.text }

    /// How it ended; `nil` while it goes on.
    var end: Ending? {
        ending.withLock { ending in
            if ending == nil {
                var status: CInt = 0
                guard waitpid(identifier, &status, WNOHANG) == identifier else { return nil }
                ending = status & 0x7f == 0 ? .exited((status >> 8) & 0xff) : .killed(signal: status & 0x7f)
            }
            return ending
        }
    }

    /// Sends a signal to it alone.
    func send(_ signal: CInt) {
        ending.withLock { ending in
            // What has been waited for may have given its number to another process.
            if ending == nil { kill(identifier, signal) }
        }
    }

    /// Waits until it ends.
    @discardableResult
    func wait(within limit: Duration = patience) async throws -> Ending {
        try await eventually("process \(identifier) ends", within: limit) { end != nil }
        guard let end else { preconditionFailure("the wait above is over when the process has ended") }
        return end
    }

    /// Ends it and what it started, at once.
    func terminate() async {
        if end == nil { kill(-identifier, SIGKILL) }
        _ = try? await wait()
    }

    /// Whether a command can be started and ends well, within some seconds: what a suite needs to run at all.
    static func succeeds(_ command: [String], environment: [String: String] = [:]) -> Bool {
        guard let child = try? ChildProcess(command, environment: environment) else { return false }
        for _ in 0..<20_000 where child.end == nil { usleep(1_000) }
        return child.end == .exited(0)
    }

    /// Runs `body` beside a process, and ends the process whatever comes of that.
    static func with<Result>(
        _ command: [String], environment: [String: String] = [:], isolation: isolated (any Actor)? = #isolation,
        _ body: (ChildProcess) async throws -> Result
    ) async throws -> Result {
        let child = try ChildProcess(command, environment: environment)
        do {
            let result = try await body(child)
            await child.terminate()
            return result
        } catch {
            await child.terminate()
            throw error
        }
    }
}

/// A file that is gone with the last who holds it open.
private final class AnonymousFile: Sendable {
    let descriptor: CInt

    init() throws {
        var name = Array("/tmp/aspired-e2e-output-XXXXXX".utf8CString)
        descriptor = mkstemp(&name)
        guard descriptor >= 0 else { throw SystemFault("make a file in /tmp", errno) }
        unlink(name)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, O_APPEND)
    }

    deinit { close(descriptor) }

    var text: String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = pread(descriptor, &chunk, chunk.count, off_t(bytes.count))
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
    }
}

import FileIO
import Glibc
import SystemPackage
import Testing

/// Has one call after the other of an operation fail, each time on a fresh copy of what was set up.
enum EveryCall {
    /// The long form: `make every-call`.
    private static let isLong = getenv("EVERY_CALL") != nil

    /// - Parameters:
    ///   - what: the operation, for messages.
    ///   - first: the first call that fails in the short form.
    ///   - step: how many calls further the next is, in the short form.
    ///   - limit: the operation makes fewer calls than this.
    ///   - setUp: what is there when the operation begins; done once.
    ///   - attempt: has the call of a number fail; tells whether the operation was over before it.
    /// - Throws: what `setUp` and `attempt` throw.
    static func fails(
        of what: String, first: Int, step: Int, limit: Int, setUp: (Bench) throws -> Void,
        attempt: (_ number: Int, Bench) throws -> Bool
    ) async throws {
        // In memory where it can be: there are some thousand syncs.
        try await withDirectory(under: access("/dev/shm", W_OK) == 0 ? "/dev/shm" : nil) { directory in
            let template = try Bench(directory.appending("t"), prepared: false)
            try template.fileSystem.makeDirectory(template.directory, mode: 0o755)
            try setUp(template)
            var faults = 0
            for number in stride(from: isLong ? 1 : first, to: limit, by: isLong ? 1 : step) {
                let bench = try Bench(directory.appending("\(number)"), prepared: false)
                try copyTree(template.directory.string, to: bench.directory.string)
                let isFinished = try attempt(number, bench)
                let open = openPaths(below: bench.directory.string)
                #expect(open == [], "\(what), call \(number): still open")
                try removePlainly(bench.directory.string)
                if isFinished {
                    if isLong { print("\(what): \(faults) faults") }
                    return #expect(number > 10, "\(what) makes calls")
                }
                faults += 1
            }
            Issue.record("\(what) never came to its end")
        }
    }
}

/// What this process has open there.
private func openPaths(below directory: String) -> [String] {
    var buffer = [CChar](repeating: 0, count: 4_096)
    guard let numbers = try? FileSystem().list("/proc/self/fd") else { return ["unknown"] }
    return numbers.compactMap { number in
        let length = readlink("/proc/self/fd/\(number)", &buffer, buffer.count)
        guard length > 0 else { return nil }
        let target = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return target.hasPrefix("\(directory)/") ? target : nil
    }
}

/// A call that fails, once it is armed, or all from that one on, as a kill at that instant leaves it.
final class FailingCall: Sendable {
    private let state = Lock((isArmed: false, count: 0, failed: FileCall?.none))
    private let number: Int
    private let isLast: Bool
    private let error: Errno

    init(_ number: Int, isLast: Bool, _ error: Errno) {
        self.number = number
        self.isLast = isLast
        self.error = error
    }

    var probe: Probe {
        Probe { [self] _, call in
            state.withLock { state in
                guard state.isArmed else { return .proceed }
                state.count += 1
                guard isLast ? state.count >= number : state.count == number else { return .proceed }
                state.failed = state.failed ?? call
                return .fail(error)
            }
        }
    }

    /// Counts from now on.
    func arm() { state.withLock { $0.isArmed = true } }

    /// The first call that failed.
    var failed: FileCall? { state.withLock { $0.failed } }

    /// For messages.
    var description: String { "call \(number) (\(failed.map { "\($0.operation) \($0.path)" } ?? "none"))" }
}

import FileIO
import Glibc
import SystemPackage
import Testing

@testable import Volume

/// NFS: a call was carried out, its reply was lost, and what it is answered when it is sent again is an error.
@Suite("A change of names happens though it fails")
struct LostReplyTests {
    @Test(
        "whichever call it is, nothing partial is visible, nothing published is harmed, and the next attempt converges",
        arguments: VolumeOperation.allCases)
    func everyCall(operation: VolumeOperation) async throws {
        try await EveryCall.fails(
            of: "\(operation)", first: 2, step: 5, limit: 1_000, setUp: { try operation.setUp($0) },
            attempt: { number, bench in
                let call = CallWithLostReply(number)
                _ = try operation.act(bench, bench.volume(call.probe)) { call.arm() }
                let place =
                    "\(operation), the reply of call \(number) lost (\(call.lost.map { "\($0.operation) \($0.path)" } ?? "no change"))"
                try operation.check(bench, place)
                try operation.converge(bench, place)
                return !call.wasReached
            })
    }
}

/// Carries out the call of a number, if it changes names, and has it fail as the server answers it the second time.
private final class CallWithLostReply: Sendable {
    private let state = Lock((isArmed: false, count: 0, lost: FileCall?.none))
    private let number: Int

    init(_ number: Int) { self.number = number }

    var probe: Probe {
        Probe { [self] _, call in
            state.withLock { state in
                guard state.isArmed else { return .proceed }
                state.count += 1
                guard state.count == number, let errno = carryOut(call) else { return .proceed }
                state.lost = call
                return .fail(errno)
            }
        }
    }

    func arm() { state.withLock { $0.isArmed = true } }
    var lost: FileCall? { state.withLock { $0.lost } }
    var wasReached: Bool { state.withLock { $0.count >= number } }

    /// - Returns: what the call is answered when it is repeated; `nil` where it was not carried out.
    private func carryOut(_ call: FileCall) -> Errno? {
        let path = call.path.string
        switch call.operation {
        case .rename:
            guard let target = call.target?.string, rename(path, target) == 0 else { return nil }
            return .noSuchFileOrDirectory
        case .mkdir: return mkdir(path, 0o755) == 0 ? .fileExists : nil
        case .link:
            guard let target = call.target?.string, Glibc.link(path, target) == 0 else { return nil }
            return .fileExists
        case .unlink: return unlink(path) == 0 ? .noSuchFileOrDirectory : nil
        case .rmdir: return rmdir(path) == 0 ? .noSuchFileOrDirectory : nil
        default: return nil
        }
    }
}

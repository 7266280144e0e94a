import Dispatch
import Glibc
import Testing

/// How long a test waits for what must happen: far longer than it takes, since the machine may be busy with other things.
let patience: Duration = .seconds(60)

/// Something was waited for and did not happen.
struct WaitedInVain: Error, CustomStringConvertible {
    let description: String
}

/// A system call of the test's own failed.
struct SystemFault: Error, CustomStringConvertible {
    let description: String

    init(_ operation: String, _ code: CInt) {
        description = "\(operation): \(String(cString: strerror(code)))"
    }
}

/// Waits until a condition holds.
/// - Throws: `WaitedInVain` after `limit`.
func eventually(
    _ what: @autoclosure () -> String, within limit: Duration = patience, every interval: Duration = .milliseconds(5),
    isolation: isolated (any Actor)? = #isolation, _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw WaitedInVain(description: "waited \(limit) in vain until \(what())") }
        try await Task.sleep(for: interval)
    }
}

/// Runs calls that block on a thread of its own: on two cores the cooperative pool has two threads, and the fixture needs them.
func blocking<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Swift.Result { try body() }) }
    }
}

/// Keeps a few tests at a time running, since each starts processes of its own.
struct FewAtATime: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        await Slots.shared.take()
        do {
            try await function()
        } catch {
            await Slots.shared.give()
            throw error
        }
        await Slots.shared.give()
    }

    private actor Slots {
        static let shared = Slots()
        private var free = 4
        private var waiting: [CheckedContinuation<Void, Never>] = []

        func take() async {
            if free > 0 { free -= 1 } else { await withCheckedContinuation { waiting.append($0) } }
        }

        func give() {
            if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
        }
    }
}

extension Trait where Self == FewAtATime {
    /// At most a few tests of the suites that say so run at once.
    static var fewAtATime: Self { FewAtATime() }
}

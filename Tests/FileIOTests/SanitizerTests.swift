import Glibc
import Testing

@testable import FileIO

/// Faults that only a sanitizer sees: `make tsan` and `make asan` begin with these, and go on only where they are reported.
@Suite("Sanitizers report", .enabled(if: getenv("SANITIZER_FAULT") != nil, "these tests are wrong on purpose: make tsan asan"))
struct SanitizerTests {
    private struct Shared: @unchecked Sendable { let count: UnsafeMutablePointer<Int> }

    @Test("thread: two threads that count in one place")
    func race() {
        let shared = Shared(count: .allocate(capacity: 1))
        shared.count.initialize(to: 0)
        // Neither thread waits for the other: whichever comes first, the sanitizer has nothing that orders them.
        let ends = Semaphore()
        for _ in 0..<2 {
            spawnThread(name: "test-counter") {
                for _ in 0..<100 { shared.count.pointee += 1 }
                ends.signal()
            }
        }
        for _ in 0..<2 { ends.wait() }
        #expect(shared.count.pointee > 0)
        shared.count.deallocate()
    }

    @Test("address: a byte behind an allocation")
    func overflow() {
        let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: 16)
        bytes.initialize(repeating: 1, count: 16)
        #expect(bytes[Int.random(in: 16...16)] >= 0)
        bytes.deallocate()
    }
}

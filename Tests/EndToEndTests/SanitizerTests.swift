import Testing

/// A fault in a program that a test starts: `make tsan` and `make asan` go on only where it is reported, though this test passes.
@Suite("Sanitizers report what is started", .enabled(if: Binaries.variable("SANITIZER_FAULT") != nil, "make tsan asan"))
struct SanitizerTests {
    private static let program = """
        import Dispatch
        let bytes = UnsafeMutablePointer<Int>.allocate(capacity: 2)
        bytes.initialize(repeating: 0, count: 2)
        let end = DispatchSemaphore(value: 0)
        DispatchQueue.global().async {
            for _ in 0..<100 { bytes[0] += 1 }
            end.signal()
        }
        for _ in 0..<100 { bytes[0] += 1 }
        end.wait()
        print(bytes[CommandLine.arguments.count + 1])
        """

    @Test("two threads that count in one place, and a byte behind an allocation")
    func fault() async throws {
        let sanitizer = try #require(Binaries.variable("SANITIZER"))
        let compiler = try #require(Binaries.tool("swiftc"))
        try await withScratch { scratch in
            try writeFile("\(scratch)/fault.swift", Array(Self.program.utf8))
            let arguments = ["-sanitize=\(sanitizer)", "-o", "\(scratch)/fault", "\(scratch)/fault.swift"]
            #expect(ChildProcess.succeeds([compiler] + arguments, environment: ["PATH": Binaries.path]))
            try await ChildProcess.with(["\(scratch)/fault"]) { _ = try await $0.wait() }
        }
    }
}

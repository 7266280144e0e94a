import FileIO
import Glibc
import SystemPackage
import Testing

@testable import ConfigWatch

/// One at a time, as the library has it.
@Suite("watching a file", .serialized, .timeLimit(.minutes(5)))
struct FileWatchTests {
    /// A directory of a test's own, and what a watch of a file in it has said.
    private final class Bench: Sendable {
        let directory: FilePath
        let files = FileSystem()
        let calls: AsyncStream<Void>
        let failures = Lock<[String]>([])
        private let called: AsyncStream<Void>.Continuation

        init() throws {
            var template = Array("/tmp/aspired-watch-XXXXXX".utf8CString)
            let made = template.withUnsafeMutableBufferPointer { buffer -> FilePath? in
                guard let base = buffer.baseAddress, let path = mkdtemp(base) else { return nil }
                return FilePath(platformString: path)
            }
            directory = try #require(made)
            (calls, called) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        }

        deinit { try? files.removeTree(directory) }

        func path(_ name: String) -> FilePath { directory.appending(name) }
        func write(_ name: String, _ text: String) throws {
            try files.replaceFile(path(name), with: Array(text.utf8), mode: 0o644)
        }
        func link(_ name: String, to target: String) throws {
            let made = path(name).withPlatformString { name in symlink(target, name) }
            try #require(made == 0)
        }

        /// Lends `body` the calls of a watch that has begun.
        func watching(
            _ name: String, _ body: (inout AsyncStream<Void>.Iterator) async throws -> Void
        ) async throws {
            let watch = FileWatch(
                path(name), onChange: { [called] in called.yield() },
                onFailure: { [failures] reason in failures.withLock { $0.append(reason) } })
            defer { watch.stop() }
            var calls = calls.makeAsyncIterator()
            await calls.next()
            try await body(&calls)
            #expect(failures.withLock { $0 } == [])
        }

        /// Whether a change is told by its event, and not by the look around that comes once a second: a second after the event before.
        func tells(
            _ calls: inout AsyncStream<Void>.Iterator, _ change: (Int) throws -> Void
        ) async throws -> Bool {
            // A machine that is busy elsewhere may take its time, but not each time.
            for attempt in 1...3 {
                let start = ContinuousClock.now
                try change(attempt)
                await calls.next()
                if ContinuousClock.now - start < .milliseconds(200) { return true }
            }
            return false
        }
    }

    @Test("a file that is replaced by a rename")
    func replaced() async throws {
        let bench = try Bench()
        try bench.write("list", "0")
        try await bench.watching("list") { calls in
            let isTold = try await bench.tells(&calls) { try bench.write("list", "\($0)") }
            #expect(isTold)
        }
    }

    @Test("a file that is rewritten in place")
    func rewritten() async throws {
        let bench = try Bench()
        try bench.write("list", "0")
        try await bench.watching("list") { calls in
            let isTold = try await bench.tells(&calls) { _ in
                let file = try bench.files.open(bench.path("list"), .readWrite)
                try file.write([0x31], at: 0)
            }
            #expect(isTold)
        }
    }

    @Test("a ConfigMap's swap of ..data, once and again")
    func configMap() async throws {
        let bench = try Bench()
        func revision(_ number: Int) throws {
            try bench.files.makeDirectory(bench.path("..\(number)"), mode: 0o755)
            try bench.write("..\(number)/list", "\(number)")
            try bench.link("..data_tmp", to: "..\(number)")
            try bench.files.renameReplacing(bench.path("..data_tmp"), bench.path("..data"))
        }
        try revision(0)
        try bench.link("list", to: "..data/list")
        let last = Lock(0)
        func next() throws {
            try revision(
                last.withLock { last in
                    last += 1
                    return last
                })
        }
        try await bench.watching("list") { calls in
            for _ in 0..<2 {
                let isTold = try await bench.tells(&calls) { _ in try next() }
                #expect(isTold)
            }
        }
    }

    @Test("a file elsewhere that a link leads to")
    func linked() async throws {
        let bench = try Bench()
        try bench.files.makeDirectory(bench.path("elsewhere"), mode: 0o755)
        try bench.write("elsewhere/real", "0")
        try bench.link("list", to: "elsewhere/real")
        try await bench.watching("list") { calls in
            let isTold = try await bench.tells(&calls) { try bench.write("elsewhere/real", "\($0)") }
            #expect(isTold)
        }
    }

    @Test("a file whose directory is not there yet")
    func later() async throws {
        let bench = try Bench()
        try await bench.watching("sub/list") { calls in
            try bench.files.makeDirectory(bench.path("sub"), mode: 0o755)
            try bench.write("sub/list", "1")
            // It is asked for once a second. The first may be said by what was begun before the directory was there.
            await calls.next()
            for _ in 0..<2 {
                let isTold = try await bench.tells(&calls) { try bench.write("sub/list", "\($0)") }
                #expect(isTold)
            }
        }
    }
}

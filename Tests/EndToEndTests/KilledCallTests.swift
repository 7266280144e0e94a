import Glibc
import S3Fixture
import Testing

/// Whether strace is there and may follow another process.
private let mayTrace: Bool =
    Binaries.tool("strace").map { strace in
        ChildProcess.succeeds([strace, "-qq", "-o", "/dev/null", "-e", "trace=none", "/bin/true"])
    } ?? false

/// SIGKILL as the agent enters a system call that changes the volume: of each kind the first, the second, and so on, until a life sees its
/// end. The life after it may be killed as well, while it clears up.
@Suite(
    "Killed as it enters a call that changes the volume", .fewAtATime,
    .enabled(if: mayTrace, "strace is not there, or may not follow another process"))
struct KilledCallTests {
    private static let kinds = [
        "rename", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "linkat", "fsync", "ftruncate", "fallocate",
        "fchmod",
        "pwrite64", "write", "openat", "sync_file_range",
    ]

    /// How many calls further each kill is than the one before; the long form, `make crash`, leaves none out.
    private static let step = getenv("CRASH") == nil ? 9 : 1

    @Test("nothing partial is visible, nothing is left, and what is there in the end is what was aspired", arguments: kinds)
    func eachCall(kind: String) async throws {
        try await Site.with { site in
            let reader = VersionReader(site.base())
            var version = 0
            var random = SeededGenerator(seed: 5)
            func putNext() throws {
                version += 1
                // One file is the same in all: it is reused.
                var files = Models.version(version, size: 100_000)
                files["assets/vocabulary.txt"] = Models.noise(20_000, seed: 1)
                reader.expect(version, files)
                try site.put(version, files)
            }
            var kills = 0
            var number = 1
            try putNext()
            #expect(try await site.once().code == 0)
            try await reader.reading {
                var isOver = false
                while !isOver, number < 400 {
                    try putNext()
                    isOver = try await !isKilled(site, entering: kind, number)
                    if !isOver {
                        kills += 1
                        // While it recovers, now and then.
                        if Bool.random(using: &random) {
                            let other = Self.kinds.randomElement(using: &random) ?? kind
                            if try await isKilled(site, entering: other, Int.random(in: 1...12, using: &random)) { kills += 1 }
                        }
                        let last = try await site.once()
                        #expect(last.code == 0, "\(kind) \(number): \(last)")
                    }
                    let place = "killed as it entered \(kind) \(number)"
                    #expect(site.versions() == ["\(version)"], "\(place)")
                    #expect(try names(in: "\(site.state)/manifests/mnist") == ["\(version).json"], "\(place)")
                    for folder in ["staging", "trash"] where exists("\(site.state)/\(folder)") {
                        #expect(try names(in: "\(site.state)/\(folder)") == [], "\(place)")
                    }
                    let verified = try await site.aspired("verify", "--root", site.root)
                    #expect(verified.code == 0, "\(place): \(verified)")
                    number += Self.step
                }
                #expect(isOver, "\(kind) never came to its end")
            }
            print("killed \(kills) times as it entered \(kind): \(reader.looks) looks saw \(reader.seen.count) versions")
            // No block is reserved on a tmpfs.
            #expect((kills > 0 || kind == "fallocate") && reader.faults == [])
        }
    }

    @Test(
        "calls that a signal interrupts are made again: a fetch comes to its end, and is right",
        arguments: ["pwrite64", "fsync", "ftruncate", "fallocate", "flock"])
    func interrupted(kind: String) async throws {
        try await Site.with { site in
            let files = Models.version(1, size: 300_000)
            try site.put(1, files)
            let strace = try #require(Binaries.tool("strace"))
            let trace = [strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(kind)"]
            // Of each thread every other call.
            let interrupt = ["-e", "inject=\(kind):error=EINTR:when=1+2", site.aspired.binary, "once"]
            let ended = try await ChildProcess.with(trace + interrupt + site.arguments(), environment: traced(site)) {
                process in (try await process.wait(), process.errorText)
            }
            #expect(ended.0 == .exited(0), "\(ended.1)")
            #expect(try FileTree(site.published(1)).files == files)
        }
    }

    /// What looks for leaks at the end, in a build that does, cannot do so while it is traced.
    private func traced(_ site: Site) -> [String: String] {
        site.aspired.environment.merging(["ASAN_OPTIONS": "detect_leaks=0"]) { $1 }
    }

    /// Runs `once`, which is killed as a thread of it enters its call of this number.
    /// - Returns: `false` where it makes no such call, and so came to its end.
    private func isKilled(_ site: Site, entering kind: String, _ number: Int) async throws -> Bool {
        let strace = try #require(Binaries.tool("strace"))
        let trace = [strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(kind)"]
        let kill = ["-e", "inject=\(kind):signal=SIGKILL:when=\(number)", site.aspired.binary, "once"]
        let ended = try await ChildProcess.with(trace + kill + site.arguments(), environment: traced(site)) {
            process in
            (try await process.wait(), process.errorText)
        }
        if ended.0 == .killed(signal: SIGKILL) { return true }
        #expect(ended.0 == .exited(0), "\(kind) \(number): \(ended.1)")
        return false
    }
}

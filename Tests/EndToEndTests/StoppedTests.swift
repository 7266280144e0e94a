import Glibc
import PlainJSON
import S3Fixture
import Testing

@Suite("Stopped, and replaced", .fewAtATime)
struct StoppedTests {
    /// Longer than any time-out there is.
    private static let pause = Duration.seconds(75)

    @Test(
        "stopped in a fetch for longer than every time-out, and continued: it goes on, and shows nothing partial",
        .enabled(if: getenv("CRASH") != nil, "it takes more than a minute: make crash"))
    func stoppedAndContinued() async throws {
        try await Site.with { site in
            let reader = VersionReader(site.base())
            for version in 1...2 { reader.expect(version, Models.version(version, size: 12_000_000)) }
            try site.put(1, size: 12_000_000)
            try await reader.reading {
                try await site.aspired.run(site.arguments() + ["--poll-interval", "200ms", "--concurrency", "4"]) { agent in
                    try await site.wait(until: agent, holds: 1)
                    site.server.forgetRequests()
                    site.server.change { $0.rate = 300_000 }
                    try site.put(2, size: 12_000_000)
                    try await eventually("some of it is there: \(agent.errors)") {
                        site.gets.map(\.sentBytes).reduce(0, +) > 1_000_000
                    }
                    agent.process.send(SIGSTOP)
                    let end = ContinuousClock.now + Self.pause
                    try await eventually("it was stopped for long", within: Self.pause + .seconds(10)) {
                        ContinuousClock.now > end
                    }
                    #expect(site.versions() == ["1"])
                    agent.process.send(SIGCONT)
                    site.server.change { $0.rate = nil }
                    try await site.wait(until: agent, holds: 2)
                    #expect(try await agent.get("/healthz").status == 200)
                    #expect(try await agent.stop() == .exited(0))
                }
            }
            #expect(reader.faults == [] && reader.seen.contains("1"))
            #expect(try FileTree(site.published(2)).files == Models.version(2, size: 12_000_000))
        }
    }

    @Test("a rolling update on one volume: each new agent stands by until the old one has ended, and goes on where that was")
    func rollingUpdate() async throws {
        try await Site.with { site in
            let reader = VersionReader(site.base())
            func put(_ version: Int) throws {
                let files = Models.version(version, size: 300_000)
                reader.expect(version, files)
                try site.put(version, files)
            }
            let arguments = site.arguments() + ["--poll-interval", "100ms"]
            /// Starts one beside those that run, and ends the one before it.
            func roll(_ generation: Int, after old: RunningAgent?) async throws {
                try await site.aspired.run(arguments) { agent in
                    if let old {
                        try await eventually("it stands by: \(agent.errors)") { agent.said("standing by") }
                        // The old one is in the middle of it.
                        site.server.change { $0.delay = .milliseconds(20) }
                        site.server.forgetRequests()
                        try put(generation)
                        try await eventually("the old one fetches") { !site.gets.isEmpty }
                        #expect(try await old.stop() == .exited(0))
                        site.server.change { $0.delay = .zero }
                    }
                    try await site.wait(until: agent, holds: generation)
                    #expect(try await agent.status()["role"]?.string == "active")
                    if generation < 5 {
                        try await roll(generation + 1, after: agent)
                    } else {
                        #expect(try await agent.stop() == .exited(0))
                    }
                }
            }
            try put(1)
            try await reader.reading { try await roll(1, after: nil) }
            #expect(reader.faults == [] && reader.seen.count >= 4, "\(reader.seen)")
            #expect(try names(in: "\(site.state)/manifests/mnist") == ["5.json"])
        }
    }
}

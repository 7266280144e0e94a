import Glibc
import S3Fixture
import Testing

@Suite("Killed at any instant", .fewAtATime)
struct KillTests {
    /// More than are ever under way at once, so that what lies before them had ended long before a kill.
    private static let underWay = 32

    @Test("a fetch that is killed again and again converges, and no verified file is fetched twice", arguments: ["once", "run"])
    func killedWhileFetching(command: String) async throws {
        try await Site.with { site in
            var files: [String: [UInt8]] = [:]
            for number in 0..<600 { files["shards/\(number % 7)/shard-\(number)"] = Models.noise(4_000 + number, seed: number) }
            try site.put(1, files)
            try await site.server.precomputeDigests()
            site.server.change { $0.delay = .milliseconds(20) }
            let reader = VersionReader(site.base())
            reader.expect(1, files)
            var random = SeededGenerator(seed: 2)
            var lives: [[RequestRecord]] = []
            try await reader.reading {
                for _ in 1...12 where !exists(site.published(1)) {
                    lives.append(try await life(site, command, until: Int.random(in: 1...120, using: &random)))
                }
                site.server.change { $0.delay = .zero }
                site.server.forgetRequests()
                let last = try await site.once()
                #expect(last.code == 0, "\(last)")
                lives.append(site.gets)
            }
            #expect(lives.count > 5)
            #expect(reader.faults == [])
            #expect(try FileTree(site.published(1)).files == files)
            #expect(left(site) == [])

            var ended: Set<String> = []
            for (number, life) in lives.enumerated() {
                let again = life.map(\.key).filter(ended.contains)
                #expect(again.isEmpty, "life \(number) fetched again what an earlier one had verified")
                let whole = life.filter { $0.status == 200 || $0.status == 206 }.dropLast(Self.underWay)
                ended.formUnion(whole.map(\.key))
            }
            #expect(!ended.isEmpty)
        }
    }

    /// One life of the agent, which ends by SIGKILL after so many GETs.
    private func life(_ site: Site, _ command: String, until count: Int) async throws -> [RequestRecord] {
        site.server.forgetRequests()
        let arguments =
            [site.aspired.binary, command] + site.arguments() + ["--http-listen", "off", "--concurrency", "\(Self.underWay / 2)"]
        return try await ChildProcess.with(arguments, environment: site.aspired.environment) { process in
            try await eventually("\(count) objects were asked for: \(process.errorText)", every: .milliseconds(1)) {
                site.gets.count >= count || process.end != nil || exists(site.published(1))
            }
            await process.terminate()
            try await eventually("no connection is left") { site.server.openConnections == 0 }
            return site.gets
        }
    }

    @Test("a publish loop that is killed again and again shows no part of a version, and converges")
    func killedWhilePublishing() async throws {
        try await Site.with { site in
            let reader = VersionReader(site.base())
            var version = 0
            var random = SeededGenerator(seed: 11)
            func putNext() throws {
                version += 1
                let files = Models.version(version, size: 200_000)
                reader.expect(version, files)
                try site.put(version, files)
            }
            try putNext()
            let arguments = site.arguments() + ["--poll-interval", "100ms"]
            try await reader.reading {
                for _ in 1...24 {
                    try await site.aspired.run(arguments) { agent in
                        site.server.forgetRequests()
                        try putNext()
                        let count = Int.random(in: 1...14, using: &random)
                        try await eventually("\(count) things were asked for: \(agent.errors)", every: .milliseconds(1)) {
                            site.server.requests.count >= count
                        }
                        // What follows the last request, above all the publication itself.
                        let instant = ContinuousClock.now + .microseconds(Int.random(in: 0...40_000, using: &random))
                        try await eventually("the instant has come", every: .microseconds(200)) {
                            ContinuousClock.now >= instant
                        }
                        if Bool.random(using: &random) { try putNext() }
                    }
                }
                try await site.aspired.run(arguments) { agent in
                    try await site.wait(until: agent, holds: version)
                    try await expectNothingLeft(site, agent: agent)
                    #expect(try await agent.stop() == .exited(0))
                }
            }
            #expect(reader.faults == [])
            #expect(reader.seen.count > 3, "\(reader.seen)")
            #expect(try FileTree(site.published(version)).files == Models.version(version, size: 200_000))
            #expect(try names(in: "\(site.state)/manifests/mnist") == ["\(version).json"])
        }
    }

    private func expectNothingLeft(_ site: Site, agent: RunningAgent) async throws {
        var rest: [String] = []
        try await eventually("staging and trash are empty: \(rest) \(agent.errors)") {
            rest = left(site)
            return rest.isEmpty
        }
    }

    /// What goes away while it is looked at is still something.
    private func left(_ site: Site) -> [String] {
        ["staging", "trash"].flatMap { folder in
            guard exists("\(site.state)/\(folder)") else { return [String]() }
            let paths = (try? FileTree("\(site.state)/\(folder)").paths) ?? ["something that goes away or cannot be read"]
            return paths.map { "\(folder)/\($0)" }
        }
    }
}

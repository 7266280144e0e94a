import Glibc
import S3Fixture
import Testing

@Suite("Killed at any instant", .fewAtATime)
struct KillTests {
    /// More than are ever under way at once, so that what lies before them had ended long before a kill.
    private static let underWay = 32

    @Test(
        "a fetch that is killed again and again converges, and no verified file is fetched twice",
        arguments: [("once", nil), ("run", nil), ("once", Site.memory)])
    func killedWhileFetching(command: String, place: String?) async throws {
        try await Site.with(in: place) { site in
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
                    let count = Int.random(in: 1...120, using: &random)
                    lives.append(try await life(site, command, connections: Self.underWay / 2) { site.gets.count >= count })
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

    private static let range = 8 << 20

    @Test("of a large object that is killed half fetched, at most a range for each connection is fetched again")
    func killedInsideAnObject() async throws {
        try await Site.with { site in
            let (size, connections) = (160 << 20, 4)
            try makeDirectory("\(site.bucket)/mnist/1")
            try writeFile("\(site.bucket)/mnist/1/data", Models.noise(1 << 20, seed: 3))
            #expect(truncate("\(site.bucket)/mnist/1/data", size) == 0)
            try await site.server.precomputeDigests()
            site.server.change { $0.rate = 30_000_000 }
            var random = SeededGenerator(seed: 4)
            var (kills, sent) = (0, 0)
            while kills < 12, !exists(site.published(1)) {
                let most = Int.random(in: Self.range...8 * Self.range, using: &random)
                let gets = try await life(site, "once", connections: connections) {
                    site.gets.map(\.sentBytes).reduce(0, +) >= most
                }
                sent += gets.map(\.sentBytes).reduce(0, +)
                kills += 1
            }
            site.server.change { $0.rate = nil }
            site.server.forgetRequests()
            let last = try await site.once()
            #expect(last.code == 0, "\(last)")
            sent += site.gets.map(\.sentBytes).reduce(0, +)
            let again = sent - size
            print("killed \(kills) times inside an object of \(size >> 20) MiB: \(again >> 20) MiB of it fetched again")
            #expect(kills > 3 && again <= kills * connections * Self.range)
            #expect(try await site.aspired("verify", "--root", site.root).code == 0)
            #expect(left(site) == [])
        }
    }

    /// One life of the agent, which ends by SIGKILL, once the time has come, or with the publication.
    /// - Returns: its GETs.
    private func life(
        _ site: Site, _ command: String, connections: Int, until hasCome: () -> Bool
    ) async throws -> [RequestRecord] {
        site.server.forgetRequests()
        let arguments =
            [site.aspired.binary, command] + site.arguments() + ["--concurrency", "\(connections)"]
            + (command == "run" ? ["--http-listen", "off"] : [])
        return try await ChildProcess.with(arguments, environment: site.aspired.environment) { process in
            try await eventually("the time has come: \(process.errorText)", every: .milliseconds(1)) {
                hasCome() || process.end != nil || exists(site.published(1))
            }
            #expect(process.end == nil || exists(site.published(1)), "it ended by itself: \(process.errorText)")
            await process.terminate()
            try await eventually("no connection is left") { site.server.openConnections == 0 }
            return site.gets
        }
    }

    /// How often the loop is killed; the long form is `make crash`.
    private static let kills = getenv("CRASH").flatMap { Int(String(cString: $0)) } ?? 24

    private static let (keptInBucket, keptInMind) = (30, 500)

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
                // However long it goes on, a listing is short, and memory holds what the volume may hold.
                if version > Self.keptInBucket { try site.withdraw(version - Self.keptInBucket) }
                reader.forget(version - Self.keptInMind)
            }
            try putNext()
            let arguments = site.arguments() + ["--poll-interval", "100ms"]
            try await reader.reading {
                for _ in 1...Self.kills {
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
                    // Something to do: a signal before it is up at all would kill it.
                    try putNext()
                    try await site.wait(until: agent, holds: version)
                    try await expectNothingLeft(site, agent: agent)
                    #expect(try await agent.stop() == .exited(0))
                }
            }
            #expect(reader.faults == [])
            #expect(reader.seen.count > 3, "\(reader.seen)")
            print("killed \(Self.kills) times at random: \(reader.looks) looks saw \(reader.seen.count) of \(version) versions")
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

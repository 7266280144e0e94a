import Glibc
import S3Fixture
import Testing

/// What a poll asks of S3 once everything is published. Counted where it arrives.
@Suite("The cost of looking", .fewAtATime)
struct CostOfLookingTests {
    private static let polls = 4
    /// Polls come when a test asks for them; nothing is compared meanwhile (`--recheck-interval` has listings of its own).
    private static let arguments = ["--poll-interval", "1h", "--recheck-interval", "24h"]

    /// Three versions; the last has more files than a page of a listing has keys, and so has one that is never fetched.
    private func fill(_ site: Site) {
        for (version, files) in [(3, 5), (5, 1_100), (7, 1_100)] {
            for number in 0..<files {
                site.server.put(bucket: "models", key: "mnist/\(version)/assets/\(number)", data: Array("\(version)".utf8))
            }
        }
    }

    /// What a number of polls ask, one after the other.
    private func asked(_ agent: RunningAgent, _ site: Site) async throws -> [String] {
        site.server.forgetRequests()
        for _ in 0..<Self.polls {
            let before = try await polls(agent)
            agent.send(SIGHUP)
            try await eventually("a poll ends: \(agent.errors)") { try await polls(agent) == before + 1 }
        }
        // What follows on a poll has begun when a question is answered.
        _ = try await agent.status()
        return site.server.requests.map { "\($0.operation.rawValue) \($0.status ?? 0)" }
    }

    private func polls(_ agent: RunningAgent) async throws -> Double {
        try await agent.metrics()["aspired_sync_total", "result=\"success\""] ?? 0
    }

    @Test("under latest a poll is one LIST, however many files and versions there are")
    func latest() async throws {
        try await Site.with { site in
            fill(site)
            try await site.aspired.run(site.arguments() + Self.arguments) { agent in
                try await site.wait(until: agent, holds: 7)
                #expect(try await asked(agent, site) == Array(repeating: "list 200", count: Self.polls))
            }
        }
    }

    @Test("under numbers that are all published nothing is asked, not even at the start; when one is missing, it is")
    func numbers() async throws {
        try await Site.with { site in
            fill(site)
            let arguments = site.arguments(query: "ready=none&versions=3,7") + Self.arguments
            try await site.aspired.run(arguments) { agent in
                try await site.wait(until: agent, holds: 3, 7)
                #expect(try await asked(agent, site) == [])
            }
            try await site.aspired.run(arguments) { agent in
                try await agent.waitUntilReady()
                #expect(try await asked(agent, site) == [])
                try removeTree(site.published(3))
                try removeTree("\(site.state)/manifests/mnist/3.json")
                agent.send(SIGHUP)
                try await site.wait(until: agent, holds: 3, 7)
                #expect(site.gets.count == 5)
            }
        }
    }
}

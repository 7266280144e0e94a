import S3Fixture
import Testing

@Suite(
    "A volume on a tmpfs under a memory limit", .fewAtATime, .enabled(if: SmallVolume.isPossible, SmallVolume.message),
    .enabled(if: MemoryGroup.isPossible, MemoryGroup.message))
struct MemoryLimitTests {
    private static let size = 120_000_000

    @Test("what does not fit the limit is refused before the first byte, and fetched by itself when it fits")
    func limit() async throws {
        try await Site.with { site in
            try await SmallVolume.with(site.root, size: "400m") {
                try await MemoryGroup.with(limit: 128 << 20) { group in
                    site.server.put(
                        bucket: "models", key: "mnist/1/model", synthetic: SyntheticContent(size: Self.size, seed: 1))
                    var aspired = site.aspired
                    aspired.prefix = group.prefix
                    let once = try await aspired(["once"] + site.arguments())
                    #expect(once.code == 73, "\(once)")
                    for word in [site.root, "115 MiB needed", "memory limit of 128 MiB", "missing", "raise the limit"] {
                        #expect(once.lastWord.contains(word), "'\(word)' is missing: \(once)")
                    }
                    #expect(once.errors.contains("\(site.root) is a tmpfs"), "\(once)")

                    try await aspired.run(site.arguments() + ["--poll-interval", "200ms"]) { agent in
                        try await eventually("it is said: \(agent.errors)") { agent.said("115 MiB needed") }
                        #expect(site.gets.isEmpty)
                        try group.set(limit: 512 << 20)
                        try await site.wait(until: agent, holds: 1)
                    }
                }
            }
        }
    }
}

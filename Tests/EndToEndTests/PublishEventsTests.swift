import Testing

@Suite("Directory events", .fewAtATime)
struct PublishEventsTests {
    private static let publishes = 50

    @Test(
        "over 50 publishes there is one event for each version in and one for each out, and no reader finds a part",
        .enabled(if: EventWatch.isInstalled, EventWatch.message))
    func oneEventEach() async throws {
        try await Site.with { site in
            let reader = VersionReader(site.base())
            try put(1, site, reader)
            try await site.aspired.run(site.arguments() + ["--poll-interval", "100ms"]) { agent in
                try await eventually("version 1 is there") { exists(site.published(1)) }
                let events = try await EventWatch.with(site.base()) { watch in
                    try await reader.reading {
                        for version in 2...(Self.publishes + 1) {
                            try put(version, site, reader)
                            try await site.wait(until: agent, holds: version)
                        }
                    }
                    let expected = 2 * Self.publishes
                    try await eventually("all events came: \(watch.events)") { watch.events.count >= expected }
                    // Whatever else there might be comes before the answer to a look at the source that begins now.
                    let looks = site.lists.count
                    try await eventually("the source was looked at again") { site.lists.count > looks + 2 }
                    return watch.events
                }
                var expected: [String] = []
                for version in 2...(Self.publishes + 1) {
                    expected += ["MOVED_TO,ISDIR \(version)", "MOVED_FROM,ISDIR \(version - 1)"]
                }
                #expect(events == expected)
                #expect(reader.faults == [])
                #expect(reader.seen.count >= Self.publishes)
                #expect(try await agent.stop() == .exited(0))
            }
        }
    }

    private func put(_ version: Int, _ site: Site, _ reader: VersionReader) throws {
        let files = Models.version(version, size: 4_000)
        reader.expect(version, files)
        try site.put(version, files)
    }
}

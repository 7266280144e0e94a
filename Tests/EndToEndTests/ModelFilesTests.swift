import Testing

@Suite("--model-files", .fewAtATime)
struct ModelFilesTests {
    private static func put(_ name: String, _ text: String, _ site: Site) throws {
        try makeDirectory("\(site.bucket)/mnist")
        try writeFile("\(site.scratch)/new", Array(text.utf8))
        try moveFile("\(site.scratch)/new", to: "\(site.bucket)/mnist/\(name)")
    }

    private static func content(_ name: String, _ site: Site) -> String? {
        (try? readFile("\(site.base())/\(name)")).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(
        "once takes them by the listing that there is, and fetches only what has changed; what is not asked for stays in the bucket"
    )
    func once() async throws {
        try await Site.with { site in
            try site.put(1)
            for (name, text) in [("config.pbtxt", "first"), ("labels.txt", "a"), ("notes.md", "n")] {
                try Self.put(name, text, site)
            }
            let files = ["--model-files", "*.pbtxt,labels.*"]
            let first = try await site.aspired(["once"] + site.arguments() + files)
            #expect(first.code == 0, "\(first)")
            #expect(site.versions() == ["1", "config.pbtxt", "labels.txt"])
            #expect(Self.content("config.pbtxt", site) == "first" && Self.content("labels.txt", site) == "a")

            let (gets, lists) = (site.gets.count, site.lists.count)
            let second = try await site.aspired(["once"] + site.arguments() + files)
            #expect(second.code == 0 && site.gets.count == gets, "\(second)")
            #expect(site.lists.count == lists + 1, "no listing of its own")

            try Self.put("config.pbtxt", "second", site)
            let third = try await site.aspired(["once"] + site.arguments() + files)
            #expect(third.code == 0 && site.gets.count == gets + 1, "\(third)")
            #expect(Self.content("config.pbtxt", site) == "second" && Self.content("labels.txt", site) == "a")
            #expect(try await site.once().code == 0)
            #expect(site.versions() == ["1", "config.pbtxt", "labels.txt"], "without the flag nothing is taken away")
        }
    }

    @Test("run replaces each by one event, whole", .enabled(if: EventWatch.isInstalled, EventWatch.message))
    func oneEvent() async throws {
        try await Site.with { site in
            try site.put(1)
            let texts = (0..<20).map { String(repeating: "\($0) ", count: 20_000) }
            try Self.put("config.pbtxt", texts[0], site)
            try await site.aspired.run(site.arguments() + ["--poll-interval", "100ms", "--model-files", "*"]) { agent in
                try await eventually("it is there: \(agent.errors)") { Self.content("config.pbtxt", site) == texts[0] }
                let events = try await EventWatch.with(site.base()) { watch in
                    for text in texts.dropFirst() {
                        try Self.put("config.pbtxt", text, site)
                        try await eventually("it is replaced: \(agent.errors)", every: .milliseconds(1)) {
                            let now = Self.content("config.pbtxt", site)
                            #expect(now.map(texts.contains) == true, "a part of it was seen")
                            return now == text
                        }
                    }
                    let looks = site.lists.count
                    try await eventually("the source was looked at again") { site.lists.count > looks + 2 }
                    return watch.events
                }
                #expect(events == texts.dropFirst().map { _ in "MOVED_TO config.pbtxt" })
                #expect(try await agent.stop() == .exited(0))
            }
        }
    }
}

import Glibc
import PlainJSON
import Testing

@Suite("aspired verify", .fewAtATime)
struct VerifyTests {
    private static let shard = "variables/variables.data-00000-of-00001"

    @Test("reads the volume alone, beside a running agent, too; damage is named and exits 65, what a server left is no damage")
    func verify() async throws {
        try await Site.with { site in
            try site.put(1)
            try site.put(2, of: "other")
            let both = ["--model", "other=s3://models/other?ready=none"]
            try await site.aspired.run(site.arguments() + both) { agent in
                try await agent.waitUntilReady()
                let whole = try await site.aspired("verify", "--root", site.root)
                #expect(whole.code == 0 && whole.output.contains("mnist 1") && whole.output.contains("other 2"), "\(whole)")
                #expect(!whole.output.contains("damaged"), "\(whole)")

                try makeDirectory("\(site.published(1))/__pycache__")
                var bytes = try readFile("\(site.published(1))/\(Self.shard)")
                bytes[bytes.count / 2] ^= 4
                try writeFile("\(site.published(1))/\(Self.shard)", bytes)
                let damaged = try await site.aspired("verify", "--root", site.root, "-o", "json")
                #expect(damaged.code == 65, "\(damaged)")
                let words = "1 file in 1 version not as published, first mnist 1 \(Self.shard): it does not have the bytes"
                #expect(damaged.lastWord.contains(words), "\(damaged)")
                let models = damaged.json?["models"]?.array ?? []
                let found = models.first { $0["name"]?.string == "mnist" }?["versions"]?[0]
                #expect(found?["damaged"]?[0]?["path"]?.string == Self.shard, "\(damaged)")
                #expect(found?["additions"]?[0]?.string == "__pycache__/", "\(damaged)")
                #expect(models.first { $0["name"]?.string == "other" }?["versions"]?[0]?["damaged"]?.array?.isEmpty == true)

                // As the message says.
                try moveFile(site.published(1), to: "\(site.scratch)/damaged")
                agent.send(SIGHUP)
                try await eventually("it is there again: \(agent.errors)") { site.versions() == ["1"] }
                let again = try await site.aspired("verify", "--root", site.root)
                #expect(again.code == 0, "\(again)")
                #expect(try await agent.stop() == .exited(0))
            }
        }
    }

    /// One wrong bit, in place.
    private static func damage(_ site: Site, _ version: Int) throws {
        let path = "\(site.published(version))/\(shard)"
        var bytes = try readFile(path)
        bytes[bytes.count / 2] ^= 4
        try writeFile(path, bytes)
    }

    @Test("--repair fetches what is damaged anew, and nothing else: out and in, by itself, from where the volume says it came")
    func repairs() async throws {
        try await Site.with { site in
            for version in 1...3 { try site.put(version) }
            #expect(try await site.aspired(["once"] + site.arguments(query: "ready=none&versions=1,2")).code == 0)
            let whole = try FileTree(site.published(1))
            try Self.damage(site, 2)
            try await EventWatch.with(site.base()) { watch in
                let outcome = try await site.aspired(
                    "verify", "--repair", "--root", site.root, "--ready", "none", "--republish-pause", "10ms")
                #expect(outcome.code == 0, "\(outcome)")
                #expect(outcome.output.contains("mnist 2  4 files") && outcome.output.contains("1 damaged"), "\(outcome)")
                try await eventually("both events are there") { watch.events.count >= 2 }
                #expect(watch.events == ["MOVED_FROM,ISDIR 2", "MOVED_TO,ISDIR 2"])
            }
            #expect(site.versions() == ["1", "2"], "nothing else is fetched or pruned")
            #expect(try FileTree(site.published(1)) == whole)
            #expect(try FileTree(site.published(2)).files == Models.version(2))
            #expect(!exists("\(site.state)/repair"))
            #expect(try await site.aspired("verify", "--root", site.root).code == 0)
        }
    }

    @Test("--repair asks the run that holds the volume")
    func asksTheHolder() async throws {
        try await Site.with { site in
            try site.put(1)
            try await site.aspired.run(site.arguments() + ["--poll-interval", "100ms", "--republish-pause", "10ms"]) { agent in
                try await agent.waitUntilReady()
                try Self.damage(site, 1)
                let outcome = try await site.aspired("verify", "--repair", "--root", site.root)
                #expect(
                    outcome.code == 65 && outcome.lastWord.contains("was asked to fetch each such version anew"), "\(outcome)")
                try await eventually("it is as it was: \(agent.errors)") {
                    (try? FileTree(site.published(1)).files) == Models.version(1)
                }
                try await eventually("the request is gone") { !exists("\(site.state)/repair") }
                #expect(try await site.aspired("verify", "--repair", "--root", site.root).code == 0)
                #expect(try await agent.stop() == .exited(0))
            }
        }
    }

    @Test("what the source does not have any more stays as it is, damaged, and is told")
    func repairsInVain() async throws {
        try await Site.with { site in
            for version in 1...2 { try site.put(version) }
            #expect(try await site.aspired(["once"] + site.arguments(query: "ready=none&versions=all")).code == 0)
            try Self.damage(site, 1)
            try site.withdraw(1)
            let before = try FileTree(site.base())
            let outcome = try await site.aspired("verify", "--repair", "--root", site.root, "--ready", "none")
            #expect(outcome.code == 66 && outcome.errors.contains("does not have it any more"), "\(outcome)")
            #expect(try FileTree(site.base()) == before)
        }
    }

    @Test("where nothing is published it says so; where there is no volume it is an error")
    func nothing() async throws {
        try await Site.with { site in
            #expect(try await site.once().code == 66)
            let outcome = try await site.aspired("verify", "--root", site.root)
            #expect(outcome.code == 0 && outcome.output == "nothing is published\n", "\(outcome)")
            #expect(try await site.aspired("verify", "--root", "\(site.scratch)/none").code == 73)
        }
    }
}

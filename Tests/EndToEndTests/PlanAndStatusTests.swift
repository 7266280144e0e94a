import Glibc
import PlainJSON
import S3Fixture
import Testing

@Suite("plan, status, config", .fewAtATime)
struct PlanAndStatusTests {
    @Test("plan says what would be fetched, published and pruned, with bytes, and changes nothing")
    func plan() async throws {
        try await Site.with { site in
            let old = Models.version(1, size: 1_000_000)
            try site.put(1, old)
            #expect(try await site.once().code == 0)
            let files = Models.version(2, size: 2_000_000)
            try site.put(2, files)
            let before = try FileTree(site.root)
            site.server.forgetRequests()
            let text = try await site.aspired(["plan"] + site.arguments())
            #expect(text.code == 0 && text.errors.isEmpty, "\(text)")
            for word in ["mnist", "fetch", "publish", "prune", "1.9 MiB", "s3://models/mnist"] {
                #expect(text.output.contains(word), "'\(word)' is missing: \(text)")
            }
            let json = try await site.aspired(["plan", "-o", "json"] + site.arguments())
            #expect(json.code == 0, "\(json)")
            let model = json.json?["models"]?[0]
            #expect(model?["fetch"]?[0]?["version"]?.string == "2")
            #expect(model?["fetch"]?[0]?["bytes"]?.integer == Models.bytes(files))
            #expect(model?["fetch"]?[0]?["files"]?.integer == 4)
            #expect(model?["publish"]?[0]?["version"]?.string == "2")
            withKnownIssue("plan does not tell the prunes that follow a publication") {
                #expect(model?["prune"]?[0]?["version"]?.string == "1")
                #expect(model?["prune"]?[0]?["bytes"]?.integer == Models.bytes(old))
            }
            #expect(try FileTree(site.root) == before)
            #expect(site.gets.isEmpty)

            // It is what once does.
            #expect(try await site.once().code == 0)
            #expect(site.versions() == ["2"])
            let after = try await site.aspired(["plan"] + site.arguments())
            #expect(after.output.contains("nothing to do"), "\(after)")
        }
    }

    @Test("plan on a volume that was never used makes nothing")
    func planOnNewVolume() async throws {
        try await Site.with { site in
            try site.put(1)
            let outcome = try await site.aspired(["plan"] + site.arguments())
            #expect(outcome.code == 0, "\(outcome)")
            #expect(try names(in: site.root) == [])
            let failing = try await site.aspired(["plan", "--root", site.root, "--model", "mnist=s3://nowhere/mnist"])
            #expect(failing.code == 66, "\(failing)")
            #expect(failing.errors.contains("NoSuchBucket"))
        }
    }

    @Test("plan beside a running agent changes nothing, and does not wait for it")
    func planBesideAgent() async throws {
        try await Site.with { site in
            try site.put(1)
            try await site.aspired.run(site.arguments() + ["--poll-interval", "1h"]) { agent in
                try await agent.waitUntilReady()
                try site.put(2)
                let before = try FileTree(site.root)
                let outcome = try await site.aspired(["plan", "-o", "json"] + site.arguments())
                #expect(outcome.code == 0, "\(outcome)")
                #expect(outcome.json?["models"]?[0]?["fetch"]?[0]?["version"]?.string == "2")
                #expect(try FileTree(site.root) == before)
            }
        }
    }

    @Test("status tells from the volume alone what it holds, with and without an agent")
    func status() async throws {
        try await Site.with { site in
            try site.put(7)
            try await site.aspired.run(site.arguments()) { agent in
                try await agent.waitUntilReady()
                let beside = try await status(of: site)
                #expect(beside["holder"]?.string?.contains("\(agent.process.identifier)") == true)
                #expect(try await agent.stop() == .exited(0))
            }
            // Neither endpoint nor credentials, and nobody who runs.
            let alone = try await status(of: site)
            #expect(alone["holder"]?.isNull == true)
            let before = try FileTree(site.root)
            let text = try await Aspired(environment: ["PATH": "/usr/bin:/bin"])("status", "--root", site.root)
            #expect(text.code == 0, "\(text)")
            let rows = text.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            #expect(rows.first?.prefix(3) == ["MODEL", "VERSION", "STATE"])
            #expect(rows.dropFirst().map { Array($0.prefix(4)) } == [["mnist", "7", "published", "4"]])
            #expect(try FileTree(site.root) == before)
        }
    }

    private func status(of site: Site) async throws -> JSON {
        let outcome = try await Aspired(environment: ["PATH": "/usr/bin:/bin"])("status", "-o", "json", "--root", site.root)
        #expect(outcome.code == 0 && outcome.errors.isEmpty, "\(outcome)")
        let status = try #require(outcome.json)
        let version = status["models"]?[0]?["versions"]?[0]
        #expect(version?["version"]?.integer == 7)
        #expect(version?["state"]?.string == "published")
        #expect(version?["bytes"]?.integer == Models.bytes(Models.version(7)))
        return status
    }

    @Test("config shows each value with its origin, and masks what may be secret")
    func config() async throws {
        try await Site.with { site in
            var aspired = site.aspired
            aspired.environment["ASPIRED_POLL_INTERVAL"] = "90s"
            aspired.environment["ASPIRED_KEEP_FREE"] = "10%"
            aspired.environment["AWS_ENDPOINT_URL"] = "http://someone:\(Aspired.wrongSecret)@127.0.0.1:1"
            let arguments = site.arguments() + ["--keep-free", "64MiB"]
            let outcome = try await aspired(["config", "-o", "json"] + arguments)
            #expect(outcome.code == 0 || outcome.code == 64, "\(outcome)")
            let settings = outcome.json?["settings"]?.array ?? []
            func setting(_ name: String) -> JSON? { settings.first { $0["name"]?.string == name } }
            #expect(setting("poll-interval")?["value"]?.string == "90s")
            #expect(setting("poll-interval")?["origin"]?.string == "ASPIRED_POLL_INTERVAL")
            #expect(setting("keep-free")?["origin"]?.string == "--keep-free")
            #expect(setting("prune-delay")?["origin"]?.string == "default")
            let text = try await aspired(["config"] + arguments)
            #expect(text.output.contains("ASPIRED_POLL_INTERVAL"), "\(text)")
        }
    }

    @Test("config tells every fault, and none of them with a secret")
    func faults() async throws {
        let aspired = Aspired(environment: [
            "PATH": "/usr/bin:/bin", "ASPIRED_POL_INTERVAL": "3s", "ASPIRED_SETTLE": "never",
            "ASPIRED_MODEL": "mnist=s3://AKIAIOSFODNN7EXAMPLE:\(FixtureCredentials.example.secretKey)@models/mnist",
        ])
        let outcome = try await aspired("config", "-o", "json")
        #expect(outcome.code == 64, "\(outcome)")
        #expect(outcome.json?["faults"]?.array.map { $0.count >= 3 } == true, "\(outcome)")
    }

    @Test("results go to standard output, logs to standard error: once writes nothing to the former")
    func streams() async throws {
        try await Site.with { site in
            try site.put(1)
            let outcome = try await site.once()
            #expect(outcome.output.isEmpty)
            #expect(outcome.lines.allSatisfy { $0.json?["time"]?.string != nil && !$0.level.isEmpty })
            let text = try await site.once("--log-format", "text")
            #expect(text.output.isEmpty)
            let help = try await site.aspired("help")
            #expect(help.code == 0 && help.errors.isEmpty)
            for command in ["run", "once", "plan", "status", "config", "probe"] { #expect(help.output.contains(command)) }
        }
    }
}

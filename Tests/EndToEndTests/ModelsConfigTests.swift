import Glibc
import PlainJSON
import S3Fixture
import Testing

@Suite("--models-config", .fewAtATime)
struct ModelsConfigTests {
    private static func list(_ models: (name: String, rest: String)...) -> [UInt8] {
        let configs = models.map {
            "  config { name: \"\($0.name)\" base_path: \"s3://models/\($0.name)?ready=none\" \($0.rest) }\n"
        }
        return Array("# by hand\nmodel_config_list {\n\(configs.joined())}\n".utf8)
    }

    private static let quickly = ["--poll-interval", "1h"]

    @Test("once syncs what the list names, as its policies say")
    func once() async throws {
        try await Site.with { site in
            for version in 1...3 { try site.put(version, of: "a") }
            for version in 1...3 { try site.put(version, of: "b") }
            for version in 1...3 { try site.put(version, of: "c") }
            let text = Self.list(
                ("a", ""), ("b", "model_version_policy { specific { versions: 1 versions: 3 } }"),
                ("c", "model_version_policy: { latest { num_versions: 2 } }"))
            try writeFile("\(site.scratch)/models.config", text)
            let outcome = try await site.aspired("once", "--root", site.root, "--models-config", "\(site.scratch)/models.config")
            #expect(outcome.code == 0, "\(outcome)")
            #expect(site.versions(of: "a") == ["3"])
            #expect(site.versions(of: "b") == ["1", "3"])
            #expect(site.versions(of: "c") == ["2", "3"])
            #expect(!exists("\(site.state)/models.config"), "only run, which sees what is taken out, keeps a list")
            let plan = try await site.aspired(
                "plan", "--root", site.root, "--models-config", "\(site.scratch)/models.config", "-o", "json")
            #expect(plan.code == 0 && plan.json?["models"]?.array?.count == 3, "\(plan)")
        }
    }

    @Test("run takes a change of the file at once: models come, change their policy, and go; a wrong one changes nothing")
    func edited() async throws {
        try await Site.with { site in
            for version in 1...2 { try site.put(version, of: "a") }
            try site.put(5, of: "b")
            let file = "\(site.scratch)/models.config"
            try writeFile(file, Self.list(("a", "")))
            try await site.aspired.run(["--root", site.root, "--models-config", file] + Self.quickly) { agent in
                try await agent.waitUntilReady()
                #expect(site.versions(of: "a") == ["2"])
                try await eventually("the list is kept") {
                    (try? readFile("\(site.state)/models.config")) == Self.list(("a", ""))
                }

                // In place.
                try writeFile(file, Self.list(("a", "model_version_policy { all {} }"), ("b", "")))
                try await eventually("both models are there: \(agent.errors)") {
                    site.versions(of: "a") == ["1", "2"] && site.versions(of: "b") == ["5"]
                }
                try await eventually("its metrics are there") {
                    try await agent.metrics()["aspired_versions", "model=\"b\"", "state=\"published\""] == 1
                }

                // By a rename, and wrong.
                let wrong = Array("model_config_list {\n  config { name: 'a' }\n}".utf8)
                try writeFile("\(file).new", wrong)
                try moveFile("\(file).new", to: file)
                try await eventually("the fault is told: \(agent.errors)") {
                    agent.said("\(file): line 2, column 3: the model a has no base_path; the list before stays in force")
                }
                #expect(site.versions(of: "a") == ["1", "2"] && site.versions(of: "b") == ["5"])
                #expect(try await agent.get("/readyz").status == 200)

                try writeFile("\(file).new", Self.list(("b", "")))
                try moveFile("\(file).new", to: file)
                try await eventually("a is gone: \(agent.errors)") { !exists(site.base("a")) }
                #expect(site.versions(of: "b") == ["5"])
                try await eventually("its metrics are gone") {
                    try await agent.metrics()["aspired_versions", "model=\"a\""] == nil
                }
                #expect(try await agent.status()["models"]?.array?.count == 1)
                #expect(try await agent.stop() == .exited(0))
            }
        }
    }

    @Test("run takes the swap of a ConfigMap's ..data at once")
    func configMap() async throws {
        try await Site.with { site in
            try site.put(1, of: "a")
            try site.put(5, of: "b")
            let volume = "\(site.scratch)/config"
            try makeDirectory(volume)
            func swap(_ number: Int, _ text: [UInt8]) throws {
                try makeDirectory("\(volume)/..\(number)")
                try writeFile("\(volume)/..\(number)/models.config", text)
                try #require(symlink("..\(number)", "\(volume)/..data_tmp") == 0)
                try moveFile("\(volume)/..data_tmp", to: "\(volume)/..data")
                if number > 1 { try removeTree("\(volume)/..\(number - 1)") }
            }
            try swap(1, Self.list(("a", "")))
            try #require(symlink("..data/models.config", "\(volume)/models.config") == 0)
            try await site.aspired.run(["--root", site.root, "--models-config", "\(volume)/models.config"] + Self.quickly) {
                agent in
                try await agent.waitUntilReady()
                try swap(2, Self.list(("a", ""), ("b", "")))
                try await eventually("b is there: \(agent.errors)") { site.versions(of: "b") == ["5"] }
                try swap(3, Self.list(("b", "")))
                try await eventually("a is gone: \(agent.errors)") { !exists(site.base("a")) }
                #expect(try await agent.stop() == .exited(0))
            }
        }
    }

    @Test("a list in S3 is asked for with its ETag; an outage of it keeps what is there, also over a restart")
    func object() async throws {
        try await Site.with { site in
            try site.put(1, of: "a")
            try site.put(5, of: "b")
            site.server.put(bucket: "models", key: "conf/models.config", data: Self.list(("a", "")))
            let arguments = [
                "--root", site.root, "--models-config", "s3://models/conf/models.config", "--poll-interval", "200ms",
            ]
            try await site.aspired.run(arguments) { agent in
                try await agent.waitUntilReady()
                try await eventually("it is asked for again") {
                    site.gets.count { $0.key == "conf/models.config" && $0.status == 304 } >= 2
                }
                site.server.put(bucket: "models", key: "conf/models.config", data: Self.list(("a", ""), ("b", "")))
                try await eventually("b is there: \(agent.errors)") { site.versions(of: "b") == ["5"] }
                try await eventually("the list is kept") {
                    (try? readFile("\(site.state)/models.config")) == Self.list(("a", ""), ("b", ""))
                }
                #expect(site.gets.count { $0.key == "conf/models.config" && $0.status == 200 } == 2)
                #expect(try await agent.stop() == .exited(0))
            }

            site.server.script(Fault(.status(503, code: "SlowDown"), on: .get, key: "models/conf/models.config", times: nil))
            try await site.aspired.run(arguments) { agent in
                try await agent.waitUntilReady()
                #expect(agent.said("going on with the last good list"), "\(agent.errors)")
                #expect(site.versions(of: "a") == ["1"] && site.versions(of: "b") == ["5"])
                site.server.clearScript()
                site.server.put(bucket: "models", key: "conf/models.config", data: Self.list(("b", "")))
                try await eventually("a is gone: \(agent.errors)") { !exists(site.base("a")) }
                #expect(try await agent.stop() == .exited(0))
            }
        }
    }

    @Test("started in an outage of the list with nothing on the volume, run waits for it and is not ready")
    func noList() async throws {
        try await Site.with { site in
            try site.put(1, of: "a")
            site.server.put(bucket: "models", key: "models.config", data: Self.list(("a", "")))
            site.server.script(Fault(.status(503, code: "SlowDown"), on: .get, key: "models/models.config", times: nil))
            let arguments = ["--root", site.root, "--models-config", "s3://models/models.config", "--poll-interval", "200ms"]
            try await site.aspired.run(arguments) { agent in
                let reply = try await agent.get("/readyz")
                #expect(reply.status == 503 && reply.body.contains("the list of models s3://models/models.config cannot be had"))
                #expect(try await agent.get("/healthz").status == 200)
                site.server.clearScript()
                try await agent.waitUntilReady()
                #expect(site.versions(of: "a") == ["1"])
                #expect(try await agent.stop() == .exited(0))
            }
        }
    }

    @Test("what an edit took out while nothing ran goes at the next start of run, and at no once")
    func takenOutWhileAway() async throws {
        try await Site.with { site in
            try site.put(1, of: "a")
            try site.put(5, of: "b")
            let file = "\(site.scratch)/models.config"
            let arguments = ["--root", site.root, "--models-config", file]
            try writeFile(file, Self.list(("a", ""), ("b", "")))
            try await site.aspired.run(arguments + Self.quickly) { agent in
                try await agent.waitUntilReady()
                try await eventually("the list is kept") { exists("\(site.state)/models.config") }
                #expect(try await agent.stop() == .exited(0))
            }
            try writeFile(file, Self.list(("b", "")))
            #expect(try await site.aspired(["once"] + arguments).code == 0)
            #expect(site.versions(of: "a") == ["1"])
            try await site.aspired.run(arguments + Self.quickly) { agent in
                try await eventually("a is gone: \(agent.errors)") { !exists(site.base("a")) }
                #expect(site.versions(of: "b") == ["5"])
                #expect(try await agent.stop() == .exited(0))
            }
        }
    }

    @Test("SIGHUP has the list read again")
    func hangup() async throws {
        try await Site.with { site in
            try site.put(1, of: "a")
            try site.put(5, of: "b")
            site.server.put(bucket: "models", key: "models.config", data: Self.list(("a", "")))
            let arguments = ["--root", site.root, "--models-config", "s3://models/models.config"] + Self.quickly
            try await site.aspired.run(arguments) { agent in
                try await agent.waitUntilReady()
                site.server.put(bucket: "models", key: "models.config", data: Self.list(("a", ""), ("b", "")))
                agent.send(SIGHUP)
                try await eventually("b is there: \(agent.errors)") { site.versions(of: "b") == ["5"] }
                #expect(try await agent.stop() == .exited(0))
            }
        }
    }

    @Test(
        "a list that was read and is wrong is 78 at the start, wherever it lies, and so is a file that is not there",
        arguments: ["once", "run", "plan", "config"])
    func wrong(_ command: String) async throws {
        try await Site.with { site in
            let file = "\(site.scratch)/models.config"
            func outcome(_ place: String) async throws -> Aspired.Outcome {
                try await site.aspired(command, "--root", site.root, "--models-config", place)
            }
            let missing = try await outcome(file)
            #expect(
                missing.code == 78 && (missing.output + missing.errors).contains("read the list of models \(file): "),
                "\(missing)")
            for (text, fault) in [
                ("model_config_list { config { nam: 1 } }", "line 1, column 21: a model has no name"),
                ("", "line 1, column 1: it names no model"),
                ("model_config_list {", "line 1, column 20: a bracket is not closed"),
            ] {
                try writeFile(file, Array(text.utf8))
                let local = try await outcome(file)
                #expect(local.code == 78 && (local.output + local.errors).contains("\(file): \(fault)"), "\(local)")
                // config asks nobody.
                if command == "config" { continue }
                site.server.put(bucket: "models", key: "models.config", data: Array(text.utf8))
                let remote = try await outcome("s3://models/models.config")
                #expect(remote.code == 78 && remote.errors.contains("s3://models/models.config: \(fault)"), "\(remote)")
            }
            #expect(try names(in: site.root).isEmpty)
        }
    }

    @Test("once: a list that cannot be had has the source's exit code")
    func sourceCodes() async throws {
        try await Site.with { site in
            let nobody = try await site.aspired("once", "--root", site.root, "--models-config", "s3://nobody/models.config")
            #expect(nobody.code == 66, "\(nobody)")
            let noKey = try await site.aspired("once", "--root", site.root, "--models-config", "s3://models/models.config")
            #expect(noKey.code == 66, "\(noKey)")
            var denied = site.aspired
            denied.environment["AWS_SECRET_ACCESS_KEY"] = Aspired.wrongSecret
            #expect(try await denied("once", "--root", site.root, "--models-config", "s3://models/models.config").code == 77)
            site.server.put(bucket: "models", key: "models.config", data: Self.list(("a", "")))
            site.server.script(Fault(.status(503, code: "SlowDown"), on: .get, key: "models/models.config", times: nil))
            let down = try await site.aspired(
                "once", "--root", site.root, "--models-config", "s3://models/models.config", "--timeout", Site.timeIsOver)
            #expect(down.code == 69, "the cause beats the time-out: \(down)")
        }
    }
}

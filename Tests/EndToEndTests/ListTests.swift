import PlainJSON
import S3Fixture
import ServingEmulator
import Testing

/// `--render-models-config`, beside a model server that reads the list every 10 ms.
@Suite("the server's list of models", .fewAtATime)
struct ListTests {
    private struct Place {
        let site: Site
        let server: TensorFlowServingEmulator
        let reading: ListReading
        var models: String { "\(site.scratch)/models.config" }
        var list: String { "\(site.root)/models.config" }

        /// Writes the list that is aspired: entries in the text format.
        func write(_ entries: String...) throws {
            try writeFile(models, Array("# Ours.\nmodel_config_list {\n\(entries.joined(separator: "\n"))\n}\n".utf8))
        }

        /// `aspired run` with it.
        func run(_ body: (RunningAgent) async throws -> Void) async throws {
            let url = try #require(server.url)
            let arguments = [
                "--root", site.root, "--models-config", models, "--render-models-config", list, "--server",
                "tensorflow-serving=\(url)", "--poll-interval", "100ms",
            ]
            try await site.aspired.run(arguments) { agent in
                try await body(agent)
                #expect(try await agent.stop() == .exited(0))
            }
        }

        func wait(for what: String, _ agent: RunningAgent, _ condition: () throws -> Bool) async throws {
            try await eventually(
                "\(what): list \(reading.texts.last ?? "none"), volume \(site.versions()), server \(server.states(of: "mnist")), "
                    + "\(reading.refusals)\n\(agent.errors.suffix(4_000))"
            ) { try condition() }
        }
    }

    private static func with(_ body: (Place) async throws -> Void) async throws {
        try await Site.with { site in
            let server = TensorFlowServingEmulator(models: [], options: ServedSite.options())
            let place = Place(
                site: site, server: server, reading: ListReading("\(site.root)/models.config", server: server))
            try await server.running { try await place.reading.reading { try await body(place) } }
        }
    }

    private static func entry(_ name: String, _ more: String = "") -> String {
        "  config { name: \"\(name)\" base_path: \"s3://models/\(name)?ready=none\" model_platform: \"tensorflow\" \(more) }"
    }

    @Test("a model enters the server's list with its first version, and leaves it before its files go")
    func comesAndGoes() async throws {
        try await Self.with { place in
            try place.site.put(1)
            try place.write(Self.entry("mnist"), Self.entry("later", "logging_config { [x.y/Z] { kept: 1 } }"))
            try await place.run { agent in
                try await place.wait(for: "mnist is served", agent) { place.server.available(of: "mnist") == [1] }
                #expect(place.reading.entry("later") == nil)
                try place.site.put(4, of: "later")
                try await place.wait(for: "the other is served", agent) { place.server.available(of: "later") == [4] }
                #expect(
                    place.reading.texts.last?.contains("kept: 1") == true
                        && place.reading.texts.last?.hasPrefix("# Ours.") == true)
                try place.write(Self.entry("later"))
                try await place.wait(for: "mnist leaves", agent) { !exists(place.site.base()) }
                #expect(place.server.states(of: "mnist")[1] == .end)
                #expect(place.server.lastPollError == nil, "its base path was there for as long as the server looked for it")
            }
            #expect(place.reading.refusals == [])
        }
    }

    @Test("a policy changes in the server's list when its versions are in place; a rollback hides nothing, and always serves")
    func policies() async throws {
        try await Self.with { place in
            for version in [1, 2, 3] { try place.site.put(version) }
            try place.write(Self.entry("mnist", "model_version_policy { specific { versions: 1 } }"))
            try await place.run { agent in
                func serves(_ versions: Int64...) async throws {
                    try await place.wait(for: "\(versions) are served", agent) {
                        place.server.available(of: "mnist") == versions && place.site.versions() == versions.map(String.init)
                    }
                }
                try await serves(1)
                try place.write(Self.entry("mnist", "model_version_policy { specific { versions: 3 } }"))
                try await serves(3)
                try place.write(Self.entry("mnist", "model_version_policy { specific { versions: 2 } }"))
                try await serves(2)
                try place.write(Self.entry("mnist"))
                try await serves(3)
                // A rollback in the bucket: the server's own choice would be the higher one for as long as that is there.
                try place.site.withdraw(3)
                try await serves(2)
                #expect(!exists("\(place.site.state)/parked/mnist"))
                try await place.wait(for: "the policy is its own", agent) { place.reading.entry("mnist") == "none" }
                try place.write(Self.entry("mnist", "model_version_policy { all {} }"))
                try await serves(1, 2)
            }
            #expect(place.reading.refusals == [])
            let counts = place.server.history(of: "mnist").drop { $0 == 0 }
            #expect(counts.allSatisfy { $0 > 0 }, "\(counts)\n\(place.server.events)\n\(place.reading.texts)")
        }
    }

    @Test("what the server cannot load goes out, the old version is served all the time, and the next one is taken")
    func refused() async throws {
        try await Self.with { place in
            try place.site.put(1)
            try place.write(Self.entry("mnist"))
            try await place.run { agent in
                try await place.wait(for: "the first", agent) { place.server.available(of: "mnist") == [1] }
                var bad = Models.version(2)
                bad["saved_model.pb"] = Array("bad 2".utf8)
                try place.site.put(2, bad)
                try await place.wait(for: "the bad one goes out", agent) {
                    exists("\(place.site.state)/refused/mnist/2") && place.site.versions() == ["1"]
                }
                #expect(place.server.available(of: "mnist") == [1])
                try place.site.put(3)
                try await place.wait(for: "the next one", agent) {
                    place.server.available(of: "mnist") == [3] && place.site.versions() == ["3"]
                }
            }
            #expect(place.reading.refusals == [])
            let counts = place.server.history(of: "mnist").drop { $0 == 0 }
            #expect(counts.allSatisfy { $0 > 0 }, "\(counts)")
        }
    }

    @Test("labels move when their version is available, before the old one goes; a server that starts anew comes up")
    func labels() async throws {
        try await Self.with { place in
            try place.site.put(1)
            try place.write(Self.entry("mnist", "version_labels { key: 'stable' value: 1 }"))
            try await place.run { agent in
                try await place.wait(for: "the label", agent) { place.reading.entry("mnist") == "none stable=1" }
                try place.site.put(2)
                try place.write(Self.entry("mnist", "version_labels { key: 'stable' value: 2 }"))
                try await place.wait(for: "the label moves", agent) {
                    place.reading.entry("mnist") == "none stable=2" && place.site.versions() == ["2"]
                }
                #expect(place.reading.refusals == [])
                await place.server.restart()
                try await place.wait(for: "the server is up again, and has its label", agent) {
                    place.server.available(of: "mnist") == [2] && place.reading.entry("mnist") == "none stable=2"
                        && place.server.phase == .serving
                }
            }
        }
    }

    @Test("once writes it for a server that starts then: the models of the command line, and no more than is there")
    func once() async throws {
        try await Site.with { site in
            try site.put(3)
            try site.put(5)
            let list = "\(site.scratch)/served.config"
            let outcome = try await site.aspired(
                ["once"] + site.arguments(query: "ready=none&versions=all") + [
                    "--model", "away=s3://models/away?ready=none&required=false", "--render-models-config", list,
                ])
            #expect(outcome.code == 0, "\(outcome)")
            let text = String(decoding: try readFile(list), as: UTF8.self)
            #expect(
                text == """
                    model_config_list {
                      config { name: "mnist" base_path: "\(site.base())" model_platform: "tensorflow" model_version_policy { all { } } }
                    }

                    """)
            let server = TensorFlowServingEmulator(models: [], options: ServedSite.options())
            let reading = ListReading(list, server: server)
            try await server.running {
                try await reading.reading {
                    try await eventually("both are served") { server.available(of: "mnist") == [3, 5] }
                }
            }
            #expect(reading.refusals == [])
        }
    }

    @Test("a list that cannot be written is told at the start, or fails once")
    func unwritable() async throws {
        try await Site.with { site in
            try site.put(3)
            let nowhere = try await site.once("--render-models-config", "\(site.scratch)/nowhere/models.config")
            #expect(nowhere.code == 78 && nowhere.lastWord.contains("there is no directory"), "\(nowhere)")
            #expect(site.versions() == [])
            for (file, word) in [("mnist/served.config", "base path"), (".aspired/served.config", "--state-dir")] {
                let inside = try await site.once("--render-models-config", "\(site.root)/\(file)")
                #expect(inside.code == 64 && inside.lastWord.contains(word), "\(inside)")
            }
            let list = "\(site.scratch)/served.config"
            try makeDirectory("\(list).new")
            let failed = try await site.once("--render-models-config", list)
            #expect(failed.code == 73 && failed.lastWord.contains(list), "\(failed)")
            #expect(site.versions() == ["3"])
        }
    }
}

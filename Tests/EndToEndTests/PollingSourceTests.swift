import PlainJSON
import Testing

/// The 19 tests of TensorFlow Serving's polling source (`file_system_storage_path_source_test.cc`), by their names there, for what aspired
/// puts on the volume under the same policies: once by a directory as the source, and where the list or the directory changes, by `run`.
@Suite("TensorFlow Serving's own tests of its polling source", .fewAtATime)
struct PollingSourceTests {
    /// A directory of models beside a volume.
    private struct Place {
        let site: Site
        var source: String { "\(site.scratch)/source" }
        var list: String { "\(site.scratch)/models.config" }

        /// Puts children into a model's directory; each is a directory with a file that says its name.
        func put(_ children: String..., of model: String = "m") throws {
            try makeDirectory("\(source)/\(model)")
            for child in children { try Models.write(["content": Array(child.utf8)], to: "\(source)/\(model)/\(child)") }
        }

        func write(_ models: (name: String, policy: String)...) throws {
            let configs = models.map {
                "config { name: \"\($0.name)\" base_path: \"file://\(source)/\($0.name)?ready=none\" \($0.policy) }"
            }
            try writeFile(list, Array("model_config_list { \(configs.joined(separator: "\n")) }".utf8))
        }

        var arguments: [String] { ["--root", site.root, "--models-config", list] }

        func once() async throws -> Aspired.Outcome { try await site.aspired(["once"] + arguments) }

        func run(_ body: (RunningAgent) async throws -> Void) async throws {
            try await site.aspired.run(arguments + ["--poll-interval", "100ms"]) { agent in
                try await body(agent)
                #expect(try await agent.stop() == .exited(0))
            }
        }

        func versions(_ model: String = "m") -> [String] { site.versions(of: model) }

        func wait(_ agent: RunningAgent, _ model: String = "m", _ versions: String...) async throws {
            try await eventually("\(model) has \(versions), not \(self.versions(model)): \(agent.errors)") {
                self.versions(model) == versions
            }
        }
    }

    private static func with(_ body: (Place) async throws -> Void) async throws {
        try await Site.with { site in try await body(Place(site: site)) }
    }

    /// What once makes of some children under a policy.
    private func once(_ policy: String, of children: [String], is versions: [String]) async throws {
        try await Self.with { place in
            for child in children { try place.put(child) }
            try place.write(("m", policy))
            let outcome = try await place.once()
            #expect(outcome.code == 0, "\(outcome)")
            #expect(place.versions() == versions)
            for version in versions { #expect(try readFile("\(place.site.base("m"))/\(version)/content") == Array(version.utf8)) }
        }
    }

    @Test(
        "NoVersionsAtStartup: once says that there is none; run waits, with the base path there, since a missing one holds up all models"
    )
    func noVersionsAtStartup() async throws {
        for children in [[], ["non_numerical_child"]] {
            try await Self.with { place in
                for child in children { try place.put(child) }
                if children.isEmpty { try makeDirectory("\(place.source)/m") }
                try place.write(("m", ""))
                #expect(try await place.once().code == 66)
                try await place.run { agent in
                    try await eventually("it was looked at") { agent.said("started with") && exists(place.site.base("m")) }
                    #expect(try await agent.get("/readyz").status == 503)
                    #expect(place.versions() == [])
                }
            }
        }
    }

    @Test("FilesAppearAfterStartup")
    func filesAppearAfterStartup() async throws {
        try await Self.with { place in
            try place.write(("m", ""))
            try await place.run { agent in
                #expect(place.versions() == [])
                try place.put("3")
                try await place.wait(agent, "m", "3")
            }
        }
    }

    @Test(
        "MultipleVersions, ~AtTheSameTime, NLatestVersions, SpecificVersions, ~LeadingZeros, Default~Policy, ~NumLatestVersions, ParseTimestamped~",
        arguments: [
            ("", ["non_numerical_child", "42", "17"], ["42"]),
            ("model_version_policy { all {} }", ["non_numerical_child", "42", "17"], ["17", "42"]),
            (
                "model_version_policy { latest { num_versions: 3 } }", ["non_numerical_child", "42", "33", "30", "21", "17"],
                ["30", "33", "42"]
            ),
            (
                "model_version_policy { specific { versions: 17 versions: 30 } }",
                ["non_numerical_child", "42", "33", "30", "21", "17"], ["17", "30"]
            ),
            (
                "model_version_policy { specific { versions: 17 versions: 30 } }", ["non_numerical_child", "42", "30", "00017"],
                ["00017", "30"]
            ),
            ("model_version_policy {}", ["non_numerical_child", "42", "33"], ["42"]),
            ("model_version_policy { latest {} }", ["non_numerical_child", "42", "33"], ["42"]),
            ("model_version_policy { all {} }", ["20170111173521"], ["20170111173521"]),
        ])
    func policies(policy: String, children: [String], versions: [String]) async throws {
        try await once(policy, of: children, is: versions)
    }

    @Test("SpecificVersionsEmpty: where the server would unload everything, it is a fault of the list")
    func specificVersionsEmpty() async throws {
        try await Self.with { place in
            try place.put("42")
            try place.write(("m", "model_version_policy { specific {} }"))
            let outcome = try await place.once()
            #expect(outcome.code == 78 && outcome.errors.contains("specific"), "\(outcome)")
        }
    }

    @Test("MultipleServables: each has its own; the one without a version is told, and holds up no other")
    func multipleServables() async throws {
        try await Self.with { place in
            try place.put("1", "3", of: "servable_0")
            try place.put("42", of: "servable_1")
            try makeDirectory("\(place.source)/servable_2")
            try place.write(("servable_0", ""), ("servable_1", ""), ("servable_2", ""))
            #expect(try await place.once().code == 66)
            #expect(place.versions("servable_0") == ["3"] && place.versions("servable_1") == ["42"])
            #expect(place.versions("servable_2") == [])
        }
    }

    @Test("ChangeSetOfServables: one goes, one comes, and the one that stays is left alone")
    func changeSetOfServables() async throws {
        try await Self.with { place in
            for model in ["servable_0", "servable_1", "servable_2"] { try place.put("0", of: model) }
            try place.write(("servable_0", ""), ("servable_1", ""))
            try await place.run { agent in
                try await place.wait(agent, "servable_0", "0")
                try await place.wait(agent, "servable_1", "0")
                let stays = try FileTree(place.site.base("servable_1"))
                try place.write(("servable_1", ""), ("servable_2", ""))
                try await place.wait(agent, "servable_2", "0")
                try await eventually("it is gone") { !exists(place.site.base("servable_0")) }
                #expect(try FileTree(place.site.base("servable_1")) == stays)
            }
        }
    }

    @Test("ChangeVersionPolicy: from the two latest to two by number, one of them spelled with a zero")
    func changeVersionPolicy() async throws {
        try await Self.with { place in
            try place.put("1", "02", "3", "5", "8", "13")
            try place.write(("m", "model_version_policy { latest { num_versions: 2 } }"))
            try await place.run { agent in
                try await place.wait(agent, "m", "13", "8")
                try place.write(("m", "model_version_policy { specific { versions: 2 versions: 5 } }"))
                try await place.wait(agent, "m", "02", "5")
            }
        }
    }

    @Test("AttemptToChangePollingPeriod: no list can; the interval is a flag's, whatever a list says of one")
    func attemptToChangePollingPeriod() async throws {
        try await Self.with { place in
            try place.put("1")
            try place.write(("m", ""))
            try writeFile(place.list, try readFile(place.list) + Array(" file_system_poll_wait_seconds: 5".utf8))
            let outcome = try await place.site.aspired(["config", "-o", "json", "--poll-interval", "7s"] + place.arguments)
            let settings = outcome.json?["settings"]?.array ?? []
            #expect(settings.first { $0["name"]?.string == "poll-interval" }?["value"]?.string == "7s", "\(outcome)")
            #expect(try await place.once().code == 0)
        }
    }

    @Test("ServableVersionDirRenamed: what is renamed or removed in the source goes, and what is left stays")
    func servableVersionDirRenamed() async throws {
        try await Self.with { place in
            try place.put("1", "2", "3", "5", "8")
            try place.write(("m", "model_version_policy { all {} }"))
            try await place.run { agent in
                try await place.wait(agent, "m", "1", "2", "3", "5", "8")
                for version in ["2", "5"] {
                    try moveFile("\(place.source)/m/\(version)", to: "\(place.source)/m/\(version).denied")
                }
                try removeTree("\(place.source)/m/8")
                try await place.wait(agent, "m", "1", "3")
            }
        }
    }

    @Test("DuplicateVersions: where the server takes one of the names, aspired does not guess which was meant")
    func duplicateVersions() async throws {
        try await Self.with { place in
            try place.put("non_numerical_child", "0001", "001", "00001")
            try place.write(("m", ""))
            #expect(try await place.once().code == 65)
            #expect(place.versions() == [])
        }
    }

    @Test("LastVersionNotRemoved: an emptied source takes nothing away")
    func lastVersionNotRemoved() async throws {
        try await Self.with { place in
            try place.put("42")
            try place.write(("m", ""))
            try await place.run { agent in
                try await place.wait(agent, "m", "42")
                try removeTree("\(place.source)/m/42")
                try await eventually("it was looked at since: \(agent.errors)") {
                    try await agent.metrics()["aspired_sync_total", "model=\"m\"", "result=\"success\""] ?? 0 >= 4
                }
                #expect(place.versions() == ["42"])
            }
        }
    }

    @Test("PollFilesystemOnlyOnce: once does what there is to do, and sees nothing of what comes later")
    func pollFilesystemOnlyOnce() async throws {
        try await Self.with { place in
            try place.put("3")
            try place.write(("m", ""))
            #expect(try await place.once().code == 0)
            try place.put("4")
            #expect(place.versions() == ["3"])
        }
    }
}

import Glibc
import PlainJSON
import S3Fixture
import Testing

@Suite("beside a real Triton", .fewAtATime, .enabled(if: TritonServer.isInstalled, TritonServer.message))
struct TritonTests {
    /// How often the version changes: few times in `make test`, 20 in `make triton-changes`.
    private static let changes = Binaries.variable("TRITON_CHANGES").flatMap { Int($0) } ?? 3

    /// A volume as Triton wants it: its repository, and beside that what is ours.
    private struct Place {
        let site: Site
        var repository: String { "\(site.root)/repository" }
        var state: String { "\(site.root)/.aspired" }
        func base(_ model: String = "mnist") -> String { "\(repository)/\(model)" }

        /// The versions in place.
        func versions(_ model: String = "mnist") -> [String] {
            ((try? names(in: base(model))) ?? []).filter { Int($0) != nil }.sorted()
        }

        func put(_ version: Int, of model: String = "mnist", isBad: Bool = false) throws {
            try site.put(version, of: model, TritonServer.version(version, isBad: isBad))
        }

        func putConfiguration(_ text: String = TritonServer.configuration, of model: String = "mnist") throws {
            try makeDirectory("\(site.bucket)/\(model)")
            try writeFile("\(site.bucket)/.new", Array(text.utf8))
            try moveFile("\(site.bucket)/.new", to: "\(site.bucket)/\(model)/config.pbtxt")
        }

        /// `aspired run` beside a server on this port.
        func run(
            _ port: UInt16, _ models: [String] = ["--model", "mnist=s3://models/mnist"],
            _ body: (RunningAgent) async throws -> Void
        ) async throws {
            let arguments = [
                "--root", repository, "--state-dir", state, "--server", "triton=http://127.0.0.1:\(port)", "--ready", "none",
                "--poll-interval", "200ms",
            ]
            try await site.aspired.run(arguments + models) { agent in
                try await body(agent)
                #expect(try await agent.stop() == .exited(0))
            }
        }

        static func with(_ body: (Place) async throws -> Void) async throws {
            try await Site.with { site in
                let place = Place(site: site)
                try makeDirectory(place.repository)
                try await body(place)
            }
        }
    }

    /// The state of each version, by its directory's name.
    private static func states(_ agent: RunningAgent) async throws -> [String: String] {
        let versions = try await agent.status()["models"]?.array?.first?["versions"]?.array ?? []
        return Dictionary(versions.map { ($0["directory"]?.string ?? "?", $0["state"]?.string ?? "?") }) { $1 }
    }

    private static func wait(_ agent: RunningAgent, _ place: Place, until version: Int) async throws {
        try await eventually("\(version) alone is in place and confirmed: \(agent.errors.suffix(3_000))") {
            let states = try await states(agent)
            return states["\(version)"] == "confirmed" && place.versions() == ["\(version)"]
        }
    }

    @Test(
        "at fifty inferences a second, through changes of the version, none fails, and each answer is of one whole version",
        arguments: TritonServer.Mode.allCases)
    func changes(mode: TritonServer.Mode) async throws {
        try await Place.with { place in
            try place.putConfiguration()
            try place.put(1)
            try await TritonServer.with(mode, repository: place.repository) { triton in
                try await place.run(triton.port) { agent in
                    try await Self.wait(agent, place, until: 1)
                    let last = Self.changes + 1
                    let answers = try await triton.asked {
                        for version in 2...last {
                            try place.put(version)
                            try await Self.wait(agent, place, until: version)
                            #expect(try await triton.states()["\(version)"] == "READY")
                        }
                    }
                    #expect(answers.failed == 0, "\(answers)")
                    #expect(answers.seen == (1...last).map(TritonServer.answer), "\(answers)")
                    #expect(answers.count > 50 * Self.changes, "\(answers)")
                }
            }
        }
    }

    @Test(
        "a version whose load fails, and the configuration that came with it, go out; the old one stays, in place and served",
        arguments: TritonServer.Mode.allCases)
    func refuses(mode: TritonServer.Mode) async throws {
        try await Place.with { place in
            try place.putConfiguration()
            try place.put(1)
            try await TritonServer.with(mode, repository: place.repository) { triton in
                try await place.run(triton.port) { agent in
                    try await Self.wait(agent, place, until: 1)
                    let answers = try await triton.asked {
                        // One look shows both.
                        place.site.server.script(Fault(.status(503, code: "SlowDown"), on: .list, times: nil))
                        try place.put(2, isBad: true)
                        if mode == .explicit { try place.putConfiguration(TritonServer.configuration + "# with version 2\n") }
                        place.site.server.clearScript()
                        try await eventually("it is refused: \(agent.errors.suffix(3_000))") {
                            let states = try await Self.states(agent)
                            return states == ["1": "confirmed", "2": "refused"] && place.versions() == ["1"]
                                && agent.said("version 2 is bad")
                        }
                        #expect(exists("\(place.state)/refused/mnist/2/model.py"))
                        try await eventually("the configuration is the one before: \(agent.errors.suffix(3_000))") {
                            try readFile("\(place.base())/config.pbtxt") == Array(TritonServer.configuration.utf8)
                        }
                        try place.put(3)
                        var seen = ""
                        try await eventually(
                            "3 is confirmed, not \(seen): \(agent.errors.suffix(3_000))\n\(triton.process.errorText.suffix(6_000))"
                        ) {
                            let states = try await Self.states(agent)
                            seen = "\(states), of Triton's \(try await triton.states("mnist")), \(place.versions())"
                            return states["3"] == "confirmed" && place.versions() == ["3"]
                        }
                    }
                    #expect(answers.failed == 0, "\(answers)")
                    #expect(answers.seen == [1, 3].map(TritonServer.answer), "\(answers)")
                }
            }
        }
    }

    @Test("what a Triton that is started anew has lost is loaded again; a model that is taken off the list is unloaded and goes")
    func restarts() async throws {
        try await Place.with { place in
            for model in ["mnist", "other"] {
                try place.putConfiguration(of: model)
                try place.put(1, of: model)
            }
            let list = "\(place.site.scratch)/models.config"
            func write(_ models: [String]) throws {
                let configs = models.map { "config { name: \"\($0)\" base_path: \"s3://models/\($0)\" }" }
                try writeFile("\(list).new", Array("model_config_list { \(configs.joined(separator: " ")) }".utf8))
                try moveFile("\(list).new", to: list)
            }
            try write(["mnist", "other"])
            let port = try freePort()
            try await place.run(port, ["--models-config", list]) { agent in
                for life in 1...2 {
                    try await TritonServer.with(.explicit, repository: place.repository, port: port) { triton in
                        try await eventually("both are loaded in life \(life): \(agent.errors.suffix(3_000))") {
                            let states = [try await triton.states("mnist"), try await triton.states("other")]
                            return states == [["1": "READY"], ["1": "READY"]]
                        }
                        guard life == 2 else { return }
                        try write(["mnist"])
                        try await eventually("other has left: \(agent.errors.suffix(3_000))") {
                            let state = try await triton.states("other")["1"]
                            return state != "READY" && !exists(place.base("other"))
                        }
                        #expect(try await triton.states("mnist") == ["1": "READY"])
                    }
                }
            }
        }
    }

    @Test("a state directory within the repository is refused before anything is done")
    func stateInside() async throws {
        try await Site.with { site in
            let outcome = try await site.aspired(["run"] + site.arguments() + ["--server", "triton=http://127.0.0.1:1"])
            #expect(outcome.code == 78 && outcome.errors.contains("Triton takes every directory there for a model"), "\(outcome)")
            #expect(try names(in: site.root) == [])
        }
    }
}

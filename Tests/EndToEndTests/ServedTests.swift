import FileIO
import PlainJSON
import S3Fixture
import ServingEmulator
import Testing

@Suite("beside a model server", .fewAtATime)
struct ServedTests {
    /// Versions whose load waits until it is let go on, or has the server die.
    private final class Loads: Sendable {
        private let outcomes = Lock<[Int64: LoadOutcome]>([:])
        func set(_ version: Int64, _ outcome: LoadOutcome?) { outcomes.withLock { $0[version] = outcome } }
        var options: EmulatorOptions {
            ServedSite.options { attempt in self.outcomes.withLock { $0[attempt.version] ?? .readFolder } }
        }
    }

    @Test("the old version goes when the server has loaded the new one, and not before")
    func confirms() async throws {
        let loads = Loads()
        try await ServedSite.with(options: loads.options) { served in
            try served.site.put(1)
            try await served.run { agent in
                try await served.wait(until: agent, serves: 1)
                try await eventually("it is confirmed") { try await served.states(agent) == ["1": "confirmed"] }
                loads.set(2, .pending)
                try served.site.put(2)
                try await eventually("the server loads it") { served.server.states(of: "mnist")[2] == .loading }
                let asked = served.site.lists.count
                try await eventually("there were looks at the bucket since") { served.site.lists.count > asked + 4 }
                #expect(served.site.versions() == ["1", "2"])
                #expect(try await served.states(agent) == ["1": "confirmed", "2": "published"])
                loads.set(2, nil)
                try await served.wait(until: agent, serves: 2)
                #expect(agent.said("the server has loaded mnist version 2"))
                #expect(try await agent.metrics()["aspired_unconfirmed", "model=\"mnist\""] == 0)
            }
            served.expectAlwaysServed()
            served.expectWholeLoads([1: [Models.version(1)], 2: [Models.version(2)]])
        }
    }

    @Test(
        "what the server cannot load is taken out, the old version goes on being served, and a server that starts anew has it, too"
    )
    func refuses() async throws {
        try await ServedSite.with { served in
            try served.site.put(1)
            try await served.run { agent in
                try await served.wait(until: agent, serves: 1)
                try served.putBad(2)
                try await eventually("it is refused: \(agent.errors)") { try await served.states(agent)["2"] == "refused" }
                try await served.wait(until: agent, serves: 1)
                #expect(exists("\(served.site.state)/refused/mnist/2/saved_model.pb"))
                try await eventually("it is told: \(agent.errors)") {
                    agent.said("the server could not load mnist version 2") && agent.said("DATA_LOSS")
                }
                #expect(try await agent.metrics()["aspired_versions", "model=\"mnist\"", "state=\"refused\""] == 1)
                let status = try await served.site.aspired("status", "--root", served.site.root)
                #expect(status.output.contains("refused"), "\(status)")
                await served.server.restart()
                try await served.wait(until: agent, serves: 1)
            }
            // The next life of the agent fetches it no more, and takes its successor.
            let gets = served.site.gets.count
            try await served.run { agent in
                try await eventually("it is known: \(agent.errors)") {
                    try await served.states(agent) == ["1": "confirmed", "2": "refused"]
                }
                #expect(served.site.gets.count == gets)
                try served.site.put(3)
                try await served.wait(until: agent, serves: 3)
                // Uploaded anew, it is another try; the highest goes on being served.
                var files = Models.version(2)
                files["assets/labels.txt"] = Array("mended".utf8)
                try served.site.withdraw(3)
                try served.site.withdraw(2)
                try served.site.put(2, files)
                try await served.wait(until: agent, serves: 2)
                #expect(!exists("\(served.site.state)/refused/mnist/2"))
            }
            served.expectAlwaysServed()
        }
    }

    @Test("a server that is not there delays pruning, and nothing else")
    func down() async throws {
        try await ServedSite.with { served in
            try served.site.put(1)
            try await served.run { agent in
                try await served.wait(until: agent, serves: 1)
                await served.server.crash()
                try served.site.put(2)
                try await served.site.wait(until: agent, holds: 1, 2)
                try served.site.put(3)
                try await eventually("it is there") { served.site.versions().contains("3") }
                #expect(served.site.versions().contains("1"))
                #expect(try await agent.get("/readyz").status == 200)
                await served.server.restart()
                try await served.wait(until: agent, serves: 3)
            }
        }
    }

    @Test("a rollback under the server's default policy, to a version that loads and to one that does not")
    func rollback() async throws {
        try await ServedSite.with { served in
            try served.site.put(7)
            try served.site.put(9)
            try await served.run { agent in
                try await served.wait(until: agent, serves: 9)
                try served.site.withdraw(9)
                try await served.wait(until: agent, serves: 7)
                try await eventually("nothing is left of it") { !exists("\(served.site.state)/parked/mnist/9") }
                try served.putBad(5)
                try served.site.withdraw(7)
                try await eventually("5 is refused: \(agent.errors)") { try await served.states(agent)["5"] == "refused" }
                try await served.wait(until: agent, serves: 7)
            }
            served.expectAlwaysServed()
        }
    }

    @Test(
        "latest:5 to latest:1 where there is no space for a sixth: what exceeds goes first, the highest when its successor is loaded"
    )
    func full() async throws {
        try await ServedSite.with(.all) { served in
            for version in 1...5 { try served.site.put(version, size: 300_000) }
            let space = ["--max-volume", "1700KiB"]
            try await served.run(space, query: "ready=none&versions=latest:5") { agent in
                try await served.wait(until: agent, serves: 1, 2, 3, 4, 5)
            }
            try served.site.put(6, size: 300_000)
            try await served.run(space, query: "ready=none&versions=latest:1") { agent in
                try await served.wait(until: agent, serves: 6)
            }
            served.expectAlwaysServed()
        }
    }

    @Test("of all versions one that never loads is out, and the others are served")
    func oneOfAll() async throws {
        try await ServedSite.with(.all) { served in
            try served.site.put(1)
            try await served.run(query: "ready=none&versions=all") { agent in
                // A server that finds the bad one alone at its start ends.
                try await served.wait(until: agent, serves: 1)
                try served.putBad(2)
                try served.site.put(3)
                try await eventually("2 is refused: \(agent.errors)") { try await served.states(agent)["2"] == "refused" }
                try await served.wait(until: agent, serves: 1, 3)
                try served.site.withdraw(1)
                try await served.wait(until: agent, serves: 3)
            }
            served.expectAlwaysServed()
        }
    }

    @Test("a listing that is emptied object by object: never less than a whole version, and the last one stays")
    func emptied() async throws {
        try await ServedSite.with { served in
            try served.site.put(1)
            try served.site.put(2)
            try await served.run(["--on-changed", "keep"]) { agent in
                try await served.wait(until: agent, serves: 2)
                // The lower one first: what is taken back to is to be whole.
                for version in [1, 2] {
                    for path in Models.version(version).keys.sorted() {
                        try removeTree("\(served.site.bucket)/mnist/\(version)/\(path)")
                        let asked = served.site.lists.count
                        try await eventually("the bucket was looked at") { served.site.lists.count > asked + 2 }
                    }
                    try removeTree("\(served.site.bucket)/mnist/\(version)")
                }
                let asked = served.site.lists.count
                try await eventually("the bucket was looked at") { served.site.lists.count > asked + 4 }
                #expect(!served.server.available(of: "mnist").isEmpty)
                #expect(!served.site.versions().isEmpty)
            }
            served.expectAlwaysServed()
            served.expectWholeLoads([1: [Models.version(1)], 2: [Models.version(2)]])
        }
    }
}

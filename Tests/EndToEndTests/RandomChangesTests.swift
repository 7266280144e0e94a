import FileIO
import Glibc
import PlainJSON
import S3Fixture
import ServingEmulator
import Testing

/// Random changes of the list, the bucket, and what fails, beside a model server that looks every 10 ms; each is waited for. How many is
/// the environment's to say (`make served`), and with which seed.
@Suite("beside a model server, whatever changes", .fewAtATime)
struct RandomChangesTests {
    private static func number(_ variable: String, _ standard: Int) -> Int {
        getenv(variable).flatMap { Int(String(cString: $0)) } ?? standard
    }

    /// What is in the bucket and asked for.
    private struct Wanted {
        /// `nil`: its load fails.
        var bucket: [Int: [String: [UInt8]]] = [:]
        var bad: Set<Int> = []
        var policy = "latest { num_versions: 1 }"
        var next = 1

        var list: [UInt8] {
            Array(
                "model_config_list { config { name: \"mnist\" base_path: \"s3://models/mnist?ready=none\" model_version_policy { \(policy) } } }"
                    .utf8)
        }

        /// The versions that shall be served in the end.
        var served: [Int]? {
            let good = bucket.keys.filter { !bad.contains($0) }.sorted(by: >)
            switch policy.split(separator: " ").first {
            case "latest": return good.isEmpty ? nil : Array(good.prefix(policy.contains("2") ? 2 : 1)).sorted()
            case "all": return good.isEmpty ? nil : good.sorted()
            default:
                let named = policy.split { !$0.isNumber }.compactMap { Int($0) }
                // Of one that cannot be had the one before stays.
                return named.allSatisfy { good.contains($0) } ? named.sorted() : nil
            }
        }
    }

    @Test(
        "never a partial load, never nothing to serve, and in the end exactly what is aspired; also by a list that is written for it",
        arguments: [false, true])
    func changes(listed: Bool) async throws {
        let (count, seed) = (Self.number("SERVED_CHANGES", 15), Self.number("SERVED_SEED", 1))
        var random = SeededGenerator(seed: UInt64(seed))
        // Under `all` the server serves what is there: what is there is what is tested.
        try await ServedSite.with(.all, reads: listed) { served in
            var wanted = Wanted()
            var contents: [Int: [[String: [UInt8]]]] = [:]
            func put(isBad: Bool) throws {
                var files = Models.version(wanted.next, size: Int.random(in: 1...60_000, using: &random))
                if isBad {
                    files["saved_model.pb"] = Array("bad \(wanted.next)".utf8)
                    wanted.bad.insert(wanted.next)
                }
                wanted.bucket[wanted.next] = files
                contents[wanted.next, default: []].append(files)
                try served.site.put(wanted.next, files)
                wanted.next += 1
                // A bucket that is tidied up now and then: what comes back under `all` is fetched one after the other.
                while wanted.bucket.count > 8, let lowest = wanted.bucket.keys.min() {
                    wanted.bucket[lowest] = nil
                    try served.site.withdraw(lowest)
                }
            }
            try put(isBad: false)
            let file = "\(served.site.scratch)/models.config"
            try writeFile(file, wanted.list)
            let url = try #require(served.server.url)
            let arguments =
                [
                    "--root", served.site.root, "--models-config", file, "--server", "tensorflow-serving=\(url)",
                    "--poll-interval",
                    "100ms",
                ] + (listed ? ["--render-models-config", served.list] : [])
            var left = count
            var did: [String] = []
            // Each life of the agent ends by SIGKILL.
            while left > 0 {
                try await served.site.aspired.run(arguments) { agent in
                    try await agent.waitUntilReady()
                    repeat {
                        left -= 1
                        let (mark, life) = (served.server.history(of: "mnist").count - 1, served.server.processes)
                        let before = served.server.available(of: "mnist")
                        let change: String
                        switch Int.random(in: 0..<12, using: &random) {
                        case 0...3:
                            change = "put \(wanted.next)"
                            try put(isBad: false)
                        case 4 where !listed || wanted.policy == "all {}":
                            // By a policy of its own that chooses one that cannot be loaded, the server postpones every list that keeps the old
                            // one, until another is loaded (docs/serving.md, Limits).
                            change = "put \(wanted.next), which is bad"
                            try put(isBad: true)
                        case 5, 6:
                            guard wanted.bucket.count > 1, let gone = wanted.bucket.keys.sorted().randomElement(using: &random)
                            else { continue }
                            change = "withdraw \(gone)"
                            wanted.bucket[gone] = nil
                            try served.site.withdraw(gone)
                        case 7, 8:
                            let some = wanted.bucket.keys.sorted().randomElement(using: &random) ?? 1
                            let policies = [
                                "latest { num_versions: 1 }", "latest { num_versions: 2 }", "all {}",
                                "specific { versions: \(some) }",
                            ]
                            wanted.policy = policies.randomElement(using: &random) ?? "all {}"
                            change = wanted.policy
                            try writeFile(file, wanted.list)
                        case 9:
                            change = "the server starts anew"
                            await served.server.restart()
                        case 10:
                            change = "the source fails for a while"
                            served.site.server.script(
                                Fault(
                                    .status(503, code: "SlowDown"), on: .list, key: "models/**",
                                    times: Int.random(in: 1...6, using: &random)))
                        default:
                            change = "the agent is killed"
                        }
                        did.append(change)
                        if change == "the agent is killed" { break }
                        if listed, change.hasSuffix("bad") {
                            try await eventually("\(change) is refused: \(agent.errors.suffix(3_000))", within: .seconds(130)) {
                                try await served.states(agent)["\(wanted.next - 1)"] == "refused"
                            }
                        }
                        if let goal = wanted.served?.map({ Int64($0) }) {
                            try await eventually(
                                "seed \(seed), after \(did.suffix(6)): \(goal) are served, not \(served.server.states(of: "mnist")), list \(served.reading?.entry("mnist") ?? "none"), \(served.reading?.refusals ?? []), of "
                                    + "\(served.site.versions()), bucket \(wanted.bucket.keys.sorted()), bad \(wanted.bad.sorted()):\n\(agent.errors.suffix(3_000))",
                                within: .seconds(130), every: .milliseconds(20)
                            ) {
                                served.server.available(of: "mnist") == goal
                                    && served.site.versions().compactMap { Int64($0) }.sorted() == goal
                            }
                            // The agent knows it, too: what it goes by is what it was told last.
                            try await eventually(
                                "seed \(seed), after \(did.suffix(6)): it is confirmed: \(agent.errors.suffix(3_000))"
                            ) {
                                let states = try await served.states(agent)
                                return goal.allSatisfy { states["\($0)"] == "confirmed" }
                            }
                            // As many as before, or as are aspired, if that is fewer. What is hidden so that a lower one is loaded the server
                            // unloads first where it has another; so it does by a policy of its own with what that no longer chooses. A server
                            // that starts anew begins with none.
                            let counts = served.server.history(of: "mnist").dropFirst(mark)
                            let hidden = before.count { old in
                                !goal.contains(old) && (listed || goal.contains { $0 < old && !before.contains($0) })
                            }
                            if served.server.processes == life, let least = counts.min() {
                                #expect(
                                    least >= max(min(1, before.count), min(before.count, goal.count) - hidden),
                                    "seed \(seed), after \(did.suffix(6)): \(Array(counts)) available from \(before) to \(goal): \(served.server.events.suffix(12).map { "\($0.version) \($0.state)" })\n\(agent.errors.suffix(4_000))"
                                )
                            }
                        }
                    } while left > 0
                    await agent.kill()
                }
            }
            served.expectAlwaysServed()
            served.expectWholeLoads(contents)
            #expect(served.reading?.refusals ?? [] == [])
            #expect(did.count > count / 2)
        }
    }
}

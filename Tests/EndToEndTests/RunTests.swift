import Glibc
import PlainJSON
import S3Fixture
import Testing

@Suite("aspired run", .fewAtATime)
struct RunTests {
    @Test("not ready, with the reason, until the first choice is published; ready from then on; probe says the same")
    func readiness() async throws {
        try await Site.with { site in
            // Nothing is answered before the test allows it.
            site.server.script(Fault(.status(503, code: "SlowDown"), on: .get, times: nil))
            try site.put(1)
            try await site.aspired.run(site.arguments() + ["--poll-interval", "100ms"]) { agent in
                try await eventually("the agent waits for version 1") {
                    try await agent.get("/readyz").body.contains("mnist: waiting for version 1")
                }
                #expect(try await agent.get("/readyz").status == 503)
                #expect(try await agent.get("/healthz").status == 200)
                let address = try await agent.address()
                let notReady = try await site.aspired("probe", "ready", "--http-listen", address)
                #expect(notReady.code == 1)
                #expect(notReady.errors.contains("waiting for version 1"), "\(notReady)")
                #expect(try await site.aspired("probe", "health", "--http-listen", address).code == 0)

                site.server.clearScript()
                try await agent.waitUntilReady()
                #expect(exists(site.published(1)), "ready means published")
                let ready = try await site.aspired("probe", "ready", "--http-listen", address)
                #expect(ready.code == 0 && ready.output.isEmpty && ready.errors.isEmpty, "\(ready)")

                // Whatever comes, it stays ready.
                site.server.script(Fault(.status(503, code: "SlowDown"), times: nil))
                try site.put(2)
                try await eventually("the source fails: \(agent.errors)") { agent.said("503") }
                #expect(try await agent.get("/readyz").status == 200)
                #expect(try await agent.get("/nothing").status == 404)
                #expect(try await httpGet(address, "/status", method: "POST")?.status == 405)
                #expect(try await httpGet(address, "/sync", method: "POST")?.status != 200, "--http-sync is off")
                #expect(try await agent.stop() == .exited(0))
                #expect(try await site.aspired("probe", "health", "--http-listen", address).code == 1)
            }
        }
    }

    @Test("signals count from the start: SIGHUP and SIGTERM come while the first list of models is still being read")
    func earlySignals() async throws {
        try await Site.with { site in
            // Long: nobody answers before the signals are there.
            site.server.script(Fault(.delay(.seconds(600)), times: nil))
            let arguments = ["--root", site.root, "--models-config", "s3://models/models.config"]
            try await site.aspired.run(arguments) { agent in
                try await eventually("the list is asked for: \(agent.errors)") { !site.server.requests.isEmpty }
                agent.send(SIGHUP)
                #expect(try await agent.stop() == .exited(0), "\(agent.errors)")
                #expect(agent.said("stopping"))
            }
            let asked = site.server.requests.count
            let once = [site.aspired.binary, "once"] + arguments
            try await ChildProcess.with(once, environment: site.aspired.environment) { process in
                try await eventually("the list is asked for: \(process.errorText)") { site.server.requests.count > asked }
                process.send(SIGTERM)
                #expect(try await process.wait(within: .seconds(8)) == .exited(75), "\(process.errorText)")
            }
        }
    }

    @Test("/metrics counts what happened, to the byte")
    func metrics() async throws {
        try await Site.with { site in
            let sizes = [1, 2].map { Double(Models.bytes(Models.version($0))) }
            try site.put(1)
            site.server.script(Fault(.status(503, code: "SlowDown"), on: .get))
            site.server.script(Fault(.flipBit(at: 1_000), on: .get, key: "*/2/saved_model.pb"))
            let start = time(nil)
            try await site.aspired.run(site.arguments() + ["--poll-interval", "100ms"]) { agent in
                try await agent.waitUntilReady()
                var metrics = try await agent.metrics()
                #expect(metrics["aspired_fetched_bytes_total", "model=\"mnist\""] == sizes[0])
                #expect(metrics["aspired_pruned_total", "model=\"mnist\""] == 0)
                #expect(metrics["aspired_checksum_failures_total", "model=\"mnist\""] == 0)

                try site.put(2)
                try await site.wait(until: agent, holds: 2)
                try await eventually("it is counted") {
                    metrics = try await agent.metrics()
                    // What is there is seen by the turn after.
                    return metrics["aspired_pruned_total", "model=\"mnist\""] == 1
                        && metrics["aspired_versions", "model=\"mnist\"", "state=\"published\""] == 1
                }
                let damaged = Double(Models.version(2)["saved_model.pb"]?.count ?? 0)
                #expect(metrics["aspired_fetched_bytes_total", "model=\"mnist\""] == sizes[0] + sizes[1] + damaged)
                #expect(metrics["aspired_checksum_failures_total", "model=\"mnist\""] == 1)
                #expect(metrics["aspired_s3_retries_total"].map { $0 >= 1 } == true)
                #expect(metrics["aspired_versions", "model=\"mnist\"", "state=\"published\""] == 1)
                #expect(metrics["aspired_versions", "model=\"mnist\"", "state=\"aspired\""] == 0)
                #expect(metrics["aspired_sync_total", "result=\"success\""].map { $0 >= 1 } == true)
                let success = metrics["aspired_sync_last_success_timestamp_seconds", "model=\"mnist\""] ?? 0
                #expect(success >= Double(start) - 1 && success <= Double(time(nil)) + 1)
                #expect(metrics["aspired_publish_lag_seconds_count", "model=\"mnist\""] == 2)
                #expect(metrics["aspired_s3_requests_total", "status=\"503\""] == 1)
                #expect(metrics["aspired_s3_requests_total", "status=\"200\""].map { $0 >= 3 } == true)
                let requests = metrics["aspired_s3_requests_total"]
                #expect(metrics["aspired_s3_request_seconds_count"].map { $0 >= (requests ?? .infinity) - 3 } == true)
                #expect(metrics["aspired_behind_seconds", "model=\"mnist\""] == 0)
                #expect(metrics["aspired_volume_free_bytes"].map { $0 > 0 } == true)
                #expect(metrics["aspired_build_info", "version="] == 1)
                for name in ["aspired_publish_lag_seconds", "aspired_s3_request_seconds"] {
                    #expect(metrics.types[name] == "histogram")
                }
                #expect(metrics.types["aspired_fetched_bytes_total"] == "counter")
                #expect(metrics.types["aspired_versions"] == "gauge")
            }
        }
    }

    @Test("/status tells each version's state, and what the agent does")
    func status() async throws {
        try await Site.with { site in
            try site.put(1)
            try site.put(3)
            site.server.put(bucket: "models", key: "marked/5/model.onnx", data: [1])
            let models = ["--model", "marked=s3://models/marked?ready=marker:DONE&required=false"]
            try await site.aspired.run(site.arguments() + models) { agent in
                try await agent.waitUntilReady()
                try await eventually("the held version is told: \(agent.errors)") {
                    try await agent.status()["models"]?[1]?["versions"]?[0]?["state"]?.string == "held"
                }
                let status = try await agent.status()
                #expect(status["role"]?.string == "active")
                #expect(status["ready"]?.bool == true)
                #expect(status["root"]?.string == site.root)
                #expect(status["holder"]?.string?.contains("\(agent.process.identifier)") == true)
                let mnist = status["models"]?[0]
                #expect(mnist?["name"]?.string == "mnist")
                #expect(mnist?["source"]?.string == "s3://models/mnist")
                #expect(mnist?["versions"]?[0]?["version"]?.integer == 3)
                #expect(mnist?["versions"]?[0]?["state"]?.string == "published")
                #expect(mnist?["versions"]?[0]?["bytes"]?.integer == Models.bytes(Models.version(3)))
                #expect(mnist?["versions"]?[0]?["verified"]?["crc64nvme"]?.integer == 4)
                let marked = status["models"]?[1]
                #expect(marked?["ready"]?.bool == false && marked?["required"]?.bool == false)
                #expect(marked?["versions"]?[0]?["reason"]?.string?.contains("DONE") == true)
            }
        }
    }

    @Test("SIGHUP looks again now")
    func hangup() async throws {
        try await Site.with { site in
            try site.put(1)
            try await site.aspired.run(site.arguments() + ["--poll-interval", "1h"]) { agent in
                try await agent.waitUntilReady()
                try site.put(2)
                agent.send(SIGHUP)
                try await site.wait(until: agent, holds: 2)
                #expect(agent.process.end == nil)
            }
        }
    }

    @Test("the new version is there before the old one goes, and a version without a new one stays")
    func newBeforeOld() async throws {
        try await Site.with { site in
            let reader = VersionReader(site.base())
            for version in [1, 2] { reader.expect(version, Models.version(version)) }
            try site.put(1)
            try await site.aspired.run(site.arguments() + ["--poll-interval", "100ms"]) { agent in
                try await agent.waitUntilReady()
                site.server.script(Fault(.status(503, code: "SlowDown"), on: .get, times: nil))
                try await reader.reading {
                    try site.put(2)
                    try site.withdraw(1)
                    try await eventually("the fetch of version 2 fails: \(agent.errors)") { agent.said("503") }
                    #expect(site.versions() == ["1"])
                    site.server.clearScript()
                    try await site.wait(until: agent, holds: 2)
                }
                #expect(reader.faults == [])
                #expect(reader.seen == ["1", "2"])
            }
        }
    }

    @Test("an emptied bucket prunes nothing")
    func emptiedBucket() async throws {
        try await Site.with { site in
            for version in [1, 2] { try site.put(version) }
            let arguments = site.arguments(query: "ready=none&versions=all") + ["--poll-interval", "100ms"]
            try await site.aspired.run(arguments) { agent in
                try await site.wait(until: agent, holds: 1, 2)
                let before = try FileTree(site.base())
                for version in [1, 2] { try site.withdraw(version) }
                try await looksAgain(site)
                #expect(try FileTree(site.base()) == before)
                // One that comes back lets the other one go.
                try site.put(3)
                try await site.wait(until: agent, holds: 3)
            }
        }
    }

    @Test("a version that vanishes from one listing only is not pruned")
    func vanishedOnce() async throws {
        try await Site.with { site in
            for version in [1, 2] { try site.put(version) }
            let arguments = site.arguments(query: "ready=none&versions=all") + ["--poll-interval", "1h"]
            try await site.aspired.run(arguments) { agent in
                try await site.wait(until: agent, holds: 1, 2)
                let before = try FileTree(site.base())
                let away = "\(site.scratch)/s3/.away"
                let looks = site.lists.count
                try moveFile("\(site.bucket)/mnist/1", to: away)
                agent.send(SIGHUP)
                try await eventually("the source was looked at") { site.lists.count > looks }
                try moveFile(away, to: "\(site.bucket)/mnist/1")
                try await hangUpTwice(agent, site)
                #expect(try FileTree(site.base()) == before)
                #expect(!agent.said("pruned"))
            }
        }
    }

    @Test("SIGTERM during a fetch ends within five seconds, and the next start fetches only what is missing")
    func stopsDuringFetch() async throws {
        try await Site.with { site in
            let files = Models.version(1, size: 24_000_000)
            try site.put(1, files)
            try await site.server.precomputeDigests()
            site.server.change { $0.rate = 1_500_000 }
            try await site.aspired.run(site.arguments()) { agent in
                try await eventually("some of it was sent: \(agent.errors)") {
                    site.gets.map(\.sentBytes).reduce(0, +) > 4_000_000
                }
                let start = ContinuousClock.now
                #expect(try await agent.stop() == .exited(0))
                #expect(ContinuousClock.now - start < .seconds(5))
            }
            #expect(site.versions() == [])
            let status = try await site.aspired("status", "-o", "json", "--root", site.root)
            let version = status.json?["models"]?[0]?["versions"]?[0]
            #expect(version?["state"]?.string == "fetching", "\(status)")
            #expect(version?["staged_bytes"]?.integer.map { $0 > 1_000_000 } == true, "\(status)")

            try await eventually("no connection is left") { site.server.openConnections == 0 }
            let sent = site.gets.map(\.sentBytes).reduce(0, +)
            site.server.change { $0.rate = nil }
            let outcome = try await site.once()
            #expect(outcome.code == 0, "\(outcome)")
            #expect(try FileTree(site.published(1)).files == files)
            // What was on its way when the connections closed comes again: a quarter of a megabyte on each of eight, at most.
            let sentTwice = site.gets.map(\.sentBytes).reduce(0, +) - Int(Models.bytes(files))
            #expect(sentTwice < 2_000_000 && sentTwice < sent / 2, "\(sentTwice) bytes of \(sent) were fetched again")
        }
    }

    @Test("SIGTERM ends an idle agent and a once with the codes of a clean stop")
    func stops() async throws {
        try await Site.with { site in
            try site.put(1)
            try await site.aspired.run(site.arguments()) { agent in
                try await agent.waitUntilReady()
                agent.send(SIGINT)
                #expect(try await agent.process.wait() == .exited(0))
            }
            // A once that waits for a marker.
            let command = [site.aspired.binary, "once"] + site.arguments("other", query: "ready=marker:DONE")
            site.server.put(bucket: "models", key: "other/1/model", data: [1])
            try await ChildProcess.with(command, environment: site.aspired.environment) { process in
                try await eventually("once waits: \(process.errorText)") { process.errorText.contains("DONE") }
                process.send(SIGTERM)
                #expect(try await process.wait(within: .seconds(8)) == .exited(75))
                #expect(process.errorText.contains("other 1"))
            }
        }
    }

    private func looksAgain(_ site: Site) async throws {
        let looks = site.lists.count
        try await eventually("the source was looked at five times more") { site.lists.count >= looks + 5 }
    }

    private func hangUpTwice(_ agent: RunningAgent, _ site: Site) async throws {
        for _ in 1...2 {
            let looks = site.lists.count
            agent.send(SIGHUP)
            try await eventually("the source was looked at") { site.lists.count > looks }
        }
        // The look is over when the next question is answered.
        _ = try await agent.status()
    }
}

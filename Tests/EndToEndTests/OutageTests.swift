import Glibc
import PlainJSON
import S3Fixture
import Testing

@Suite("An outage of S3", .fewAtATime)
struct OutageTests {
    @Test("the agent stays ready, keeps what is published, and recovers by itself")
    func recovers() async throws {
        try await Site.with { site in
            try site.put(1)
            try await withStoppableServer(site) { start, stop, port in
                let aspired = Aspired(environment: Site.environment(endpoint: "http://127.0.0.1:\(port)"))
                try await aspired.run(site.arguments() + ["--poll-interval", "100ms"]) { agent in
                    try await agent.waitUntilReady()
                    let before = try FileTree(site.base())
                    await stop()
                    try await eventually("the agent notices: \(agent.errors)") { agent.said("refused") }
                    try site.put(2)
                    #expect(try await agent.get("/readyz").status == 200)
                    #expect(try await agent.get("/healthz").status == 200)
                    try await eventually("the status tells the failure") {
                        try await agent.status()["models"]?[0]?["last_failure"]?["kind"]?.string == "unavailable"
                    }
                    #expect(try FileTree(site.base()) == before)
                    try await start()
                    try await site.wait(until: agent, holds: 2)
                    try await eventually("the failure is forgotten") {
                        try await agent.status()["models"]?[0]?["last_failure"]?.isNull == true
                    }
                    #expect(try await agent.stop() == .exited(0))
                }
            }
        }
    }

    @Test("started in an outage it stays up, is ready with what the volume holds, and goes on when S3 is back")
    func startsInOutage() async throws {
        try await Site.with { site in
            try site.put(1)
            #expect(try await site.once().code == 0)
            try site.put(2)
            try await withStoppableServer(site) { start, stop, port in
                await stop()
                let aspired = Aspired(environment: Site.environment(endpoint: "http://127.0.0.1:\(port)"))
                let models = ["--model", "empty=s3://models/empty?required=false&ready=none"]
                try await aspired.run(site.arguments() + models + ["--poll-interval", "100ms"]) { agent in
                    try await eventually("the agent notices: \(agent.errors)") { agent.said("refused") }
                    try await agent.waitUntilReady()
                    #expect(site.versions() == ["1"])
                    #expect(agent.process.end == nil)
                    try await start()
                    try await site.wait(until: agent, holds: 2)
                }
            }
        }
    }

    @Test("started in an outage with nothing on the volume it says why it is not ready")
    func startsInOutageWithNothing() async throws {
        try await Site.with { site in
            var aspired = site.aspired
            aspired.environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
            try await aspired.run(site.arguments()) { agent in
                try await eventually("the agent notices: \(agent.errors)") { agent.said("refused") }
                let ready = try await agent.get("/readyz")
                #expect(ready.status == 503)
                #expect(ready.body.contains("mnist"))
                #expect(try await agent.get("/healthz").status == 200)
                #expect(try await agent.stop() == .exited(0))
            }
        }
    }

    /// A wrong key that is put right is an outage like any other for a run.
    @Test("credentials that are refused are no end of a run")
    func refusedCredentials() async throws {
        try await Site.with { site in
            try site.put(1)
            try await site.aspired.run(site.arguments() + ["--poll-interval", "100ms"]) { agent in
                try await agent.waitUntilReady()
                let credentials = FixtureCredentials(accessKey: "AKIAOTHER00000000000", secretKey: "other")
                site.server.change { $0.credentials = [credentials] }
                try site.put(2)
                try await eventually("the agent notices: \(agent.errors)") { agent.said("InvalidAccessKeyId") }
                #expect(try await agent.get("/readyz").status == 200)
                #expect(site.versions() == ["1"])
                site.server.change { $0.credentials = [.example] }
                try await site.wait(until: agent, holds: 2)
            }
        }
    }

    /// A second server over the site's folder that can be stopped, and started again on its port.
    private func withStoppableServer(
        _ site: Site, _ body: (_ start: () async throws -> Void, _ stop: () async -> Void, _ port: Int) async throws -> Void
    ) async throws {
        let root = "\(site.scratch)/s3"
        let first = try await FixtureServer.start(root: root)
        let port = first.port
        var server: FixtureServer? = first
        do {
            try await body(
                { server = try await FixtureServer.start(root: root, port: port) },
                {
                    await server?.shutdown()
                    server = nil
                }, port)
        } catch {
            await server?.shutdown()
            throw error
        }
        await server?.shutdown()
    }
}

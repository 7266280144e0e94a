import PlainJSON
import ServingEmulator
import Testing

/// A site beside a model server that polls its volume every 10 ms.
struct ServedSite: Sendable {
    let site: Site
    let server: TensorFlowServingEmulator
    /// `nil`: the server has a list of its own.
    let reading: ListReading?

    /// Where a server that reads its list reads it.
    var list: String { "\(site.scratch)/served.config" }

    /// Runs `body` with a server that has one model, `mnist`, under a policy of its own, or that reads a list (`reads`).
    static func with(
        _ policy: EmulatedPolicy = .latest(1), reads: Bool = false, options: EmulatorOptions = options(),
        _ body: (ServedSite) async throws -> Void
    ) async throws {
        try await Site.with { site in
            // The server's own check of its base path holds up everything until there is one.
            try makeDirectory(site.base())
            let own = EmulatedModel(name: "mnist", basePath: site.base(), policy: policy)
            let server = TensorFlowServingEmulator(models: reads ? [] : [own], options: options)
            let reading = reads ? ListReading("\(site.scratch)/served.config", server: server) : nil
            let served = ServedSite(site: site, server: server, reading: reading)
            try await server.running {
                if let reading { try await reading.reading { try await body(served) } } else { try await body(served) }
            }
        }
    }

    /// A bad version fails soon.
    static func options(_ load: (@Sendable (LoadAttempt) -> LoadOutcome)? = nil) -> EmulatorOptions {
        EmulatorOptions(maxLoadRetries: 1, loadRetryInterval: .milliseconds(20), load: load)
    }

    /// `aspired run` for the model, beside the server.
    func run(_ more: [String] = [], query: String = "ready=none", _ body: (RunningAgent) async throws -> Void) async throws {
        let url = try await address()
        let server = ["--server", "tensorflow-serving=\(url)", "--poll-interval", "100ms"]
        try await site.aspired.run(site.arguments(query: query) + server + more) { agent in
            try await body(agent)
            #expect(try await agent.stop() == .exited(0))
        }
    }

    private func address() async throws -> String {
        guard let url = server.url else { throw WaitedInVain(description: "the emulator does not run") }
        return url
    }

    /// A version whose load fails.
    func putBad(_ version: Int) throws {
        var files = Models.version(version)
        files["saved_model.pb"] = Array("bad \(version)".utf8)
        try site.put(version, files)
    }

    /// Waits until the server has these versions, and no others, available, and the base path holds just them.
    func wait(until agent: RunningAgent, serves versions: Int...) async throws {
        let wanted = versions.map { Int64($0) }
        try await eventually(
            "the server has \(wanted), not \(server.states(of: "mnist")), volume \(site.versions()):\n\(agent.errors.suffix(4_000))"
        ) { server.available(of: "mnist") == wanted && site.versions() == versions.map(String.init) }
    }

    /// The state of each version, by the name of its directory.
    func states(_ agent: RunningAgent) async throws -> [String: String] {
        let versions = try await agent.status()["models"]?.array?.first?["versions"]?.array ?? []
        return Dictionary(versions.map { ($0["directory"]?.string ?? "?", $0["state"]?.string ?? "?") }) { $1 }
    }

    /// That no load ever met less than a whole version: `contents` are those that each number has had.
    func expectWholeLoads(_ contents: [Int: [[String: [UInt8]]]]) {
        for record in server.loads {
            if case .uninitialised = record.outcome { Issue.record("loaded without its variables: \(record)") }
            let known = (contents[Int(record.version)] ?? []).map { $0.mapValues { ContentDigest(of: $0) } }
            // An attempt that was made to fail reads nothing.
            guard !record.content.isEmpty else { continue }
            #expect(
                known.contains { whole in record.content.allSatisfy { whole[$0.key] == $0.value } },
                "version \(record.version) was read as \(record.content.keys.sorted()), which is none of what the bucket had")
            if case .loaded = record.outcome { #expect(known.contains { $0.keys.sorted() == record.content.keys.sorted() }) }
        }
    }

    /// That within the life of each server process, once there was a version to serve, there always was one.
    func expectAlwaysServed(_ model: String = "mnist") {
        var available: Set<Int64> = []
        var process = 0
        var hasServed = false
        for event in server.events where event.model == model {
            if event.process != process {
                process = event.process
                available = []
                hasServed = false
            }
            if event.state == .available { available.insert(event.version) } else { available.remove(event.version) }
            if hasServed, available.isEmpty { Issue.record("nothing was served when \(event.version) was \(event.state)") }
            if !available.isEmpty { hasServed = true }
        }
    }
}

import Glibc
import PlainJSON
import Testing

/// An `aspired run` that goes on beside a test.
final class RunningAgent: Sendable {
    let process: ChildProcess
    private let listening = Guarded<String?>(nil)

    fileprivate init(_ process: ChildProcess) { self.process = process }

    var errors: String { process.errorText }
    var lines: [LogLine] { LogLine.all(in: errors) }

    func said(_ text: String) -> Bool { errors.contains(text) }

    /// Where it listens; waits until it does.
    func address() async throws -> String {
        if let known = listening.withLock({ $0 }) { return known }
        try await eventually("the agent listens: \(errors)") {
            if let end = process.end { throw WaitedInVain(description: "the agent ended, \(end): \(errors)") }
            return lines.contains { $0.json?["address"] != nil }
        }
        let found = lines.compactMap { $0.json?["address"]?.string }.first ?? ""
        listening.withLock { $0 = found }
        return found
    }

    /// - Throws: `WaitedInVain` if nobody answers.
    func get(_ path: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> HTTPReply {
        guard let reply = try await httpGet(address(), path) else { throw WaitedInVain(description: "\(path): no answer") }
        expectNoSecret(in: reply.body, of: path, sourceLocation: sourceLocation)
        return reply
    }

    func status() async throws -> JSON { try JSON(parsing: try await get("/status").body) }

    func metrics() async throws -> Metrics { Metrics(try await get("/metrics").body) }

    func waitUntilReady() async throws {
        try await eventually("the agent is ready: \(errors)") { try await get("/readyz").status == 200 }
    }

    func send(_ signal: CInt) { process.send(signal) }

    /// SIGTERM, and the exit code within the five seconds that are promised (and some for a busy machine).
    @discardableResult
    func stop(within limit: Duration = .seconds(8)) async throws -> ChildProcess.Ending {
        process.send(SIGTERM)
        let end = try await process.wait(within: limit)
        // Whoever expected something else sees why.
        if end != .exited(0) { print("the agent ended, \(end), and had said:\n\(errors)") }
        return end
    }

    func kill() async { await process.terminate() }
}

extension Aspired {
    /// Starts `aspired run` on a port of the system's choice, lends it to `body`, and ends it whatever comes of that.
    func run<Result>(
        _ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation, isolation: isolated (any Actor)? = #isolation,
        _ body: (RunningAgent) async throws -> Result
    ) async throws -> Result {
        let command = prefix + [binary, "run", "--http-listen", "127.0.0.1:0"] + arguments
        return try await ChildProcess.with(command, environment: environment) { process in
            let agent = RunningAgent(process)
            defer { expectNoSecret(in: agent.errors + process.outputText, of: "aspired run", sourceLocation: sourceLocation) }
            do {
                return try await body(agent)
            } catch {
                Issue.record("the agent had said:\n\(agent.errors)", sourceLocation: sourceLocation)
                throw error
            }
        }
    }
}

/// Prometheus's text format, as far as tests ask.
struct Metrics {
    /// Values by name and labels as they are written.
    private(set) var values: [String: Double] = [:]
    private(set) var types: [String: String] = [:]

    init(_ text: String) {
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ").map(String.init)
            if line.hasPrefix("# TYPE "), parts.count == 4 { types[parts[2]] = parts[3] }
            guard !line.hasPrefix("#"), let space = line.lastIndex(of: " ") else { continue }
            values[String(line[..<space])] = Double(line[line.index(after: space)...])
        }
    }

    /// The sum of all samples of a name whose labels hold `labels`.
    subscript(_ name: String, _ labels: String...) -> Double? {
        let found = values.filter { sample in
            (sample.key == name || sample.key.hasPrefix(name + "{")) && labels.allSatisfy { sample.key.contains($0) }
        }
        return found.isEmpty ? nil : found.values.reduce(0, +)
    }
}

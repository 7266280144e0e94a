import PlainJSON
import S3Fixture
import Testing

/// The program under test with its environment, which is never that of the tests.
struct Aspired: Sendable {
    var environment: [String: String]
    /// What stands before the program, to run it as somebody else for instance.
    var prefix: [String] = []
    var binary = Binaries.aspired

    /// What must never be seen in anything that the program says.
    static let secrets = [FixtureCredentials.example.secretKey, sessionToken, wrongSecret, proxyPassword]
    static let sessionToken = "IQoJb3JpZ2luX2VjEXAMPLETOKEN0123456789abcdefghijklmnopqrstuvwxyz=="
    /// Of a proxy, which may stand in its URL as it is.
    static let proxyPassword = "nobody-shall-read-0123456789"
    static let wrongSecret = "this+is/not/the/secret/key/0123456789ab"

    /// How a command ended, and what it said.
    struct Outcome: Sendable, CustomTestStringConvertible {
        let command: String
        let end: ChildProcess.Ending
        let output: String
        let errors: String
        let took: Duration

        var code: Int32? { if case .exited(let code) = end { code } else { nil } }

        var lines: [LogLine] { LogLine.all(in: errors) }

        /// The last thing that it said on standard error, where the reason of a failure is.
        var lastWord: String { lines.last?.message ?? "" }

        var json: JSON? { try? JSON(parsing: output) }

        var testDescription: String { "\(command): \(end) after \(took)\n\(output)\(errors)" }
    }

    /// Runs a command to its end.
    func callAsFunction(
        _ arguments: String..., within limit: Duration = .seconds(60), sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Outcome {
        try await self(arguments, within: limit, sourceLocation: sourceLocation)
    }

    func callAsFunction(
        _ arguments: [String], within limit: Duration = .seconds(60), sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Outcome {
        let start = ContinuousClock.now
        return try await ChildProcess.with(prefix + [binary] + arguments, environment: environment) { child in
            do {
                try await child.wait(within: limit)
            } catch {
                Issue.record("aspired \(arguments.joined(separator: " ")): \(child.errorText)", sourceLocation: sourceLocation)
                throw error
            }
            let outcome = Outcome(
                command: "aspired " + arguments.joined(separator: " "), end: child.end ?? .exited(-1), output: child.outputText,
                errors: child.errorText, took: ContinuousClock.now - start)
            expectNoSecret(in: outcome.output + outcome.errors, of: outcome.command, sourceLocation: sourceLocation)
            return outcome
        }
    }
}

/// A line of the log as a program reads it; a line that is no JSON is a message.
struct LogLine: Sendable {
    let level: String
    let message: String
    let json: JSON?

    static func all(in text: String) -> [LogLine] {
        text.split(separator: "\n").map { line in
            guard let json = try? JSON(parsing: String(line)), let message = json["message"]?.string else {
                return LogLine(level: "error", message: String(line), json: nil)
            }
            return LogLine(level: json["level"]?.string ?? "", message: message, json: json)
        }
    }
}

func expectNoSecret(in text: String, of what: String, sourceLocation: SourceLocation = #_sourceLocation) {
    for secret in Aspired.secrets where text.contains(secret) {
        Issue.record("a secret is in the output of \(what): \(text)", sourceLocation: sourceLocation)
    }
}

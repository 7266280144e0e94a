import FileIO
import Servables
import SystemPackage

/// Credentials that a program prints (`credential_process` of a profile): started directly and never by a shell, given our
/// environment and nothing to read.
struct CredentialProcess: Sendable, Undisclosed {
    private let words: [String]
    private let profile: String
    private let environment: [String: String]
    private let timeLimit: Duration

    /// A program that asks a person would never end.
    static let standardTimeLimit = Duration.seconds(60)
    /// Characters of what it said on standard error.
    private static let shown = 300

    /// - Throws: where the command line cannot be split.
    init(
        _ command: String, profile: String, environment: [String: String], timeLimit: Duration = standardTimeLimit
    ) throws(Failure) {
        self.profile = profile
        self.environment = environment
        self.timeLimit = timeLimit
        do throws(ParseFault) {
            words = try CommandWords.split(command)
        } catch {
            throw Failure(.denied, "credential_process of profile \(oneLine(profile)): \(error.reason)")
        }
    }

    func fetch() async throws(Failure) -> Credentials {
        do throws(CredentialFault) {
            return try await run()
        } catch {
            // The program alone: its arguments may hold a secret.
            let program = quoted(words.first.flatMap { $0.split(separator: "/").last.map(String.init) } ?? "")
            throw error.failure("credential_process \(program) of profile \(oneLine(profile))")
        }
    }

    private func run() async throws(CredentialFault) -> Credentials {
        let child = ChildProcess(
            words, environment: environment, timeLimit: timeLimit, outputLimit: CredentialDocument.maximumBytes)
        let outcome: ChildProcess.Outcome
        do throws(Errno) {
            outcome = try await child.run()
        } catch {
            throw CredentialFault("cannot be started: \(error)", remedy: "correct its path, or install it in this image")
        }
        switch outcome.ending {
        case .exited(0): break
        case .exited(let code): throw CredentialFault("exit code \(code)\(said(outcome))", remedy: Self.remedy)
        case .killed(let signal): throw CredentialFault("killed by signal \(signal)\(said(outcome))", remedy: Self.remedy)
        case .tookTooLong:
            throw CredentialFault("not done after \(timeLimit.text)\(said(outcome))", isTransient: true, remedy: Self.remedy)
        case .printedTooMuch:
            throw CredentialFault("it printed more than \(CredentialDocument.maximumBytes) bytes", remedy: Self.remedy)
        }
        do throws(ParseFault) {
            return try CredentialDocument.parse(outcome.output, token: "SessionToken", version: 1)
        } catch {
            throw CredentialFault("what it printed cannot be used: \(error.reason)", remedy: Self.remedy)
        }
    }

    private static let remedy = "run it by hand: it has to print {\"Version\": 1, \"AccessKeyId\": …, \"SecretAccessKey\": …}"

    /// What it complained of, less whatever it also printed as a secret.
    private func said(_ outcome: ChildProcess.Outcome) -> String {
        let printed = try? CredentialDocument.parse(outcome.output, token: "SessionToken")
        let secrets = [printed?.secretAccessKey, printed?.sessionToken].compactMap(\.self)
        let text = quoted(String(decoding: outcome.errors, as: UTF8.self), without: secrets, limit: Self.shown)
        return text.isEmpty ? "" : ": \(text)"
    }
}

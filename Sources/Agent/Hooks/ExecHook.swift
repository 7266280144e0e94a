import FileIO
import Servables
import SystemPackage

/// `--on-change-exec`: runs a program, without a shell, in a process group of its own that ends with its time-out.
struct ExecHook: ChangeHook {
    /// Bytes of output beyond which it is taken for one that never ends.
    private static let outputLimit = 1 << 20
    /// Of what it printed, what the log has of it.
    private static let shownBytes = 2_000

    /// The program, by path or as a name to be found in `PATH`, and its arguments.
    let command: [String]
    /// All that it inherits.
    let environment: [String: String]
    let timeout: Duration

    func run(_ change: BasePathChange) async throws(Failure) -> String? {
        var environment = environment
        environment["CHANGE_ACTION"] = change.action.rawValue
        environment["CHANGE_MODEL"] = change.model
        environment["CHANGE_VERSION"] = change.version.name
        environment["CHANGE_DIR"] = change.directory
        let child = ChildProcess(command, environment: environment, timeLimit: timeout, outputLimit: Self.outputLimit)
        let outcome: ChildProcess.Outcome
        do throws(Errno) { outcome = try await child.run() } catch {
            throw failure(change, "it could not be started: \(error)", [])
        }
        switch outcome.ending {
        case .exited(0):
            let said = Self.shown(outcome.output + outcome.errors)
            return said.isEmpty ? nil : "--on-change-exec \(command[0]), \(change): it said: \(said)"
        case .exited(let code): throw failure(change, "it ended with \(code)", outcome.errors + outcome.output)
        case .killed(let signal): throw failure(change, "it ended by signal \(signal)", outcome.errors + outcome.output)
        case .tookTooLong:
            throw failure(
                change, "it took longer than --hook-timeout \(timeout.text) and was killed", outcome.errors + outcome.output)
        case .printedTooMuch:
            throw failure(change, "it printed more than \(Self.outputLimit) bytes and was killed", outcome.errors)
        }
    }

    private func failure(_ change: BasePathChange, _ what: String, _ printed: [UInt8]) -> Failure {
        let said = Self.shown(printed)
        return Failure(
            .unavailable,
            "--on-change-exec \(command[0]), \(change): \(what)\(said.isEmpty ? "" : "; it said: \(said)"); "
                + "it is not run again for this change")
    }

    /// On one line.
    private static func shown(_ printed: [UInt8]) -> String {
        let lines = String(decoding: printed.prefix(shownBytes), as: UTF8.self).split(whereSeparator: \.isNewline)
        let text = lines.map { $0.filter { !$0.isASCII || $0.asciiValue.map { $0 >= 0x20 && $0 != 0x7F } ?? true } }
            .joined(separator: " | ")
        return printed.count > shownBytes ? text + " …" : text
    }
}

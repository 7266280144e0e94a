import ArgumentParser
import FileIO
import Glibc
import Servables

/// The program: everything between the process and the bodies of its commands.
public enum AspiredCommand {
    /// Runs the program with what the process was given, and ends the process.
    public static func main() async -> Never {
        // A reader of our output that goes away is an error of that write, not our end.
        signal(SIGPIPE, SIG_IGN)
        ProcessHeap.bound()
        ProcessCore.forbid()
        let code = await run(.ofProcess(), bodies: .built, output: .process)
        // Not `exit`, whose handlers take apart what threads on their way out still use: OpenSSL frees what it holds of each thread, and a
        // transfer thread that ends just then does so, too. All that is written is written: nothing here waits in a buffer.
        _exit(code.rawValue)
    }

    /// Reads the command line and the environment, and does what they say.
    /// - Returns: the exit code; what went wrong is printed, each fault on one line.
    static func run(_ inputs: CommandLineInputs, bodies: CommandBodies, output: CommandOutput) async -> ExitCode {
        do {
            switch Invocation(inputs) {
            case .text(let text):
                try output.result(text.hasSuffix("\n") ? text : text + "\n")
                return .done
            case .usage(let faults, let help):
                if let help { output.error(help) }
                return refuse(faults, output)
            case .command(let name, let report, let format, let question):
                let run = CommandRun(inputs: inputs, bodies: bodies, output: output, report: report, format: format)
                if name == .config { return try await run.printConfiguration() }
                guard let configuration = report.configuration else { return refuse(report.faults, output) }
                return try await run.perform(name, configuration, question)
            }
        } catch let failure as Failure {
            output.error("aspired: \(failure)")
            return ExitCode(failure.kind)
        } catch {
            output.error("aspired: internal error, please report it: \(Redaction.printable(String(describing: error)))")
            return .internalError
        }
    }

    private static func refuse(_ faults: [ConfigurationFault], _ output: CommandOutput) -> ExitCode {
        for fault in faults { output.error("aspired: \(fault)") }
        return ExitCode(faults)
    }
}

import Servables
import Testing

@testable import AspiredCLI

@Suite("The command line")
struct CommandLineTests {
    /// Bodies that print which command ran with what.
    private static let echo = CommandBodies(
        run: { try echo("run", $0) }, once: { try echo("once", $0) }, plan: { try echo("plan", $0) },
        status: { try echo("status", $0) }, verify: { try echo("verify", $0) },
        probe: { context, question in
            try context.output.result("probe \(question) \(context.configuration.httpListen?.description ?? "off")\n")
            return .probeFailed
        }, configurationRows: { _ in [] })

    private static func echo(_ name: String, _ context: CommandContext) throws -> ExitCode {
        let models = context.configuration.models.map(\.name).joined(separator: ",")
        try context.output.result("\(name) [\(models)] \(context.configuration.root) \(context.format)\n")
        return .done
    }

    @Test(
        "a command gets what its flags say",
        arguments: [
            ("run --model m=s3://b", "run [m] /models text"),
            ("run --model m=s3://b --model n=s3://b", "run [m,n] /models text"),
            ("once --model=m=s3://b?versions=1 --root=/r --s3-anonymous --timeout 3s", "once [m] /r text"),
            ("plan --model m=s3://b -o json --timeout 3s", "plan [m] /models json"),
            ("status -o json --root ../r", "status [] /work/r json"),
            ("status", "status [] /models text"),
            ("verify -o json --root ../r", "verify [] /work/r json"),
            ("probe health --http-listen 127.0.0.1:1", "probe health 127.0.0.1:1"),
            ("probe --http-listen=:1 ready", "probe ready :1"),
        ])
    func runs(line: String, expected: String) async {
        let outcome = await aspired(line, bodies: Self.echo)
        #expect(outcome.result == expected + "\n")
        #expect(outcome.errors == [])
        #expect(outcome.code == (line.hasPrefix("probe") ? .probeFailed : .done))
    }

    @Test(
        "what is not understood ends with 64 and one line, and nothing runs",
        arguments: [
            (
                "rnu",
                "unknown command 'rnu'; did you mean run? The commands are run, once, plan, status, verify, config and probe"
            ),
            ("push", "unknown command 'push': the commands are run, once, plan, status, verify, config and probe"),
            (
                "help onec",
                "unknown command 'onec'; did you mean once? The commands are run, once, plan, status, verify, config and probe"
            ),
            ("--modle x", "unknown flag --modle; did you mean --model? `aspired help` lists the flags"),
            ("--root /x once", "--root stands before the command: write `aspired COMMAND --root …`"),
            ("once --modle m=s3://b", "unknown flag --modle; did you mean --model? `aspired help once` lists the flags"),
            ("once --model m=s3://b -root /x", "unknown flag -root; did you mean --root? `aspired help once` lists the flags"),
            ("run --model m=s3://b --zzz", "unknown flag --zzz; `aspired help run` lists the flags"),
            ("run --model m=s3://b --timeout 3s", "aspired run takes no --timeout: it is for once, plan and config"),
            ("status --model m=s3://b", "aspired status takes no --model: it is for run, once, plan, verify and config"),
            ("run --model m=s3://b -o json", "unknown flag -o; `aspired help run` lists the flags"),
            ("status --root", "--root has no value"),
            ("status --root --log-level info", "--root has no value: --log-level follows it"),
            (
                "once --model m=s3://b --concurrency -1",
                "--concurrency has no value; one that begins with a dash is written --concurrency=-1"
            ),
            (
                "once --model m=s3://b --s3-anonymous=true",
                "the option '--s3-anonymous' does not take any value, but 'true' was specified; `aspired --help` shows what is taken"
            ),
            ("once extra", "unexpected argument 'extra': expected --model NAME=URI, or SOURCE DIRECTORY"),
            ("once s3://b/m", "'s3://b/m' has no directory behind it: expected SOURCE DIRECTORY, or --model NAME=URI"),
            ("once s3://b/m s3://b/n", "'s3://b/m' has no directory behind it: expected SOURCE DIRECTORY, or --model NAME=URI"),
            ("once s3://b /m", "'s3://b' has no last component to name the model by: give --model NAME=URI"),
            ("plan s3://b/m /x s3://b/n /y", "'/x' and '/y': expected one directory for all"),
            ("once s3://b/m /x --root /x", "the directory is given by --root and by '/x': expected one of them"),
            ("status extra", "unexpected argument 'extra'; `aspired --help` shows what is taken"),
            ("status -o yaml", "-o is 'yaml': expected text or json"),
            ("probe", "probe asks nothing: expected `aspired probe ready` or `aspired probe health`"),
            ("probe redy", "probe asks 'redy': expected `aspired probe ready` or `aspired probe health`"),
            ("once --model m=s3://b --settle x", "--settle is 'x': expected a duration such as 500ms, 30s, 10m or 2h"),
        ])
    func refuses(line: String, expected: String) async {
        let outcome = await aspired(line, bodies: Self.echo)
        #expect(outcome.code == .usage)
        #expect(outcome.result == "")
        #expect(outcome.errors == ["aspired: " + expected])
    }

    @Test("a source and its directory are a model and the root, in the order of KServe's storage initializer")
    func sourceAndPlace() throws {
        let line = "once s3://b/models/mnist/?versions=all /mnt/models file:///srv/other /mnt/models --settle 3s"
        let inputs = CommandLineInputs(
            arguments: line.split(separator: " ").map(String.init), environment: ["ASPIRED_ROOT": "/x"], workingDirectory: "/",
            isErrorTerminal: false)
        guard case .command(.once, let report, _, _) = Invocation(inputs) else {
            Issue.record("\(Invocation(inputs))")
            return
        }
        let configuration = try #require(report.configuration)
        #expect(configuration.root == "/mnt/models" && configuration.settle == .seconds(3))
        #expect(configuration.models.map(\.name) == ["mnist", "other"])
        #expect(configuration.models.map(\.source.description) == ["s3://b/models/mnist", "file:///srv/other"])
        #expect(configuration.models[0].policy == .all)
    }

    @Test(
        "a setting that is not built yet is not known",
        arguments: [
            "http-sync"
        ])
    func laterSettings(name: String) {
        let faults = UsageScan(["once", "--model", "m=s3://b", "--\(name)", "x"]).faults
        #expect(faults.count == 1)
        #expect(faults.first?.description.hasPrefix("unknown flag --\(name)") == true)
        let variable = "ASPIRED_" + name.uppercased().split(separator: "-").joined(separator: "_")
        #expect(EnvironmentNames.faults(in: [variable: "x"]).count == 1)
    }

    @Test("unknown flags, unknown variables and wrong values are all told at once")
    func allAtOnce() async {
        let outcome = await aspired(
            "once --modle m=s3://b --rot /x --concurrency 0 --timeout", environment: ["ASPIRED_BOGUS": "1"], bodies: Self.echo)
        #expect(outcome.code == .usage)
        #expect(outcome.errors.count == 5, "\(outcome.errors)")
        for part in ["--modle", "--rot", "--timeout has no value", "ASPIRED_BOGUS", "--concurrency is '0'"] {
            #expect(outcome.errors.contains { $0.contains(part) })
        }
    }

    @Test("the program and each command have help; the version is told")
    func help() async {
        let program = await aspired("--help")
        #expect(program.code == .done && program.errors == [])
        for command in CommandName.allCases {
            #expect(program.result.contains("\n  \(command.rawValue) "))
            let help = await aspired("help \(command.rawValue)")
            #expect(help.code == .done)
            let flag = await aspired("\(command.rawValue) --help")
            #expect(flag.result == help.result)
            for setting in Setting.all {
                let lines = help.result.split(separator: "\n").map { $0.split(separator: " ").first ?? "" }
                #expect(lines.contains(Substring(setting.flag)) == setting.commands.contains(command))
            }
        }
        let version = await aspired("--version")
        #expect(version.result == "aspired \(ProgramVersion.current)\n" && version.code == .done)
    }

    @Test("help tells each setting as the table does")
    func helpText() async {
        let help = await aspired("help config").result.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        for setting in Setting.all {
            let synopsis =
                switch setting.shape {
                case .value(let name): "\(setting.flag) <\(name)>"
                case .switchedOn: setting.flag
                }
            let standard = setting.defaultDescription.map { " (default: \($0))" } ?? ""
            #expect(help.contains("\(synopsis) \(setting.help)\(standard)"))
        }
    }

    @Test("without a command help goes to standard error, and nothing looks done")
    func bare() async {
        let outcome = await aspired("")
        #expect(outcome.code == .usage)
        #expect(outcome.result == "")
        #expect(outcome.errors.first?.contains("SUBCOMMANDS:") == true)
        #expect(outcome.errors.last == "aspired: no command is given")
    }

    @Test(
        "commands that are not built say so and fail",
        arguments: ["run --model m=s3://b", "once --model m=s3://b", "status", "verify", "probe ready"])
    func missing(line: String) async {
        let outcome = await aspired(line)
        #expect(outcome.code == .internalError)
        #expect(outcome.errors.count == 1)
    }

    @Test("a failure is one line on standard error, and gives the exit code", arguments: FailureKind.allCases)
    func failures(kind: FailureKind) async {
        var bodies = Self.echo
        bodies.status = { _ in throw Failure(kind, "what happened") }
        let outcome = await aspired("status", bodies: bodies)
        #expect(outcome.errors == ["aspired: what happened"])
        #expect(outcome.code == ExitCode(kind))
    }

    @Test("a result that cannot be written is not a success")
    func fullOutput() async {
        struct Full: Error {}
        let output = CommandOutput(result: { _ in throw Full() }, error: { _ in })
        let inputs = CommandLineInputs(arguments: ["--version"], environment: [:], workingDirectory: "/", isErrorTerminal: false)
        #expect(await AspiredCommand.run(inputs, bodies: .missing, output: output) == .internalError)
    }
}

import Servables
import Testing

@testable import AspiredCLI

@Suite("Faults of the configuration")
struct FaultTests {
    @Test("all are told at once, each with its flag or variable and value")
    func allAtOnce() {
        let report = report(
            .run, ["model": ["m=s3://b/p", "x=gs://b"], "settle": ["soon"]],
            environment: ["ASPIRED_CONCURRENCY": "0", "ASPIRED_BOGUS": "1", "ASPIRED_DIR_MODE": "0111"])
        let faults = report.faults.map(\.description)
        #expect(faults.count == 5)
        #expect(faults[0].hasPrefix("unknown variable ASPIRED_BOGUS;"))
        #expect(faults[1].hasPrefix("--model is 'x=gs://b': "))
        #expect(faults.contains("--settle is 'soon': expected a duration such as 500ms, 30s, 10m or 2h"))
        #expect(faults.contains("ASPIRED_CONCURRENCY is '0': expected a number from 1 to 1024"))
        #expect(faults.contains { $0.hasPrefix("ASPIRED_DIR_MODE is '0111': ") })
        #expect(report.models.map(\.name) == ["m"])
    }

    @Test("without a model there is nothing to do; the example can be typed", arguments: CommandName.allCases)
    func noModel(command: CommandName) {
        let faults = report(command).faults.map(\.description)
        guard command.needsModels else {
            #expect(faults == [])
            return
        }
        let example = command == .config ? "run" : command.rawValue
        #expect(
            faults == [
                "no model is given, neither by --model nor by --models-config; for example: "
                    + "aspired \(example) --model mnist=s3://bucket/models/mnist --root /models"
            ]
        )
        #expect(report(command, ["model": ["mnist=s3://bucket/models/mnist"], "root": ["/models"]]).faults == [])
    }

    @Test("two models of one name are refused, and both are named")
    func sameName() {
        let report = report(.run, ["model": ["m=s3://b/p", "n=s3://b/p", "m=s3://b/q"]])
        #expect(
            report.faults.map(\.description) == [
                "--model is 'm=s3://b/q': the name m is already that of 'm=s3://b/p'; expected a name of its own"
            ])
    }

    @Test(
        "directories that would destroy each other are refused",
        arguments: [
            (["state-dir": "/models"], "the same as --root"),
            (["root": "/srv/x/y", "state-dir": "/srv/x"], "--root is '/srv/x/y', inside --state-dir '/srv/x'"),
            (["state-dir": "/models/m"], "in the base path of model m"),
            (["state-dir": "/models/m/.aspired"], "in the base path of model m"),
            (["model": "m=file:///models/m"], "one in the other"),
            (["model": "m=file:///models/m/sub"], "one in the other"),
            (["model": "m=file:///models"], "one in the other"),
            (["model": "m=file:///models/.aspired/staging"], "inside --state-dir"),
            (["state-dir": "/"], "inside --state-dir '/'"),
        ])
    func overlaps(flags: [String: String], reason: String) {
        let faults = reportWithModel(flags.mapValues { [$0] }).faults
        #expect(faults.count == 1, "\(faults)")
        #expect(faults.first?.description.contains(reason) == true, "\(faults)")
    }

    @Test(
        "what Triton would take for a model, or for a change of one, is refused; the same without it is not",
        arguments: [
            ([:], "--state-dir is '/models/.aspired', inside --root '/models': Triton takes every directory there for a model"),
            (["state-dir": "/models/.aspired/x"], "inside --root"),
            (["state-dir": "/state", "reuse": "hardlink"], "--reuse is hardlink, with --server triton"),
            (["state-dir": "/state", "render-models-config": "/etc/models"], "--render-models-config is for TensorFlow Serving"),
        ])
    func triton(flags: [String: String], reason: String) {
        let faults = reportWithModel(flags.merging(["server": "triton=http://127.0.0.1:8000"]) { $1 }.mapValues { [$0] }).faults
        #expect(faults.count == 1, "\(faults)")
        #expect(faults.first?.description.contains(reason) == true, "\(faults)")
        #expect(reportWithModel(flags.mapValues { [$0] }).faults == [])
        let apart = ["server": "triton=http://h:8000", "root": "/models/repository", "state-dir": "/models/.aspired"]
        #expect(reportWithModel(apart.mapValues { [$0] }).faults == [])
    }

    @Test(
        "directories beside each other are taken",
        arguments: [
            ["state-dir": "/models/.state"], ["state-dir": "/models-state"], ["state-dir": "/models/mm"],
            ["model": "m=file:///models/other"], ["model": "m=file:///models-src/m"], ["root": "/", "state-dir": "/state"],
        ])
    func apart(flags: [String: String]) {
        #expect(reportWithModel(flags.mapValues { [$0] }).faults == [])
    }

    @Test(
        "probe needs an address that can be asked",
        arguments: [("off", false), (":0", false), (":9464", true), ("127.0.0.1:80", true)])
    func probe(address: String, isTaken: Bool) {
        #expect(report(.probe, ["http-listen": [address]]).faults.isEmpty == isTaken)
    }

    @Test(
        "no secret, control character or endless text is shown",
        arguments: [
            ["s3-endpoint": "https://user:hunter2@host"], ["s3-endpoint": "https://user:hun?ter2hunter2@host/"],
            ["s3-endpoint": "https://host/?X-Amz-Signature=hunter2"], ["model": "m=s3://AKIA:hunter2@b/p"],
            ["model": "m=s3://AKIA:x/hunter2@b/p"], ["model": "m=s3://b/p?secret_access_key=hunter2"],
            ["model": "m=s3://b/p?endpoint=https%3A%2F%2Fu%3Ahunter2%40h"], ["model": "m=https://u:hunter2@h/p"],
            ["model": "m=s3://b/p?versions=http://u:hunter2@h"], ["root": "https://user:hunter2@host\n"],
            ["http-listen": "http://u:hunter2@h:80"],
            ["log-level": "a\u{1B}[31m\r\n\u{2028}b"], ["log-level": String(repeating: "x", count: 100_000)],
        ])
    func shown(flags: [String: String]) {
        let report = reportWithModel(flags.mapValues { [$0] })
        let faults = report.faults.map(\.description).joined()
        #expect(!faults.isEmpty)
        #expect(faults.count < 2000)
        let shown = [faults, report.text(extra: []), report.json(extra: [])].joined()
        #expect(!shown.contains("hunter2") && !shown.contains("ter2@"))
        #expect(!shown.unicodeScalars.contains { $0 != "\n" && $0.properties.generalCategory == .control })
        #expect(!faults.contains("\n") && !faults.contains("\u{2028}"))
    }

    @Test("what is no secret is shown as it is")
    func unmasked() {
        let texts = [
            "s3://b/a@b/c:d", "/srv/x@y", "m=s3://b/p?versions=3,7&required=false", "http://minio:9000", "30s",
            "m=s3://arn:aws:s3:eu-west-1:12:accesspoint:a/p",
        ]
        #expect(texts.map(Redaction.masked) == texts)
    }
}

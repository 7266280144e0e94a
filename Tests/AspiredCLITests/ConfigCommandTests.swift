import Servables
import Testing

@testable import AspiredCLI

@Suite("aspired config")
struct ConfigCommandTests {
    @Test("shows every setting with its value and where it came from, and the models with what holds for them")
    func text() async {
        let outcome = await aspired(
            "config --model m=s3://b/p%20q?region=r1&endpoint=http://minio:9000 --model other=file:///srv/o?versions=all&required=no --root vol",
            environment: ["ASPIRED_SETTLE": "3s", "ASPIRED_READY": "settled"])
        #expect(outcome.code == .done)
        #expect(outcome.errors == [])
        let lines = outcome.result.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        for setting in Setting.all where setting != .model { #expect(lines.contains { $0.hasPrefix("\(setting.flag) ") }) }
        #expect(lines.contains("--root /work/dir/vol --root"))
        #expect(lines.contains("--state-dir /work/dir/vol/.aspired default"))
        #expect(lines.contains("--settle 3s ASPIRED_SETTLE"))
        #expect(lines.contains("--timeout - default"))
        #expect(lines.contains("--prune-foreign false default"))
        #expect(lines.contains("m s3://b/p q latest settled yes http://minio:9000 r1 --model"))
        #expect(lines.contains("other file:///srv/o all settled no - - --model"))
        #expect(!outcome.result.contains("FAULTS"))
        #expect(!outcome.result.contains(" \n"))
    }

    @Test("shows what it can and all faults, and ends with 64")
    func faults() async {
        let outcome = await aspired("config --model m=s3://b --settle x --concurrency 0")
        #expect(outcome.code == .usage)
        #expect(
            outcome.result.hasSuffix(
                """

                FAULTS
                --settle is 'x': expected a duration such as 500ms, 30s, 10m or 2h
                --concurrency is '0': expected a number from 1 to 1024

                """))
        #expect(outcome.result.contains("\nm      s3://b  "))
    }

    @Test("shows what cannot be read as it was given")
    func unreadable() {
        let report = reportWithModel(["log-format": ["xml"], "http-listen": ["x"], "state-dir": ["a\n"]])
        let values = report.settings.filter { $0.origin != .standard && $0.setting != .model }.map(\.values)
        #expect(values == [["a\\n"], ["x"], ["xml"]])
    }

    @Test("as JSON it has the same")
    func json() async {
        let outcome = await aspired(
            "config -o json --model m=s3://b/p?region=r1 --model f=file:///d --timeout 3s --log-level loud",
            environment: ["ASPIRED_ROOT": "/r"])
        #expect(outcome.code == .usage)
        let words = outcome.result.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        for part in [
            #"{ "settings": [ { "name": "model", "flag": "--model", "variable": "ASPIRED_MODEL", "#
                + #""value": [ "m=s3://b/p?region=r1", "f=file:///d" ], "origin": "--model" }"#,
            #"{ "name": "root", "flag": "--root", "variable": "ASPIRED_ROOT", "value": "/r", "origin": "ASPIRED_ROOT" }"#,
            #""variable": "ASPIRED_MAX_VOLUME", "value": null, "origin": "default" }"#,
            #""models": [ { "name": "m", "source": "s3://b/p", "versions": "latest", "ready": "auto", "required": true, "#
                + #""endpoint": null, "region": "r1" }, { "name": "f", "source": "file:///d", "versions": "latest", "#
                + #""ready": "auto", "required": true } ]"#,
            #""faults": [ "--log-level is 'loud': expected trace, debug, info, notice, warning, error or critical" ] }"#,
        ] {
            #expect(words.contains(part), "\(part)")
        }
    }

    @Test("shows what other rooms make of their settings", arguments: ["text", "json"])
    func extraRows(format: String) async {
        var bodies = CommandBodies.missing
        bodies.configurationRows = { context in
            [
                ConfigurationRow(name: "s3 region", value: context.configuration.s3.region, origin: "AWS_REGION"),
                ConfigurationRow(name: "s3 endpoint", value: "https://u:hunter2@h", origin: "profile"),
                ConfigurationRow(name: "s3 role", value: nil, origin: "default"),
            ]
        }
        let outcome = await aspired("config --model m=s3://b --s3-region r7 -o \(format)", bodies: bodies)
        #expect(outcome.code == .done)
        let words = outcome.result.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        if format == "text" {
            #expect(words.contains("s3 region r7 AWS_REGION s3 endpoint https://***@h profile s3 role - default"))
        } else {
            #expect(words.contains(#"{ "name": "s3 region", "value": "r7", "origin": "AWS_REGION" }"#))
            #expect(words.contains(#"{ "name": "s3 role", "value": null, "origin": "default" }"#))
        }
        #expect(!outcome.result.contains("hunter2"))
    }

    @Test("what fails in another room is one more fault")
    func failingRows() async {
        var bodies = CommandBodies.missing
        bodies.configurationRows = { _ in throw Failure(.denied, "no profile 'x' in ~/.aws/config") }
        let outcome = await aspired("config --model m=s3://b", bodies: bodies)
        #expect(outcome.code == .usage)
        #expect(outcome.result.hasSuffix("\nFAULTS\nno profile 'x' in ~/.aws/config\n"))
    }

    @Test(
        "shows nothing of the environment's secrets, nor does a command that fails for them",
        arguments: ["config", "config -o json", "plan --root /nonexistent/aspired"])
    func secrets(command: String) async {
        let secret = "hunter2-the-secret"
        let environment = [
            "AWS_ACCESS_KEY_ID": "AKIA\(secret)", "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": secret,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": secret, "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/\(secret)",
            "AWS_ENDPOINT_URL_STS": "http://user:\(secret)@sts", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1", "AWS_REGION": "r",
        ]
        for absent in [[], ["AWS_SECRET_ACCESS_KEY"], ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]] {
            let left = environment.filter { !absent.contains($0.key) }
            let outcome = await aspired("\(command) --model m=s3://b/p", environment: left, bodies: .built)
            #expect(!outcome.result.contains(secret))
            #expect(!outcome.log.contains(secret), "\(outcome.log)")
            #expect(!outcome.errors.contains { $0.contains(secret) }, "\(outcome.errors)")
            #expect(!outcome.result.isEmpty || !outcome.errors.isEmpty)
        }
    }
}

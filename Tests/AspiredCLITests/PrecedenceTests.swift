import Servables
import Testing

@testable import AspiredCLI

@Suite("Flags, variables and defaults")
struct PrecedenceTests {
    private func setting(_ name: String, in report: ConfigurationReport) -> EffectiveSetting? {
        report.settings.first { $0.setting.name == name }
    }

    @Test("a flag beats its variable, which beats the default; each value says where it came from")
    func precedence() {
        let both = reportWithModel(["settle": ["1s"]], environment: ["ASPIRED_SETTLE": "2s"])
        #expect(both.models.first?.settle == .seconds(1))
        #expect(setting("settle", in: both)?.origin == .flag("--settle"))
        let variable = reportWithModel([:], environment: ["ASPIRED_SETTLE": "2s"])
        #expect(variable.models.first?.settle == .seconds(2))
        #expect(setting("settle", in: variable)?.origin == .variable("ASPIRED_SETTLE"))
        let neither = reportWithModel([:])
        #expect(neither.models.first?.settle == .seconds(10))
        #expect(setting("settle", in: neither)?.origin == .standard)
    }

    @Test("a wrong variable is no matter where a flag is given")
    func hiddenVariable() {
        #expect(reportWithModel(["settle": ["1s"]], environment: ["ASPIRED_SETTLE": "x"]).faults == [])
    }

    @Test("the variable of a repeatable flag separates by white space; flags replace the whole list")
    func repeatable() {
        let environment = ["ASPIRED_MODEL": " a=s3://b/a\n\tb=s3://b/b  "]
        #expect(report(.run, environment: environment).models.map(\.name) == ["a", "b"])
        #expect(report(.run, ["model": ["c=s3://b/c"]], environment: environment).models.map(\.name) == ["c"])
    }

    @Test("an empty variable counts as unset", arguments: Setting.all.map(\.variable))
    func emptyVariable(name: String) {
        var environment = ["ASPIRED_MODEL": "m=s3://b"]
        environment[name] = ""
        let report = report(.config, environment: environment)
        #expect(report.faults.allSatisfy { $0.description.hasPrefix("no model is given") })
        #expect(report.settings.first { $0.setting.variable == name }?.origin == .standard)
    }

    @Test("a flag that is not repeatable is refused when it is given twice")
    func givenTwice() {
        let report = reportWithModel(["root": ["/a", "/b"]])
        #expect(report.faults.map(\.description) == ["--root is given 2 times: expected once"])
    }

    @Test("a command ignores the variables of settings that it does not take, but not unknown ones")
    func otherCommands() {
        let report = report(.status, environment: ["ASPIRED_SETTLE": "x", "ASPIRED_MODEL": "wrong", "ASPIRED_ROOT": "/r"])
        #expect(report.faults == [])
        #expect(report.configuration?.root == "/r")
        #expect(report.settings.map(\.setting.name) == ["root", "state-dir", "log-format", "log-level"])
        #expect(AspiredCLITests.report(.status, environment: ["ASPIRED_ROOTS": "/r"]).faults.count == 1)
    }

    @Test("the names of flags and variables follow from each other", arguments: Setting.all)
    func names(setting: Setting) {
        #expect(setting.variable.lowercased().split(separator: "_").dropFirst().joined(separator: "-") == setting.name)
        #expect(!EnvironmentNames.isServiceLink(setting.variable))
        #expect(setting.variable.unicodeScalars.allSatisfy { ("A"..."Z").contains($0) || ("0"..."9").contains($0) || $0 == "_" })
    }

    @Test("--poll-interval is ASPIRED_POLL_INTERVAL")
    func example() {
        #expect(Setting.pollInterval.flag == "--poll-interval")
        #expect(Setting.pollInterval.variable == "ASPIRED_POLL_INTERVAL")
    }
}

@Suite("Variables of the environment")
struct EnvironmentNamesTests {
    @Test(
        "an unknown one is refused with the nearest known one",
        arguments: [
            ("ASPIRED_POLL_INTERVALL", "ASPIRED_POLL_INTERVAL"), ("ASPIRED_MODELS", "ASPIRED_MODEL"),
            ("ASPIRED_CHECK_INTERVAL", "ASPIRED_RECHECK_INTERVAL"), ("ASPIRED_SHARED_DIR", "ASPIRED_STATE_DIR"),
            ("ASPIRED_PORTS", "ASPIRED_ROOT"), ("ASPIRED_SERVICE", "ASPIRED_SERVER"), ("ASPIRED_poll_interval", ""),
            ("ASPIRED_", ""),
        ])
    func unknown(name: String, nearest: String) {
        let faults = EnvironmentNames.faults(in: [name: "secret"])
        #expect(faults.count == 1)
        #expect(faults.first?.description.hasPrefix("unknown variable \(name); the nearest known one is \(nearest)") == true)
        #expect(faults.first?.description.contains("secret") == false)
    }

    @Test(
        "Kubernetes' service links and other programs' variables are no matter",
        arguments: [
            "ASPIRED_SERVICE_HOST", "ASPIRED_SERVICE_PORT", "ASPIRED_SERVICE_PORT_METRICS", "ASPIRED_SERVICE_PORT_HTTP_ALT",
            "ASPIRED_PORT", "ASPIRED_PORT_9464_TCP", "ASPIRED_PORT_9464_TCP_PROTO", "ASPIRED_PORT_9464_TCP_PORT",
            "ASPIRED_PORT_9464_TCP_ADDR", "ASPIRED_PORT_53_UDP", "ASPIRED_CANARY_SERVICE_HOST", "ASPIRED_CANARY_PORT_1_TCP_ADDR",
            "ASPIRED_CANARY_PORT", "aspired_root", "XASPIRED_ROOT", "PATH", "AWS_REGION",
        ])
    func ignored(name: String) {
        #expect(EnvironmentNames.faults(in: [name: "x"]) == [])
    }

    @Test(
        "what only looks like a service link is not one",
        arguments: [
            "ASPIRED_PORT_TCP", "ASPIRED_PORT_9464", "ASPIRED_PORT_x_TCP", "ASPIRED_PORT_9464_TCP_HOST", "ASPIRED_HOST",
            "ASPIRED_SUPPORT", "ASPIRED_PORT_99999_TCP",
        ])
    func notServiceLinks(name: String) {
        #expect(EnvironmentNames.faults(in: [name: "x"]).count == 1)
    }
}

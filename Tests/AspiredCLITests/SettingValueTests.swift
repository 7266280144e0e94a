import Servables
import Testing

@testable import AspiredCLI

/// Each value is given by its flag and read out of the configuration, so that what is tested is what a command gets.
@Suite("The values of settings")
struct SettingValueTests {
    @Test("the defaults are those of the contract")
    func defaults() throws {
        let configuration = try #require(report(.run, ["model": ["m=s3://b/p"]]).configuration)
        #expect(
            configuration.models == [
                DesiredModel(
                    name: "m", source: .s3(bucket: "b", prefix: "p", endpoint: nil, region: nil), policy: .latest(1),
                    ready: .auto, settle: .seconds(10), isRequired: true)
            ])
        #expect(configuration.root == "/models")
        #expect(configuration.stateDirectory == "/models/.aspired")
        #expect(configuration.pollInterval == .seconds(30))
        #expect(configuration.timeout == nil)
        #expect(configuration.verify == .best)
        #expect(configuration.pruneDelay == .zero)
        #expect(configuration.prunesForeign == false)
        #expect(configuration.maxVolume == nil)
        #expect(configuration.keepFree == .bytes(ByteCount(0)))
        #expect(configuration.fileMode == 0o644)
        #expect(configuration.directoryMode == 0o755)
        #expect(configuration.s3 == S3Settings())
        #expect(configuration.concurrency == 128)
        #expect(configuration.partSize == nil)
        #expect(configuration.republishPause == .seconds(5))
        #expect(configuration.server == nil)
        #expect(configuration.republishRefused == 0)
        #expect(configuration.confirmTimeout == .seconds(600))
        #expect(configuration.httpListen == HTTPListen(host: nil, port: 9464, isExplicit: false))
        #expect(configuration.logFormat == .json)
        #expect("\(configuration.logLevel)" == "info")
    }

    @Test("each flag reaches the field that is named for it")
    func everyFlag() throws {
        let flags = [
            "model": ["a=s3://b/a", "b=file:///b?versions=7"], "versions": ["all"], "root": ["/vol"], "state-dir": ["/vol/state"],
            "poll-interval": ["1m"], "timeout": ["2h"], "ready": ["marker:OK"], "settle": ["3s"], "verify": ["require"],
            "prune-delay": ["4s"], "prune-foreign": ["true"], "prune-first": ["true"], "repair": ["true"], "max-volume": ["1GB"],
            "keep-free": ["12%"],
            "sync": ["after"], "file-mode": ["0640"],
            "dir-mode": ["750"], "s3-endpoint": ["http://minio:9000"], "s3-region": ["r1"], "s3-addressing": ["path"],
            "s3-profile": ["p"], "s3-anonymous": ["true"], "s3-request-payer": ["true"], "s3-ca-file": ["ca.pem"],
            "s3-insecure-skip-tls-verify": ["true"], "concurrency": ["1024"], "part-size": ["64KiB"], "max-bandwidth": ["10MiB"],
            "republish-pause": ["6s"], "models-config": ["list"], "model-files": ["*.pbtxt,labels.txt"],
            "render-models-config": ["served"],
            "on-change-exec": ["hook 'a b'"],
            "on-change-webhook": ["https://h/x"], "hook-timeout": ["7s"], "webhook-secret-file": ["key"],
            "server": ["tensorflow-serving=http://tfs:8501"], "republish-refused": ["2"], "confirm-timeout": ["8m"],
            "recheck-interval": ["2m"], "on-changed": ["republish"], "reuse": ["copy"],
            "http-listen": ["127.0.0.1:80"], "log-format": ["text"], "log-level": ["Debug"],
        ]
        #expect(Set(flags.keys) == Set(Setting.all.map(\.name)))
        let report = report(.config, flags)
        #expect(report.faults == [])
        let configuration = try #require(report.configuration)
        #expect(configuration.models.map(\.name) == ["a", "b"])
        #expect(configuration.models.map(\.policy) == [.all, .specific([7])])
        #expect(configuration.models.map(\.ready) == [.marker("OK"), .marker("OK")])
        #expect(configuration.models.map(\.settle) == [.seconds(3), .seconds(3)])
        #expect(configuration.root == "/vol")
        #expect(configuration.stateDirectory == "/vol/state")
        #expect(configuration.pollInterval == .seconds(60))
        #expect(configuration.timeout == .seconds(7200))
        #expect(configuration.verify == .require)
        #expect(configuration.modelsConfig == .directory(path: "/work/dir/list"))
        #expect(configuration.renderModelsConfig == "/work/dir/served")
        #expect(configuration.modelFiles.description == "*.pbtxt,labels.txt")
        #expect(
            configuration.hooks
                == HookSettings(
                    command: ["hook", "a b"], webhook: "https://h/x", timeout: .seconds(7), secretFile: "/work/dir/key"))
        #expect(configuration.pruneDelay == .seconds(4))
        #expect(configuration.prunesForeign && configuration.prunesFirst)
        #expect(configuration.repairs)
        #expect(configuration.maxVolume == ByteCount(1_000_000_000))
        #expect(configuration.keepFree == .percent(12))
        #expect(configuration.sync == .after)
        #expect(configuration.fileMode == 0o640)
        #expect(configuration.directoryMode == 0o750)
        #expect(
            configuration.s3
                == S3Settings(
                    endpoint: "http://minio:9000", region: "r1", addressing: .path, profile: "p", isAnonymous: true,
                    requestPayer: true, caFile: "/work/dir/ca.pem", skipsTLSVerification: true))
        #expect(configuration.concurrency == 1024)
        #expect(configuration.partSize == ByteCount(65536))
        #expect(configuration.maxBandwidth == ByteCount(10 << 20))
        #expect(configuration.republishPause == .seconds(6))
        #expect(configuration.server == ServerSetting(kind: .tensorFlowServing, url: "http://tfs:8501"))
        #expect(configuration.republishRefused == 2)
        #expect(configuration.confirmTimeout == .seconds(480))
        #expect(configuration.recheckInterval == .seconds(120))
        #expect(configuration.onChanged == .republish)
        #expect(configuration.reuse == .copy)
        #expect(configuration.httpListen == HTTPListen(host: "127.0.0.1", port: 80, isExplicit: true))
        #expect(configuration.logFormat == .text)
        #expect("\(configuration.logLevel)" == "debug")
    }

    @Test(
        "a wrong value is refused with what is expected",
        arguments: [
            ("versions", "newest", "expected latest, latest:N, all"),
            ("root", "", "expected a path"),
            ("poll-interval", "soon", "expected a duration such as"),
            ("poll-interval", "30", "expected a duration such as"),
            ("poll-interval", "99ms", "at least 100ms"),
            ("poll-interval", "87601h", "at most 10 years"),
            ("timeout", "0s", "more than 0"),
            ("ready", "manifests", "expected auto, manifest, marker:NAME, settled or none"),
            ("ready", "marker:", "expected auto, manifest, marker:NAME, settled or none"),
            ("ready", "marker:/x", "not a path below"),
            ("settle", "-1s", "expected a duration such as"),
            ("recheck-interval", "99ms", "at least 100ms"),
            ("on-changed", "replace", "expected keep or republish"),
            ("models-config", "s3://b", "expected the key of the list"),
            ("models-config", "s3://b/k?versions=all", "only ?endpoint= and ?region="),
            ("on-change-exec", "run 'it", "a ' is not closed"),
            ("on-change-exec", "''", "expected a program"),
            ("on-change-webhook", "h.example/x", "expected a URL such as"),
            ("on-change-webhook", "https://me:pw@h/x", "a user name and password do not belong"),
            ("on-change-webhook", "https://h/a b", "must be percent-encoded"),
            ("hook-timeout", "0s", "more than 0"),
            ("server", "http://127.0.0.1:8501", "expected KIND=URL, such as tensorflow-serving="),
            ("server", "tensorflow-serving=127.0.0.1:8501", "expected KIND=URL"),
            ("server", "tensorflow-serving=http://", "expected KIND=URL"),
            ("server", "tensorflow-serving=http://me:pw@h:8501", "a user name and password do not belong"),
            ("server", "tensorflow-serving=http://h/?token=x", "holds a query"),
            ("server", "triton=127.0.0.1:8000", "expected KIND=URL, such as tensorflow-serving=http://127.0.0.1:8501 or triton="),
            ("republish-refused", "-1", "expected a number from 0 to 100"),
            ("republish-refused", "often", "expected a number from 0 to 100"),
            ("confirm-timeout", "soon", "expected a duration such as"),
            ("reuse", "link", "expected auto, hardlink, reflink, copy or off"),
            ("sync", "never", "expected before or after"),
            ("verify", "Best", "expected best, require or size"),
            ("prune-foreign", "maybe", "expected true or false"),
            ("max-volume", "0", "more than 0"),
            ("max-volume", "10%", "expected a size such as"),
            ("keep-free", "100%", "expected 0% to 99%"),
            ("keep-free", "-1%", "expected 0% to 99%"),
            ("keep-free", "%", "expected 0% to 99%"),
            ("keep-free", "much", "or 0% to 99%"),
            ("file-mode", "0888", "octal mode"),
            ("file-mode", "rw", "octal mode"),
            ("file-mode", "4755", "octal mode"),
            ("file-mode", "00644", "octal mode"),
            ("file-mode", "0044", "at least 0400"),
            ("dir-mode", "0555", "at least 0700"),
            ("s3-endpoint", "minio:9000", "expected a URL such as"),
            ("s3-endpoint", "ftp://h", "expected a URL such as"),
            ("s3-endpoint", "https://", "expected a URL such as"),
            ("s3-endpoint", "https://:443", "expected a URL such as"),
            ("s3-endpoint", "https://h:0", "expected a URL such as"),
            ("s3-endpoint", "https://h:65536", "expected a URL such as"),
            ("s3-endpoint", "https://h:", "expected a URL such as"),
            ("s3-endpoint", "https://a b", "expected a URL such as"),
            ("s3-endpoint", "https://::1", "expected a URL such as"),
            ("s3-endpoint", "https://h/x?y", "without ? and #"),
            ("s3-endpoint", "https://h#x", "without ? and #"),
            ("s3-endpoint", "https://u:p@h", "credentials do not belong into a URL"),
            ("s3-region", "a b", "the name of a region"),
            ("s3-addressing", "dns", "expected auto, path or virtual"),
            ("s3-profile", "a]\n[b", "the name of a profile"),
            ("concurrency", "0", "a number from 1 to 1024"),
            ("concurrency", "1025", "a number from 1 to 1024"),
            ("concurrency", "+8", "a number from 1 to 1024"),
            ("concurrency", "99999999999999999999", "a number from 1 to 1024"),
            ("part-size", "65535", "expected auto, or a size of 64KiB or more"),
            ("max-bandwidth", "65535", "expected bytes a second, 64KiB or more"),
            ("max-bandwidth", "fast", "expected bytes a second, 64KiB or more"),
            ("part-size", "big", "expected auto, or a size of 64KiB or more"),
            ("republish-pause", "5 s", "expected a duration such as"),
            ("http-listen", "9464", "expected :PORT"),
            ("http-listen", "h:65536", "expected :PORT"),
            ("http-listen", "::1:80", "expected :PORT"),
            ("http-listen", "[h]:80", "expected :PORT"),
            ("http-listen", "a/b:80", "expected :PORT"),
            ("log-format", "xml", "expected text or json"),
            ("log-level", "loud", "expected trace, debug, info, notice, warning, error or critical"),
        ])
    func wrong(name: String, value: String, expected: String) {
        let report = reportWithModel([name: [value]])
        #expect(report.faults.count == 1, "\(report.faults)")
        #expect(report.faults.first?.description.hasPrefix("--\(name) is '") == true)
        #expect(report.faults.first?.description.contains(expected) == true, "\(report.faults)")
        #expect(report.configuration == nil)
    }

    @Test(
        "an address is taken apart",
        arguments: [
            (":0", nil, 0), ("localhost:80", "localhost", 80), ("[::1]:9464", "::1", 9464), ("0.0.0.0:65535", "0.0.0.0", 65535),
        ] as [(String, String?, UInt16)])
    func addresses(text: String, host: String?, port: UInt16) {
        let listen = reportWithModel(["http-listen": [text]]).configuration?.httpListen
        #expect(listen == HTTPListen(host: host, port: port, isExplicit: true))
        #expect(listen?.description == text)
    }

    @Test("only run and what asks it have an address", arguments: CommandName.allCases)
    func listening(command: CommandName) throws {
        let configuration = try #require(report(command, ["model": ["m=s3://b/p"]]).configuration)
        #expect((configuration.httpListen?.port == 9464) == [.run, .config, .probe].contains(command))
    }

    @Test("off turns the address off")
    func listenOff() throws {
        let configuration = try #require(reportWithModel(["http-listen": ["off"]]).configuration)
        #expect(configuration.httpListen == nil)
    }

    @Test(
        "paths become absolute and plain",
        arguments: [("models", "/work/dir/models"), ("../m/./x/", "/work/m/x"), ("/a//b/", "/a/b"), ("/", "/")])
    func paths(given: String, absolute: String) throws {
        let configuration = try #require(reportWithModel(["root": [given]]).configuration)
        #expect(configuration.root == absolute)
        #expect(configuration.stateDirectory == (absolute == "/" ? "/.aspired" : absolute + "/.aspired"))
    }

    @Test("the log is text on a terminal, unless told otherwise")
    func logFormat() {
        let model = ["model": ["m=s3://b"]]
        #expect(report(.run, model, isTerminal: true).configuration?.logFormat == .text)
        #expect(report(.run, model, isTerminal: false).configuration?.logFormat == .json)
        #expect(report(.run, model.merging(["log-format": ["json"]]) { $1 }, isTerminal: true).configuration?.logFormat == .json)
    }

    @Test(
        "a switch's variable takes the usual words",
        arguments: [
            ("true", true), ("1", true), ("yes", true), ("on", true), ("TRUE", true), ("false", false), ("0", false),
            ("no", false), ("Off", false),
        ])
    func switches(word: String, isOn: Bool) {
        let report = reportWithModel([:], environment: ["ASPIRED_S3_ANONYMOUS": word])
        #expect(report.configuration?.s3.isAnonymous == isOn)
    }
}

import ModelsConfig
import Servables
import Testing

@testable import AspiredCLI

@Suite("--models-config")
struct ListedModelsTests {
    /// What a command line gives beside the list.
    private func configuration(_ words: String = "") throws -> Configuration {
        let arguments = words.isEmpty ? ["--models-config", "/etc/models.config"] : words.split(separator: " ").map(String.init)
        var flags: [String: [String]] = [:]
        for (flag, value) in zip(arguments, arguments.dropFirst()) where flag.hasPrefix("--") {
            flags[String(flag.dropFirst(2)), default: []].append(value)
        }
        let report = ConfigurationReport(
            command: .run, flags: flags,
            inputs: CommandLineInputs(
                arguments: [], environment: [:], workingDirectory: "/work", isErrorTerminal: false))
        return try #require(report.configuration, "\(report.faults)")
    }

    private func listed(_ configs: String, _ words: String = "") throws -> [DesiredModel] {
        try ListedModels(Array("model_config_list {\n\(configs)\n}".utf8), beside: configuration(words)).synced
    }

    private func fault(_ configs: String, _ words: String = "") throws -> String {
        let configuration = try configuration(words)
        let fault = try #require(throws: ConfigFault.self) {
            try ListedModels(Array("model_config_list {\n\(configs)\n}".utf8), beside: configuration)
        }
        return fault.description
    }

    @Test("models of s3:// and file:// are synced, others are passed through")
    func synced() throws {
        let models = try listed(
            """
            config { name: "a" base_path: "s3://bucket/models/a" }
            config { name: "left/alone" base_path: "/models/b" }
            config { name: "c" base_path: "file:///srv/c" model_version_policy { specific { versions: 3 versions: 7 } } }
            config { name: "d" base_path: "gs://bucket/d" }
            """)
        #expect(models.map(\.name) == ["a", "c"])
        #expect(
            models.map(\.source) == [
                .s3(bucket: "bucket", prefix: "models/a", endpoint: nil, region: nil), .directory(path: "/srv/c"),
            ])
        #expect(models.map(\.policy) == [.latest(1), .specific([3, 7])])
    }

    @Test("what stands behind a base_path's ? is as with --model, and what it leaves open is the global setting")
    func queries() throws {
        let models = try listed(
            """
            config { name: "a" base_path: "s3://b/a?ready=marker:DONE&required=false&endpoint=http://h:1&region=r-1&versions=all" }
            config { name: "b" base_path: "s3://b/b" model_version_policy { all {} } }
            """, "--models-config list --ready settled --settle 3s --versions latest:4")
        #expect(models.map(\.ready) == [.marker("DONE"), .settled])
        #expect(models.map(\.isRequired) == [false, true])
        #expect(models.map(\.policy) == [.all, .all])
        #expect(models.map(\.settle) == [.seconds(3), .seconds(3)])
        #expect(models[0].source == .s3(bucket: "b", prefix: "a", endpoint: "http://h:1", region: "r-1"))
        // As the server has it, whatever --versions says: that is for --model.
        #expect(
            try listed("config { name: 'a' base_path: 's3://b/a' }", "--models-config list --versions all")[0].policy
                == .latest(1))
    }

    @Test(
        "what cannot be synced is a fault, with its line and column",
        arguments: [
            ("", "line 1, column 1: it names no model"),
            ("config { name: 'a b' base_path: 's3://b/a' }", "line 2, column 1: the model's name may hold"),
            ("config { name: 'a' base_path: 's3:///a' }", "line 2, column 31: base_path of a: the bucket's name is empty"),
            ("config { name: 'a'\n base_path: 's3://b/a?versons=all' }", "line 3, column 13: base_path of a: unknown ?versons="),
            (
                "config { name: 'a' base_path: 's3://b/a?versions=all' model_version_policy { latest {} } }",
                "line 2, column 31: a has both ?versions= and a model_version_policy"
            ),
            ("config { name: 'a' base_path: 'file:///models/a' }", "line 2, column 31: --model a has its source"),
            ("config { name: 'm' base_path: 's3://b/a' }", "line 2, column 1: m is given by --model, too"),
        ])
    func faults(_ configs: String, _ expected: String) throws {
        let words = "--models-config list --model m=s3://bucket/m"
        let fault = try fault(configs, words)
        #expect(fault.hasPrefix(expected), "\(fault)")
    }

    @Test(
        "where the list is",
        arguments: [
            ("models.config", .directory(path: "/work/models.config")), ("/etc/x/../m", .directory(path: "/etc/m")),
            ("file:///etc/m", .directory(path: "/etc/m")),
            ("s3://b/k/models.config?region=x", .s3(bucket: "b", prefix: "k/models.config", endpoint: nil, region: "x")),
        ] as [(String, Servables.SourceLocation)])
    func places(_ text: String, _ expected: Servables.SourceLocation) throws {
        #expect(try SettingValue.modelsConfig(text, in: "/work") == expected)
    }

    @Test("places that are none", arguments: ["", "s3://b", "s3://b/k?versions=all", "s3://b/k?ready=none", "gs://b/k"])
    func badPlaces(_ text: String) {
        #expect(throws: ParseFault.self) { try SettingValue.modelsConfig(text, in: "/work") }
    }
}

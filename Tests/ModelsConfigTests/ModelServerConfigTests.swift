import Servables
import Testing

@testable import ModelsConfig

@Suite("models.config")
struct ModelServerConfigTests {
    private func parse(_ text: String) throws(ConfigFault) -> ModelServerConfig {
        try ModelServerConfig(parsing: Array(text.utf8))
    }

    private func policy(_ text: String) throws -> VersionPolicy {
        try #require(
            try parse(#"model_config_list { config { name: "m" base_path: "/m" model_version_policy { \#(text) } } }"#).models
                .first
        )
        .policy ?? .latest(1)
    }

    @Test("a list as TensorFlow Serving's documentation has it")
    func documented() throws {
        let text = """
            model_config_list {
              config {
                name: 'my_first_model'   # by Alice
                base_path: "s3://models/my_first_model"
                model_platform: 'tensorflow'
                model_version_policy { specific { versions: 42  versions: 43 } }
                version_labels { key: 'stable' value: 43 }
                version_labels { key: 'canary' value: 42 }
              }
              config: < name: "second", base_path: "/models/" 'second'; logging_config { unknown: [1, {a: 1}] } >
            }
            """
        let config = try parse(text)
        #expect(config.models.map(\.name) == ["my_first_model", "second"])
        #expect(config.models.map(\.basePath) == ["s3://models/my_first_model", "/models/second"])
        #expect(config.models.map(\.platform) == ["tensorflow", nil])
        #expect(config.models.map(\.policy) == [.specific([42, 43]), nil])
        #expect(config.models.map(\.labels) == [["stable": 43, "canary": 42], [:]])
        let bytes = Array(text.utf8)
        #expect(
            config.models.map { String(decoding: bytes[$0.basePathSpan], as: UTF8.self) }
                == [#""s3://models/my_first_model""#, #""/models/" 'second'"#])
        #expect(config.models.allSatisfy { bytes[$0.span].starts(with: Array("config".utf8)) })
    }

    @Test(
        "policies",
        arguments: [
            ("", VersionPolicy.latest(1)), ("latest {}", .latest(1)), ("latest { num_versions: 0 }", .latest(1)),
            ("latest { num_versions: 4294967295 }", .latest(4_294_967_295)), ("latest: <num_versions:0x10>", .latest(16)),
            ("all {}", .all), ("all: {} # each\n", .all), ("specific { versions: [3, 7] versions: 3 }", .specific([3, 7])),
            ("specific { versions: -1 versions: 017 }", .specific([-1, 15])),
            ("specific { versions: 9223372036854775807 }", .specific([.max])),
        ])
    func policies(_ text: String, _ expected: VersionPolicy) throws {
        #expect(try policy(text) == expected)
    }

    @Test("an empty text is a list without models")
    func empty() throws {
        // Numbers in fields that are not known.
        for text in [
            "a: [0, 07, 10, 0xFf, -1.5, .5, 1., 1e9, 1.5E-3f, 2f, 0.5, inf, -nan]", "", "# nothing yet\n", "model_config_list {}",
            "model_config_list: { config: [] }",
        ] {
            #expect(try parse(text).models.isEmpty)
        }
    }

    @Test("the short form of a list holds models, too")
    func shortForm() throws {
        let text = #"model_config_list { config: [ { name: "a" base_path: "/a" }, { name: "b" base_path: "/b" } ] }"#
        let config = try parse(text)
        #expect(config.models.map(\.name) == ["a", "b"])
        #expect(String(decoding: Array(text.utf8)[config.models[1].span], as: UTF8.self).contains(#"name: "b""#))
    }

    @Test("escapes in strings")
    func escapes() throws {
        let text = #"model_config_list { config { name: "\141\x62\u00e9\n\\" base_path: '/\'' } }"#
        let model = try #require(try parse(text).models.first)
        #expect(model.name == "ab\u{e9}\n\\")
        #expect(model.basePath == "/'")
    }

    @Test(
        "what the server would not take is said with line and column",
        arguments: [
            ("model_config_list {\n  config {", "2:11", "a bracket is not closed at the end"),
            ("model_config_list }", "1:19", "expected \":\""),
            ("model_config_list { config { name: m } }", "1:36", "put it into quotes"),
            ("model_config_list { config { name: \"m } }", "1:36", "does not end in its line"),
            ("model_config_list { config { base_path: \"/m\" } }", "1:21", "a model has no name"),
            ("model_config_list { config { name: \"m\" } }", "1:21", "no base_path"),
            ("model_config_list { config { name: \"é\" base_path: \"m\" } }", "1:51", "neither an absolute path"),
            ("model_config_list { config { name: \"m\" name: \"n\" } }", "1:40", "given twice"),
            (
                "model_config_list {\n config { name: 'm' base_path: '/a' }\n config { name: 'm' base_path: '/b' }\n}", "3:2",
                "two models of the name m"
            ),
            ("custom_model_config {}", "1:1", "TensorFlow Serving ends with it"),
            ("model_config_list {} model_config_list {}", "1:22", "given twice"),
            ("\u{FEFF}model_config_list {}", "1:1", "byte order mark"),
            ("{}", "1:1", "expected the name of a field"),
            ("a: 1..5", "1:4", "this is no number"), ("a: .inf", "1:4", "this is no number"),
            ("a: 08", "1:4", "this is no number"),
            ("a: 1e", "1:4", "this is no number"), ("a: 0xg", "1:4", "this is no number"), ("a: 1x", "1:4", "this is no number"),
        ])
    func faults(_ text: String, _ place: String, _ reason: String) throws {
        let fault = try #require(throws: ConfigFault.self) { try parse(text) }
        #expect("\(fault.line):\(fault.column)" == place)
        #expect(fault.reason.contains(reason), "\(fault)")
    }

    @Test(
        "policies that the server would not take",
        arguments: [
            ("latest {} all {}", "exclude each other"), ("latest { num_versions: -1 }", "does not fit"),
            ("latest { num_versions: 4294967296 }", "does not fit"), ("latest { num_versions: 1.5 }", "whole number"),
            ("latest { num_versions: 08 }", "this is no number"), ("specific {}", "names no version"),
            ("specific { versions: 9223372036854775808 }", "does not fit"), ("specific { versions: \"3\" }", "is a number"),
            ("latest: 3", "is a message"),
        ])
    func badPolicies(_ text: String, _ reason: String) throws {
        let fault = try #require(throws: ConfigFault.self) { _ = try policy(text) }
        #expect(fault.reason.contains(reason), "\(fault)")
    }

    @Test("messages nested beyond what protobuf takes are refused, and need no deep stack")
    func depth() {
        let text = String(repeating: "a {", count: 100_000)
        #expect(throws: ConfigFault.self) { try parse(text) }
    }
}

import Servables
import Testing

@testable import ModelsConfig

@Suite("a list as the server is to read it")
struct RenderingTests {
    private static let text = """
        # Who owns it: the search team.
        model_config_list {
          config {
            name: "a"  # the first
            model_platform: "tensorflow"
            base_path: "s3://b/a?ready=none"
            model_version_policy { specific { versions: 1 versions: 2 } };
            version_labels { key: "stable" value: 1 },
            version_labels { key: "canary" value: 2 }
            logging_config { [type.googleapis.com/x.Y] { unknown: 1 } }
          },
          config { name: "b" base_path: "/models/b" }
          config: [ { name: "c" base_path: "s3://b/c" }, { name: "d" base_path: "s3://b/d" } , { name: "e" base_path: "/e" } ]
        }
        """

    private func render(_ entry: (ServedModel) -> ServedEntry?) throws -> String {
        let config = try ModelServerConfig(parsing: Array(Self.text.utf8))
        return String(decoding: config.rendered(entry), as: UTF8.self)
    }

    private func own(_ model: ServedModel) -> ServedEntry {
        ServedEntry(basePath: nil, policy: model.policy, labels: model.labels)
    }

    @Test("without anything to be changed it is the same text")
    func unchanged() throws {
        #expect(try render(own) == Self.text)
    }

    @Test("a base path is replaced, and nothing else")
    func basePath() throws {
        let rendered = try render {
            $0.name == "a" ? ServedEntry(basePath: "/models/a \"é\"", policy: $0.policy, labels: $0.labels) : own($0)
        }
        #expect(rendered == Self.text.replacing("\"s3://b/a?ready=none\"", with: #""/models/a \"\303\251\"""#))
        #expect(try ModelServerConfig(parsing: Array(rendered.utf8)).models[0].basePath == "/models/a \"é\"")
    }

    @Test("a model that gets another base path says what kind it is, without which the server takes no list")
    func platform() throws {
        func rendered(_ more: String) throws -> [String?] {
            let text =
                "model_config_list { config { name: 'x' base_path: 's3://b/x' \(more) } config { name: 'y' base_path: '/y' } }"
            let config = try ModelServerConfig(parsing: Array(text.utf8))
            let bytes = config.rendered {
                ServedEntry(basePath: $0.name == "x" ? "/x" : nil, policy: $0.policy, labels: $0.labels)
            }
            return try ModelServerConfig(parsing: bytes).models.map(\.platform)
        }
        #expect(try rendered("") == ["tensorflow", nil])
        #expect(try rendered("model_platform: 'other'") == ["other", nil])
        #expect(try rendered("model_type: TENSORFLOW") == [nil, nil])
    }

    @Test(
        "models that are not to be in it are not",
        arguments: [["a"], ["b", "e"], ["c"], ["d"], ["d", "e"], ["c", "e"], ["c", "d", "e"], ["a", "b", "c", "d", "e"]])
    func gone(_ names: [String]) throws {
        let rendered = try render { names.contains($0.name) ? nil : own($0) }
        let config = try ModelServerConfig(parsing: Array(rendered.utf8))
        #expect(config.models.map(\.name) == ["a", "b", "c", "d", "e"].filter { !names.contains($0) }, "\(rendered)")
        #expect(rendered.contains("# Who owns it"))
        #expect(rendered.contains("unknown: 1") == !names.contains("a"))
    }

    @Test(
        "a policy is the one that is asked for, or none",
        arguments: [("a", VersionPolicy.all), ("a", .specific([3, 1])), ("b", .latest(3)), ("d", .specific([-1])), ("a", nil)])
    func policy(of name: String, _ policy: VersionPolicy?) throws {
        let rendered = try render {
            $0.name == name ? ServedEntry(basePath: nil, policy: policy, labels: $0.labels) : own($0)
        }
        let models = try ModelServerConfig(parsing: Array(rendered.utf8)).models
        #expect(models.first { $0.name == name }?.policy == policy, "\(rendered)")
        #expect(models.map(\.labels) == [["stable": 1, "canary": 2], [:], [:], [:], [:]])
        #expect(rendered.contains("unknown: 1"))
    }

    @Test("models that the text does not have stand at its end")
    func added() throws {
        let entry = ServedEntry(basePath: "/models/x", policy: .latest(2), labels: ["new": 3])
        let into = try ModelServerConfig(parsing: Array(Self.text.utf8))
        for config in [into, .empty] {
            let rendered = config.rendered(adding: [("x", entry), ("y", ServedEntry(basePath: "/y", policy: nil))], own)
            let again = try ModelServerConfig(parsing: rendered)
            #expect(again.models.map(\.name) == config.models.map(\.name) + ["x", "y"])
            #expect(again.models.suffix(2).map(\.policy) == [.latest(2), nil])
            #expect(again.models.suffix(2).map(\.labels) == [["new": 3], [:]])
            #expect(again.models.suffix(2).map(\.platform) == ["tensorflow", "tensorflow"])
            // What it was read from is what it is rendered to.
            #expect(again.rendered(own) == rendered)
        }
        #expect(try ModelServerConfig(parsing: ModelServerConfig.empty.text) == .empty)
    }

    @Test("labels are those that are asked for")
    func labels() throws {
        for labels in [["stable": Int64(2)], [:], ["stable": 1, "canary": 1, "new\n": -3]] {
            let rendered = try render {
                ServedEntry(basePath: nil, policy: $0.policy, labels: $0.name == "a" ? labels : $0.labels)
            }
            #expect(try ModelServerConfig(parsing: Array(rendered.utf8)).models[0].labels == labels, "\(rendered)")
        }
    }
}

import Digests
import FileIO
import Glibc
import PlainJSON
import Servables
import SystemPackage
import Testing

@testable import ModelsConfig

/// The Python that `make tools` sets up, else the machine's.
private enum Python {
    static let command: String = {
        let package = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
        let own = package.appending(".build/tools/bin/python3").string
        return access(own, X_OK) == 0 ? own : "/usr/bin/python3"
    }()

    static func output(_ arguments: String...) async -> [UInt8]? {
        let child = ChildProcess(
            [command] + arguments, environment: ["PATH": "/usr/bin:/bin"], timeLimit: .seconds(60), outputLimit: 64 << 20)
        guard let outcome = try? await child.run(), outcome.ending == .exited(0) else { return nil }
        return outcome.output
    }
}

@Suite("models.config beside protobuf's own reader")
struct OracleTests {
    @Test("what protobuf takes is taken, and means the same; what it refuses is refused")
    func oracle() async throws {
        try await #require(
            Python.output("-c", "import google.protobuf") != nil, "PyPI's protobuf is not there: make tools installs it")
        let script = FilePath(#filePath).removingLastComponent().appending("Oracle/models.py")
        let output = try #require(await Python.output(script.string, "20261128", "4000"))
        var counts = (taken: 0, refused: 0, lax: 0)
        for line in output.split(separator: UInt8(ascii: "\n")) {
            let example = try JSON(parsing: line)
            let text = try #require(example["text"]?.string.flatMap { Base64.decode($0) })
            let expected = example["models"]?.array.map { $0.map(described) }
            do throws(ConfigFault) {
                let config = try ModelServerConfig(parsing: text)
                #expect(config.models.map(described) == expected, "\(String(decoding: text, as: UTF8.self))")
                for pattern in 0..<4 { expectRendering(of: config, pattern) }
                counts.taken += 1
            } catch {
                if expected != nil, Self.isTakenInPythonOnly(error) {
                    counts.lax += 1
                    continue
                }
                #expect(expected == nil, "\(error): \(String(decoding: text, as: UTF8.self))")
                counts.refused += 1
            }
        }
        #expect(counts.taken > 2_000 && counts.refused > 400 && counts.lax < 80, "\(counts)")
    }

    /// What the server's reader, in C++, refuses and Python's takes: a sign in a field's name, a digit at its beginning, and escapes
    /// that there are not.
    private static func isTakenInPythonOnly(_ fault: ConfigFault) -> Bool {
        let reason = fault.reason
        if reason.hasPrefix("there is no such escape") { return true }
        let found = reason.dropLast().last
        if reason.hasPrefix("expected the name of a field, found \"") { return found == "-" || found?.isNumber == true }
        return reason.hasPrefix("expected \":\" or \"{\" behind ") && reason.hasSuffix("found \"-\"")
    }

    /// Takes out, moves and labels some models, and reads what came of it.
    private func expectRendering(of config: ModelServerConfig, _ pattern: Int) {
        func entry(_ model: ServedModel) -> ServedEntry? {
            let index = config.models.firstIndex(of: model) ?? 0
            if (index + pattern) % 3 == 0 { return nil }
            return ServedEntry(
                basePath: "/models/\(model.name)", policy: pattern == 1 ? nil : pattern == 3 ? .specific([7, 3]) : model.policy,
                labels: pattern == 2 ? ["only": Int64(index)] : model.labels)
        }
        // One stands at the end where the text has a list.
        let more = ServedEntry(basePath: "/models/more \"", policy: .latest(2), labels: ["l": 7])
        let rendered = config.rendered(adding: [("more \\", more)], entry)
        guard var again = try? ModelServerConfig(parsing: rendered).models else {
            Issue.record("\(String(decoding: rendered, as: UTF8.self))")
            return
        }
        if config.inner != nil {
            let last = again.popLast()
            #expect(last?.name == "more \\" && last?.basePath == more.basePath)
            #expect(last?.policy == more.policy && last?.labels == more.labels)
        }
        let wanted = config.models.compactMap { model in entry(model).map { (model, $0) } }
        #expect(again.map(\.name) == wanted.map(\.0.name), "\(String(decoding: rendered, as: UTF8.self))")
        #expect(again.map(\.basePath) == wanted.map { $1.basePath ?? "" })
        #expect(again.map(\.labels) == wanted.map(\.1.labels))
        #expect(again.map(\.policy) == wanted.map(\.1.policy))
    }

    private func described(_ model: JSON) -> String {
        ["name", "base_path", "policy", "labels"].map { model[$0]?.string ?? "?" }.joined(separator: " | ")
    }

    private func described(_ model: ServedModel) -> String {
        let labels = model.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
        return [model.name, model.basePath, (model.policy ?? .latest(1)).description, labels].joined(separator: " | ")
    }
}

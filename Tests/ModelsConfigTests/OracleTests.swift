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
                let models = try ModelServerConfig(parsing: text).models.map(described)
                #expect(models == expected, "\(String(decoding: text, as: UTF8.self))")
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

    private func described(_ model: JSON) -> String {
        ["name", "base_path", "policy", "labels"].map { model[$0]?.string ?? "?" }.joined(separator: " | ")
    }

    private func described(_ model: ServedModel) -> String {
        let labels = model.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
        return [model.name, model.basePath, (model.policy ?? .latest(1)).description, labels].joined(separator: " | ")
    }
}

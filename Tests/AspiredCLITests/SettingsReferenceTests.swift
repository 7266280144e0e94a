import Glibc
import Testing

@testable import AspiredCLI

@Suite("The table of settings")
struct SettingsReferenceTests {
    @Test("no name is there twice, and each has help without a full stop")
    func wellFormed() {
        #expect(Set(Setting.all.map(\.name)).count == Setting.all.count)
        for setting in Setting.all {
            #expect(!setting.help.isEmpty && !setting.help.hasSuffix("."))
            #expect(setting.commands.contains(.config))
            #expect(
                setting.name.utf8.allSatisfy {
                    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "3")
                })
        }
    }

    @Test("each flag has one row of four cells")
    func rows() {
        let lines = SettingsReference.markdown().split(separator: "\n")
        #expect(lines.count == Setting.all.count + 2)
        #expect(
            lines.contains(
                "| `--root DIR` | `/models` | The volume: the base path of a model is DIR/NAME | run, once, plan, status, verify |"
            ))
        #expect(lines.contains { $0.hasPrefix("| `--keep-free SIZE\\|N%` | `0` | ") })
        #expect(lines.contains { $0.hasPrefix("| `--state-dir DIR` | ROOT/.aspired | ") })
        for line in lines {
            let bars = zip(line, " " + line).filter { $0 == "|" && $1 != "\\" }
            #expect(bars.count == 5)
        }
    }

    private static let readme = text(ofFile: "README.md")

    @Test(
        "README.md holds this table",
        .enabled(if: readme?.contains("<!-- flags -->") == true, "README.md has no flags section yet"))
    func readmeSection() throws {
        let readme = try #require(Self.readme)
        let start = try #require(readme.firstRange(of: "<!-- flags -->\n"))
        let end = try #require(readme[start.upperBound...].firstRange(of: "<!-- /flags -->"))
        #expect(String(readme[start.upperBound..<end.lowerBound]) == SettingsReference.markdown())
    }

    /// A file of the package's root; `nil` when it is not there.
    private static func text(ofFile name: String) -> String? {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        guard let file = fopen("/\(root)/\(name)", "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }
}

import FileIO
import Servables
import SystemPackage
import Testing

@testable import Volume

@Suite("Versions that are to be fetched anew")
struct RepairTests {
    private let content = Content(files: [("f", [1, 2], "\"1\"")])

    private func repairs(_ bench: Bench) throws -> [Version] { try bench.volume().inventory("m").repairs.sorted() }

    @Test("a request is of what is published now, and of nothing that comes in its place")
    func request() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.seven, content)
            let asking = bench.volume()
            #expect(try !asking.requestRepair("m", .eight), "it is not there")
            #expect(try asking.requestRepair("m", .seven))
            #expect(try repairs(bench) == [.seven])
            try asking.endRepair("m", .seven)
            #expect(try repairs(bench) == [] && !bench.state("").contains("repair"))
            try asking.endRepair("m", .seven)

            try asking.requestRepair("m", .seven)
            try bench.volume().prune("m", .seven)
            #expect(try repairs(bench) == [])
            let later = Volume(
                layout: bench.layout, settings: VolumeSettings(), fileSystem: FileSystem(), time: LaterTime(),
                reader: Bench.reader,
                boot: "this boot")
            try bench.publish(.seven, content, on: later)
            #expect(try repairs(bench) == [], "it is another content")
            try bench.volume().recover(models: nil)
            #expect(try bench.state("repair/m") == [])
        }
    }

    @Test("what is asked for survives a restart, and what else lies there is no request")
    func survives() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.seven, content)
            try bench.volume().requestRepair("m", .seven)
            for name in ["8", "x", "7.new"] { try write([1], to: bench.layout.state.appending("repair/m/\(name)")) }
            #expect(try repairs(bench) == [.seven])
            try bench.volume().recover(models: ["m"])
            #expect(try bench.state("repair/m") == ["7"])
            #expect(try repairs(bench) == [.seven])
        }
    }
}

private struct LaterTime: TimeSource {
    func now() -> Timestamp { Timestamp(secondsSinceEpoch: 1_800_000_001) }
    func uptime() -> Duration { .zero }
    func sleep(for duration: Duration) async throws {}
    func random() -> Double { 0.5 }
}

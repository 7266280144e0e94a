import FileIO
import Glibc
import Servables
import SystemPackage
import Testing

@testable import Volume

@Suite("What a volume holds")
struct InventoryTests {
    @Test("versions are told from obstacles and from what is no version, highest first")
    func kinds() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.seven, .some(7))
            try bench.publish(#require(Version("00000123")), .some(1))
            try bench.fileSystem.makeDirectory(bench.base.appending("8"), mode: 0o755)
            try write([], to: bench.base.appending("9"))
            try makeSymlink(bench.base.appending("10"), to: "7")
            #expect(mkfifo(bench.base.appending("11").string, 0o600) == 0)
            for name in ["-1", "+1", "1.0", "x", " 1", "9223372036854775808", "٣"] {
                try bench.fileSystem.makeDirectory(bench.base.appending(name), mode: 0o755)
            }
            let entries = try bench.volume().inventory("m").entries
            #expect(entries.map(\.version.name) == ["00000123", "11", "10", "9", "8", "7"])
            #expect(entries.map { $0.manifest != nil } == [true, false, false, false, false, true])
            #expect(entries[4].kind == .unknownDirectory)
            for (index, word) in [(1, "neither"), (2, "symlink"), (3, "file")] {
                guard case .obstacle(let reason) = entries[index].kind else {
                    Issue.record("\(entries[index]) is no obstacle")
                    continue
                }
                #expect(reason.contains(word))
            }
        }
    }

    @Test("of two names of one number the published one counts; without one they are an obstacle")
    func twoNames() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            for name in ["7", "007"] { try bench.fileSystem.makeDirectory(bench.base.appending(name), mode: 0o755) }
            let entry = try #require(try bench.volume().inventory("m")[.seven])
            guard case .obstacle(let reason) = entry.kind else { throw VolumeError.notDirectory(bench.base) }
            #expect(reason.contains("007, 7"))

            try bench.publish(#require(Version("07")), .some(7))
            let entries = try bench.volume().inventory("m").entries
            #expect(entries.count == 1 && entries[0].version.name == "07" && entries[0].manifest != nil)
        }
    }

    @Test("a base path that is not there, or is no directory, holds nothing")
    func noBasePath() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try write([], to: bench.layout.base("n"))
            for model in ["none", "n"] {
                #expect(try bench.volume().inventory(model) == Inventory(hasBasePath: false, entries: [], staged: []))
            }
            #expect(try bench.volume().inventory("m") == Inventory(hasBasePath: true, entries: [], staged: []))
        }
    }

    @Test("the models of a volume are those that it holds anything of, also where it holds what nobody may read")
    func models() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            #expect(try bench.volume().modelNames() == [])
            try bench.publish(.seven, .some(7))
            let staged = try bench.volume().stage("n", .eight, table: Content.some(8).table, source: Bench.source)
            for path in ["o", "o/3", "empty", "lost+found"] {
                try bench.fileSystem.makeDirectory(bench.layout.root.appending(path), mode: 0o755)
            }
            try write([], to: bench.layout.root.appending("file"))
            // As root's lost+found is for anybody else; root may read everything.
            try bench.fileSystem.setMode(bench.layout.root.appending("lost+found"), 0)
            #expect(try bench.volume().modelNames() == ["m", "n", "o"])
            #expect(try bench.volume().knownModels() == ["m"])
            withExtendedLifetime(staged) {}
            try bench.fileSystem.setMode(bench.layout.root.appending("lost+found"), 0o700)
        }
    }

    @Test("a state directory within the root is no model, whatever its name")
    func stateDirectory() async throws {
        try await withDirectory { directory in
            let layout = VolumeLayout(root: directory, state: directory.appending("state"))
            let volume = Volume(layout: layout, reader: Bench.reader)
            try volume.prepare()
            try FileSystem().makeDirectory(layout.state.appending("1"), mode: 0o755)
            #expect(try volume.modelNames() == [])
        }
    }
}

import FileIO
import Servables
import SystemPackage
import Testing

@testable import Volume

/// A volume on a tmpfs counts against the memory limit of who writes it.
@Suite("Space in memory", .enabled(if: mayMount, "needs the right to mount"))
struct MemoryTests {
    private static let own = Volume.ownMemory

    /// A control group that is made of files.
    private func group(_ directory: FilePath, limit: Int64, used: Int64) throws -> ControlGroups {
        let mount = directory.appending("groups")
        try FileSystem().makeDirectory(mount, mode: 0o755)
        try write(Array("0::/\n".utf8), to: mount.appending("membership"))
        try write(Array("\(limit)\n".utf8), to: mount.appending("memory.max"))
        try write(Array("\(used)\n".utf8), to: mount.appending("memory.current"))
        return ControlGroups(membership: mount.appending("membership"), mount: mount)
    }

    private func content(_ bytes: Int) -> Content { Content(files: [("f", [UInt8](repeating: 7, count: bytes), "\"1\"")]) }

    @Test("what does not fit the limit is refused before the first byte, with what is needed, left and missing, and the remedy")
    func limit() async throws {
        try await withTmpfs(64 << 20) { directory in
            let bench = try Bench(directory)
            let volume = bench.volume(groups: try group(directory, limit: Self.own + 3 << 20, used: 1 << 20))
            do {
                try bench.stage(.eight, content(5 << 20), on: volume)
                Issue.record("it was staged")
            } catch let error as VolumeError {
                let text = error.failure.message
                for word in ["5.1 MiB needed", "2 MiB left of the memory limit of 27", "3.1 MiB missing", "raise the limit"] {
                    #expect(text.contains(word) || text.contains(word.replacing(" MiB", with: ".0 MiB")), "'\(word)': \(text)")
                }
                #expect(error.failure.kind == .volume && error.failure.isTransient)
            }
            #expect(try bench.state("staging") == [])
            // What others were promised counts, too.
            let first = try bench.stage(.seven, content(1 << 20), on: volume)
            #expect(throws: VolumeError.self) { try bench.stage(.eight, content(1 << 20), on: volume) }
            withExtendedLifetime(first) {}
            // The limit is looked at each time.
            _ = try group(directory, limit: Self.own + 64 << 20, used: 1 << 20)
            try bench.stage(.eight, content(5 << 20), on: volume)
        }
    }

    @Test("the log says that the volume counts against a limit; without one, or on a disk, there is nothing to say")
    func notice() async throws {
        try await withTmpfs(1 << 20) { directory in
            let bench = try Bench(directory)
            let notice = bench.volume(groups: try group(directory, limit: 100 << 20, used: 1 << 20)).memoryNotice()
            #expect(notice?.contains("\(bench.layout.root) is a tmpfs") == true, "\(notice ?? "")")
            #expect(notice?.contains("100 MiB") == true && notice?.contains("75") == true, "\(notice ?? "")")
            #expect(bench.volume().memoryNotice() == nil)
        }
        try await withDirectory { directory in
            guard try !FileSystem().space(at: directory).isInMemory else { return }
            let bench = try Bench(directory)
            let volume = bench.volume(groups: try group(directory, limit: 1, used: 1))
            #expect(volume.memoryNotice() == nil)
            try bench.stage(.eight, content(5 << 20), on: volume)
        }
    }
}

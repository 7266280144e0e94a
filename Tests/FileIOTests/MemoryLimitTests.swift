import FileIO
import SystemPackage
import Testing

@Suite("Memory limits of control groups")
struct MemoryLimitTests {
    /// Files as the kernel has them, and what shall be made of them.
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let membership: String
        /// Content by path below the mount.
        let files: [String: String]
        /// The group's path below the mount, its limit and what that leaves.
        let found: (group: String, limit: Int64, available: Int64)?

        init(
            _ what: String, _ membership: String, _ files: [String: String],
            _ found: (group: String, limit: Int64, available: Int64)?
        ) {
            testDescription = what
            self.membership = membership
            self.files = files
            self.found = found
        }
    }

    private static let none1 = "9223372036854771712\n"

    @Test(arguments: [
        Case("version 2", "0::/pod\n", ["pod/memory.max": "1000\n", "pod/memory.current": "300\n"], ("pod", 1_000, 700)),
        Case(
            "version 2: what is cached of disks is as good as free, a tmpfs's pages are not", "0::/pod\n",
            [
                "pod/memory.max": "1000\n", "pod/memory.current": "800\n",
                "pod/memory.stat": "anon 100\nfile 600\nshmem 200\ninactive_file 300\nactive_file 100\ninactive_anon 250\n",
            ], ("pod", 1_000, 600)),
        Case("version 2: max is none", "0::/pod\n", ["pod/memory.max": "max\n", "pod/memory.current": "300\n"], nil),
        Case(
            "version 2: the group around it leaves less", "0::/a/b/c\n",
            [
                "a/b/c/memory.max": "1000\n", "a/b/c/memory.current": "0\n", "a/memory.max": "2000\n",
                "a/memory.current": "1900\n",
            ], ("a", 2_000, 100)),
        Case(
            "version 2: in a container the mount itself is the group", "0::/\n",
            ["memory.max": "5000\n", "memory.current": "1\n"], ("", 5_000, 4_999)),
        Case(
            "version 1", "5:cpu,cpuacct:/x\n4:hugetlb,memory:/docker/1\n0::/\n",
            [
                "memory/docker/1/memory.limit_in_bytes": "1000\n", "memory/docker/1/memory.usage_in_bytes": "900\n",
                "memory/docker/1/memory.stat": "cache 500\ninactive_file 1\ntotal_inactive_file 40\ntotal_active_file 10\n",
                "memory/memory.limit_in_bytes": none1, "memory/memory.usage_in_bytes": "5\n", "memory.max": "1\n",
            ], ("memory/docker/1", 1_000, 150)),
        Case(
            "version 1: a path that is only there outside of the container", "4:memory:/kubepods/pod1/2\n",
            ["memory/memory.limit_in_bytes": "700\n", "memory/memory.usage_in_bytes": "900\n"], ("memory", 700, -200)),
        Case(
            "version 1: none", "4:memory:/\n",
            ["memory/memory.limit_in_bytes": none1, "memory/memory.usage_in_bytes": "5\n"], nil),
        Case("a kernel that does not tell", "0::/pod\n", [:], nil),
        Case("text that is none of it", "nonsense\n::\n", ["memory.max": "-\n", "memory.current": "\n"], nil),
    ])
    func tells(_ row: Case) async throws {
        try await withDirectory { directory in
            let membership = directory.appending("membership")
            let fileSystem = FileSystem()
            try write(Array(row.membership.utf8), to: membership)
            for (path, text) in row.files {
                var folder = directory.appending("mount")
                try fileSystem.makeDirectory(folder, mode: 0o755)
                for component in FilePath(path).removingLastComponent().components {
                    folder.append(component)
                    try fileSystem.makeDirectory(folder, mode: 0o755)
                }
                try write(Array(text.utf8), to: directory.appending("mount").appending(path))
            }
            let groups = ControlGroups(membership: membership, mount: directory.appending("mount"))
            let found = fileSystem.memoryLimit(groups)
            #expect(found?.limit == row.found?.limit && found?.available == row.found?.available, "\(String(describing: found))")
            if let group = row.found?.group { #expect(found?.group == directory.appending("mount").pushing(FilePath(group))) }
        }
    }

    @Test("this process's own files can be read")
    func own() {
        // With a limit or without one: it ends, and nothing is negative that cannot be.
        if let own = FileSystem().memoryLimit(ControlGroups()) { #expect(own.limit > 0 && own.available <= own.limit) }
        #expect(FileSystem().memoryLimit(ControlGroups(membership: "/none")) == nil)
    }
}

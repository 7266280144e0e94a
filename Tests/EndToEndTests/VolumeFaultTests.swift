import Glibc
import S3Fixture
import Testing

@Suite("A volume that cannot be used", .fewAtATime)
struct VolumeFaultTests {
    /// A file system other than that of /tmp, if there is one that can be written.
    private static let otherMount: String? = {
        var (here, there) = (stat(), stat())
        guard stat("/tmp", &here) == 0, stat("/dev/shm", &there) == 0, access("/dev/shm", W_OK) == 0 else { return nil }
        return here.st_dev == there.st_dev ? nil : "/dev/shm"
    }()

    @Test(
        "a state directory on another mount is refused, with the remedy",
        .enabled(if: otherMount != nil, "/dev/shm is no file system of its own here"), arguments: ["once", "run"])
    func stateDirectoryOnAnotherMount(command: String) async throws {
        try await Site.with { site in
            try site.put(1)
            let state = try #require(Self.otherMount) + "/aspired-e2e-\(site.scratch.splitPath.name)"
            defer { try? removeTree(state) }
            var arguments = [command] + site.arguments() + ["--state-dir", state]
            if command == "run" { arguments += ["--http-listen", "off"] }
            let outcome = try await site.aspired(arguments)
            #expect(outcome.code == 73, "\(outcome)")
            #expect(outcome.lastWord.contains(state) && outcome.lastWord.contains("--state-dir"), "\(outcome)")
            #expect(site.versions() == [])
        }
    }

    @Test("a root that cannot be written is refused, with the remedy", arguments: ["once", "run"])
    func unwritableRoot(command: String) async throws {
        try await Site.with { site in
            try site.put(1)
            chmod(site.root, 0o555)
            let aspired = Binaries.isRoot ? try OtherUser.aspired(site.aspired, in: site.scratch) : site.aspired
            var arguments = [command] + site.arguments()
            if command == "run" { arguments += ["--http-listen", "off"] }
            let outcome = try await aspired(arguments)
            #expect(outcome.code == 73, "\(outcome)")
            #expect(outcome.lastWord.contains(site.root) && outcome.lastWord.contains("Permission denied"), "\(outcome)")
            #expect(outcome.lastWord.contains("runAsUser"), "\(outcome)")
            #expect(try names(in: site.root) == [])
        }
    }

    @Test(
        "a full volume is found before the first byte; the message says what is needed, free and missing, and nothing published is harmed",
        .enabled(if: SmallVolume.isPossible, SmallVolume.message))
    func fullVolume() async throws {
        try await Site.with { site in
            try await SmallVolume.with(site.root, size: "4m") {
                try site.put(1, size: 1_000_000)
                let first = try await site.once()
                #expect(first.code == 0, "\(first)")
                let before = try FileTree(site.base()).entries
                try site.put(2, size: 6_000_000)
                site.server.forgetRequests()
                let outcome = try await site.once("--timeout", Site.timeIsOver)
                #expect(outcome.code == 73, "\(outcome)")
                for word in [site.root, "5.8 MiB needed", "free", "missing"] {
                    #expect(outcome.lastWord.contains(word), "'\(word)' is missing: \(outcome)")
                }
                #expect(site.gets.isEmpty)
                #expect(try FileTree(site.base()).entries == before)
            }
        }
    }

    @Test(
        "when space appears on a full volume the fetch goes on by itself",
        .enabled(if: SmallVolume.isPossible, SmallVolume.message))
    func spaceAppears() async throws {
        try await Site.with { site in
            try await SmallVolume.with(site.root, size: "4m") {
                try site.put(1, size: 100_000)
                #expect(try await site.once().code == 0)
                try writeFile("\(site.root)/ballast", Models.noise(3_000_000, seed: 1))
                try site.put(2, size: 2_000_000)
                try await site.aspired.run(site.arguments() + ["--poll-interval", "200ms"]) { agent in
                    try await eventually("the agent says that there is no space: \(agent.errors)") { agent.said("missing") }
                    #expect(try await agent.get("/readyz").status == 200)
                    try removeTree("\(site.root)/ballast")
                    try await eventually("version 2 is there: \(agent.errors)") { site.versions() == ["2"] }
                    #expect(try FileTree(site.published(2)).files == Models.version(2, size: 2_000_000))
                }
            }
        }
    }

    @Test("--max-volume bounds what is kept")
    func maxVolume() async throws {
        try await Site.with { site in
            try site.put(1, size: 1_000_000)
            #expect(try await site.once("--max-volume", "2MB").code == 0)
            try site.put(2, size: 1_500_000)
            let outcome = try await site.once("--max-volume", "2MB", "--timeout", Site.timeIsOver)
            #expect(outcome.code == 73, "\(outcome)")
            #expect(outcome.lastWord.contains("--max-volume"), "\(outcome)")
            #expect(site.versions() == ["1"])
        }
    }
}

/// A file system in memory, as small as it is told.
enum SmallVolume {
    static let message: Comment = "only root can mount a small file system, and not everywhere"

    /// Tried once.
    static let isPossible: Bool = {
        guard Binaries.isRoot else { return false }
        var template = Array("/tmp/aspired-e2e-mount-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { return false }
        defer { rmdir(template) }
        guard mount("none", template, "tmpfs", 0, "size=64k") == 0 else { return false }
        return umount2(template, CInt(MNT_DETACH)) == 0
    }()

    /// Runs `body` while a small file system is mounted on `directory`.
    static func with<Result>(
        _ directory: String, size: String, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
    ) async throws -> Result {
        guard mount("none", directory, "tmpfs", 0, "size=\(size),mode=0755") == 0 else { throw SystemFault("mount", errno) }
        defer { umount2(directory, CInt(MNT_DETACH)) }
        return try await body()
    }
}

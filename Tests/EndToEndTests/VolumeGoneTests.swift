import Glibc
import S3Fixture
import Testing

/// What happens to a volume under an agent that runs.
@Suite(
    "A volume that goes away, or changes, under a running agent", .fewAtATime,
    .enabled(if: SmallVolume.isPossible, SmallVolume.message))
struct VolumeGoneTests {
    private static let fast = ["--poll-interval", "200ms"]

    private static func bind(_ directory: String, to place: String) throws {
        guard mount(directory, place, nil, UInt(MS_BIND), nil) == 0 else { throw SystemFault("mount", errno) }
    }

    private static func remount(_ place: String, _ options: String = "", isReadOnly: Bool) async throws {
        let flags = UInt(MS_REMOUNT) | (options.isEmpty ? UInt(MS_BIND) : 0) | (isReadOnly ? UInt(MS_RDONLY) : 0)
        // An agent that tidies up behind a publication has something open to write to; meanwhile a mount does not become read-only.
        try await eventually("\(place) is remounted") {
            if mount("none", place, nil, flags, options) == 0 { return true }
            guard errno == EBUSY else { throw SystemFault("remount", errno) }
            return false
        }
    }

    /// An agent that runs, is ready, and holds version 1 of a volume that is bound to its root.
    private static func running(_ body: (_ site: Site, _ volume: String, _ agent: RunningAgent) async throws -> Void) async throws
    {
        try await Site.with { site in
            let volume = "\(site.scratch)/disk"
            try makeDirectory(volume)
            try bind(volume, to: site.root)
            defer { umount2(site.root, CInt(MNT_DETACH)) }
            try site.put(1)
            try await site.aspired.run(site.arguments() + fast) { agent in
                try await site.wait(until: agent, holds: 1)
                try await agent.waitUntilReady()
                try await body(site, volume, agent)
                #expect(try await agent.stop() == .exited(0))
            }
        }
    }

    @Test("unmounted: nothing is written to the mount point, it says so, and goes on when the volume is back")
    func unmounted() async throws {
        try await Self.running { site, volume, agent in
            umount2(site.root, CInt(MNT_DETACH))
            try site.put(2)
            try await eventually("it is said: \(agent.errors)") { agent.said("the volume was unmounted") }
            #expect(try names(in: site.root) == [], "the mount point")
            #expect(try names(in: "\(volume)/mnist") == ["1"])
            #expect(try await agent.get("/readyz").status == 200)
            try Self.bind(volume, to: site.root)
            try await site.wait(until: agent, holds: 2)
            #expect(try FileTree(site.published(2)).files == Models.version(2))
        }
    }

    @Test("another volume in its place: nothing of that is touched, whoever it belongs to")
    func another() async throws {
        try await Site.with { site in
            let (volume, other) = ("\(site.scratch)/disk", "\(site.scratch)/other")
            for directory in [volume, other] { try makeDirectory(directory) }
            try site.put(1)
            #expect(try await site.aspired("once", "--root", other, "--model", "mnist=s3://models/mnist?ready=none").code == 0)
            try Self.bind(volume, to: site.root)
            defer { umount2(site.root, CInt(MNT_DETACH)) }
            try await site.aspired.run(site.arguments() + Self.fast) { agent in
                try await site.wait(until: agent, holds: 1)
                try Self.bind(other, to: site.root)
                let before = try FileTree(site.root)
                try site.put(2)
                try await eventually("it is said: \(agent.errors)") { agent.said("another is mounted there") }
                #expect(try FileTree(site.root) == before)
                umount2(site.root, CInt(MNT_DETACH))
                try await site.wait(until: agent, holds: 2)
                #expect(try FileTree(other) == before)
                #expect(try await agent.stop() == .exited(0))
            }
        }
    }

    @Test("read-only: what is published stays, it says what to do, and goes on when it can be written again")
    func readOnly() async throws {
        try await Self.running { site, volume, agent in
            try await Self.remount(site.root, isReadOnly: true)
            try site.put(2)
            try await eventually("it is said: \(agent.errors)") { agent.said("must be mounted read-write for aspired") }
            #expect(try site.versions() == ["1"] && FileTree(site.published(1)).files == Models.version(1))
            #expect(try await agent.get("/readyz").status == 200)
            try await Self.remount(site.root, isReadOnly: false)
            try await site.wait(until: agent, holds: 2)
            #expect(try FileTree(site.published(2)).files == Models.version(2))
        }
    }

    @Test("no inodes left: nothing published is harmed, and the fetch goes on by itself when there are some")
    func noInodes() async throws {
        try await Site.with { site in
            try await SmallVolume.with(site.root, size: "64m,nr_inodes=60") {
                try site.put(1)
                try await site.aspired.run(site.arguments() + Self.fast) { agent in
                    try await site.wait(until: agent, holds: 1)
                    try await agent.waitUntilReady()
                    var files: [String: [UInt8]] = [:]
                    for number in 0..<100 { files["shards/\(number)"] = Models.noise(2_000, seed: number) }
                    try site.put(2, files)
                    try await eventually("it is said: \(agent.errors)") { agent.said("No space left on device") }
                    #expect(try site.versions() == ["1"] && FileTree(site.published(1)).files == Models.version(1))
                    #expect(try await agent.get("/readyz").status == 200)
                    try await Self.remount(site.root, "size=64m,nr_inodes=400", isReadOnly: false)
                    try await site.wait(until: agent, holds: 2)
                    #expect(try FileTree(site.published(2)).files == files)
                    #expect(try await agent.stop() == .exited(0))
                }
            }
        }
    }
}

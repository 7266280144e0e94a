import Glibc
import S3Fixture
import Testing

/// A file system is shut down at random instants, which loses what a loss of power loses, and mounted again for another boot.
@Suite("The power is cut under a real file system", .fewAtATime, .enabled(if: !RealDisk.kinds.isEmpty, RealDisk.message))
struct PowerCutTests {
    /// How often; the long form is `make power-cuts`.
    private static let cuts = Binaries.variable("POWER_CUTS").flatMap(Int.init) ?? 8

    /// A disk mounted on the volume's place, detached whatever comes of `body`.
    private static func with(_ kind: String, _ body: (Site, RealDisk) async throws -> Void) async throws {
        try await Site.with { site in
            let disk = try await RealDisk(kind, image: "\(site.scratch)/disk", place: site.root)
            defer { disk.detach() }
            try await body(site, disk)
        }
    }

    /// The program in a boot of its own: the kernel's name for it is covered, for this process alone.
    private static func aspired(_ site: Site, boot: Int) throws -> Aspired {
        let digits = String(boot)
        let identity = "\(site.scratch)/boot"
        try writeFile(
            identity, Array("00000000-0000-0000-0000-\(String(repeating: "0", count: 12 - digits.count))\(digits)\n".utf8))
        var aspired = site.aspired
        aspired.prefix = [
            "/usr/bin/unshare", "--mount", "/bin/sh", "-c",
            "mount --bind '\(identity)' /proc/sys/kernel/random/boot_id && exec \"$@\"", "sh",
        ]
        return aspired
    }

    /// Stops it first, since nothing goes on without power: what went on could be told that a directory was synced, by an XFS that was
    /// shut down before.
    private static func cutPower(_ disk: RealDisk, under agent: RunningAgent, keepsNames: Bool) async throws {
        agent.send(SIGSTOP)
        try disk.cutPower(keepsNames: keepsNames)
        await agent.kill()
    }

    /// The highest version that it has said to be published.
    private static func said(_ agent: RunningAgent) -> Int {
        agent.lines.compactMap { line in
            line.message.wholeMatch(of: /published mnist version (\d+).*/).flatMap { Int($0.1) }
        }.max() ?? 0
    }

    @Test(
        "what was said to be published is there, whole, before anything was started; the next start goes on",
        arguments: RealDisk.kinds)
    func cut(kind: String) async throws {
        try await Self.with(kind) { site, disk in
            var (version, said, seen) = (0, 0, Set<String>())
            var random = SeededGenerator(seed: 21)
            func putNext() throws {
                version += 1
                try site.put(version, size: 200_000)
                if version > 30 { try site.withdraw(version - 30) }
            }
            /// As a server finds it that is up first.
            func look(_ cut: Int) throws {
                let names = try exists(site.base()) ? names(in: site.base()) : []
                #expect(said == 0 || names.contains { Int($0) ?? 0 >= said }, "cut \(cut): \(names), and \(said) was published")
                for name in names {
                    let files = try FileTree("\(site.base())/\(name)").files
                    #expect(files == Models.version(Int(name) ?? 0, size: 200_000), "cut \(cut): version \(name)")
                    seen.insert(name)
                }
            }
            let arguments = site.arguments() + ["--poll-interval", "100ms"]
            for cut in 1...Self.cuts {
                try await disk.mount()
                try look(cut)
                try await Self.aspired(site, boot: cut).run(arguments) { agent in
                    site.server.forgetRequests()
                    try putNext()
                    if cut == 1 {
                        try await eventually("it is published: \(agent.errors)") { Self.said(agent) == 1 }
                    } else {
                        let count = Int.random(in: 1...14, using: &random)
                        try await eventually("\(count) things were asked for: \(agent.errors)", every: .milliseconds(1)) {
                            site.server.requests.count >= count
                        }
                        let instant = ContinuousClock.now + .microseconds(Int.random(in: 0...60_000, using: &random))
                        try await eventually("the instant has come", every: .microseconds(200)) { ContinuousClock.now >= instant }
                    }
                    try await Self.cutPower(disk, under: agent, keepsNames: Bool.random(using: &random))
                    said = max(said, Self.said(agent))
                }
                try await disk.unmount()
            }
            try await disk.mount()
            try look(Self.cuts + 1)
            try await Self.aspired(site, boot: 0).run(arguments) { agent in
                try putNext()
                try await site.wait(until: agent, holds: version)
                #expect(try await agent.stop() == .exited(0))
            }
            #expect(try await site.aspired("verify", "--root", site.root).code == 0)
            #expect(try names(in: "\(site.state)/manifests/mnist") == ["\(version).json"])
            #expect(!seen.isEmpty)
            print(
                "power cut \(Self.cuts) times under \(kind): \(seen.count) of \(version) versions were seen after a cut, all whole"
            )
            try await disk.unmount()
        }
    }

    @Test(
        "with --sync after a version may be there that is not whole, which shows that something is lost; it is fetched anew",
        arguments: RealDisk.kinds)
    func unsynced(kind: String) async throws {
        try await Self.with(kind) { site, disk in
            let arguments = site.arguments() + ["--poll-interval", "100ms", "--sync", "after"]
            func files(_ version: Int) -> [String: [UInt8]] { Models.version(version, size: 4_000_000) }
            for version in 1...40 {
                try await disk.mount()
                try await Self.aspired(site, boot: version).run(arguments) { agent in
                    try site.put(version, files(version))
                    try await eventually("it is published: \(agent.errors)", every: .microseconds(200)) {
                        exists(site.published(version))
                    }
                    try await Self.cutPower(disk, under: agent, keepsNames: true)
                }
                try await disk.unmount()
                try await disk.mount()
                if exists(site.published(version)), try FileTree(site.published(version)).files != files(version) {
                    try await Self.aspired(site, boot: 0).run(arguments) { agent in
                        try await agent.waitUntilReady()
                        #expect(try FileTree(site.published(version)).files == files(version))
                        #expect(try await agent.stop() == .exited(0))
                    }
                    print("power cut under \(kind) with --sync after: version \(version) was not whole, and was fetched anew")
                    return try await disk.unmount()
                }
                try await disk.unmount()
            }
            Issue.record("nothing was ever lost: the power is not really cut")
        }
    }
}

import Glibc
import S3Fixture
import Testing

@Suite("As another user, on a volume of the group's", .fewAtATime, .enabled(if: OtherUser.isAvailable, OtherUser.message))
struct OtherUserTests {
    @Test("what is published has the modes that are promised, whatever the umask", arguments: ["0022", "0077", "0000"])
    func modes(umask: String) async throws {
        try await withSite { site in
            try site.put(1)
            let aspired = try OtherUser.aspired(site.aspired, in: site.scratch, umask: umask)
            let outcome = try await aspired(["once"] + site.arguments())
            #expect(outcome.code == 0, "\(outcome)")
            var entries = try FileTree(site.root).entries.filter { !$0.key.hasPrefix(".aspired") }
            #expect(try FileTree(site.published(1)).files == Models.version(1))
            #expect(entries.values.allSatisfy { $0.group == OtherUser.identifier })
            // The base path itself is no part of what is published, but the server must be able to look into it.
            let base = entries.removeValue(forKey: "mnist")
            #expect(base.map { $0.mode & 0o2755 } == 0o2755)
            for (path, entry) in entries {
                let expected: UInt32 = entry.kind == .directory ? 0o2755 : 0o644
                #expect(entry.mode == expected, "\(path) has mode \(String(entry.mode, radix: 8))")
            }
        }
    }

    @Test("--file-mode and --dir-mode are what is published")
    func otherModes() async throws {
        try await withSite { site in
            try site.put(1)
            let aspired = try OtherUser.aspired(site.aspired, in: site.scratch)
            let outcome = try await aspired(["once", "--file-mode", "0440", "--dir-mode", "0750"] + site.arguments())
            #expect(outcome.code == 0, "\(outcome)")
            for entry in try FileTree(site.published(1)).entries.values {
                #expect(entry.mode == (entry.kind == .directory ? 0o2750 : 0o440))
            }
            // Without the right to write into it, nobody but root can rename a version out again.
            let refused = try await aspired(["once", "--dir-mode", "0550"] + site.arguments())
            #expect(refused.code == 64 && refused.lastWord.contains("--dir-mode"), "\(refused)")
        }
    }

    @Test("run publishes and prunes, one event each", .enabled(if: EventWatch.isInstalled, EventWatch.message))
    func run() async throws {
        try await withSite { site in
            try site.put(1)
            let aspired = try OtherUser.aspired(site.aspired, in: site.scratch, umask: "0077")
            try await aspired.run(site.arguments() + ["--poll-interval", "100ms"]) { agent in
                try await agent.waitUntilReady()
                try await EventWatch.with(site.base()) { watch in
                    for version in 2...4 {
                        try site.put(version)
                        try await site.wait(until: agent, holds: version)
                    }
                    let expected = (2...4).flatMap { ["MOVED_TO,ISDIR \($0)", "MOVED_FROM,ISDIR \($0 - 1)"] }
                    try await eventually("all events came: \(watch.events)") { watch.events.count >= expected.count }
                    #expect(watch.events == expected)
                }
                #expect(try await agent.stop() == .exited(0))
            }
        }
    }

    @Test("a fetch that was killed goes on")
    func resumes() async throws {
        try await withSite { site in
            let files = Models.version(1, size: 8_000_000)
            try site.put(1, files)
            try await site.server.precomputeDigests()
            let aspired = try OtherUser.aspired(site.aspired, in: site.scratch)
            site.server.change { $0.rate = 1_000_000 }
            try await aspired.run(site.arguments()) { agent in
                try await eventually("some of it was sent: \(agent.errors)") {
                    site.gets.map(\.sentBytes).reduce(0, +) > 3_000_000
                }
                await agent.kill()
            }
            site.server.change { $0.rate = nil }
            try await eventually("no connection is left") { site.server.openConnections == 0 }
            site.server.forgetRequests()
            let outcome = try await aspired(["once"] + site.arguments())
            #expect(outcome.code == 0, "\(outcome)")
            #expect(try FileTree(site.published(1)).files == files)
            #expect(site.gets.map(\.key).filter { !$0.hasSuffix("00001") } == [], "small files were there")
        }
    }

    @Test("the state directory and the volume can be another's, where the group may write")
    func afterRoot() async throws {
        try await withSite { site in
            try site.put(1)
            // An init container that ran as root.
            #expect(try await site.once().code == 0)
            try site.put(2)
            let aspired = try OtherUser.aspired(site.aspired, in: site.scratch)
            let outcome = try await aspired(["once"] + site.arguments() + ["--timeout", "40s"])
            // What root made is root's: it cannot be moved, and that is said.
            #expect(outcome.code == 73, "\(outcome)")
            #expect(outcome.lastWord.contains("runAsUser"), "\(outcome)")
            #expect(try FileTree(site.published(1)).files == Models.version(1))
        }
    }

    private func withSite(_ body: (Site) async throws -> Void) async throws {
        try await Site.with { site in
            try OtherUser.makeVolume(site.root)
            try await body(site)
        }
    }
}

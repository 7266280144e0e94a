import Glibc
import PlainJSON
import S3Fixture
import Testing

@Suite("Who writes, and over what", .fewAtATime)
struct OneWriterTests {
    @Test("a second run stands by, says who holds the volume, is ready, writes nothing, and takes over when the first is killed")
    func standBy() async throws {
        try await Site.with { site in
            try site.put(1)
            let arguments = site.arguments() + ["--poll-interval", "1h"]
            try await site.aspired.run(arguments) { first in
                try await first.waitUntilReady()
                let before = try FileTree(site.root)
                try await site.aspired.run(arguments) { second in
                    try await eventually("the second stands by: \(second.errors)") { second.said("standing by") }
                    let standby = try #require(second.lines.first { $0.message.contains("standing by") })
                    #expect(standby.message.contains("\(first.process.identifier)"))
                    #expect(try await second.get("/readyz").status == 200)
                    let status = try await second.status()
                    #expect(status["role"]?.string == "standby")
                    #expect(status["holder"]?.string?.contains("\(first.process.identifier)") == true)
                    #expect(status["models"]?[0]?["versions"]?[0]?["version"]?.integer == 1)
                    #expect(try FileTree(site.root) == before, "a stand-by writes")
                    try site.put(2)
                    #expect(try await site.aspired("status", "--root", site.root).code == 0)
                    await first.kill()
                    try await site.wait(until: second, holds: 2)
                    #expect(try await second.status()["role"]?.string == "active")
                    #expect(try await second.stop() == .exited(0))
                }
            }
        }
    }

    @Test("a stand-by ends at SIGTERM and lets the holder be")
    func standByStops() async throws {
        try await Site.with { site in
            try site.put(1)
            try await site.aspired.run(site.arguments()) { first in
                try await first.waitUntilReady()
                let before = try FileTree(site.root)
                try await site.aspired.run(site.arguments()) { second in
                    try await eventually("the second stands by: \(second.errors)") { second.said("standing by") }
                    #expect(try await second.stop() == .exited(0))
                }
                #expect(try FileTree(site.root) == before)
                #expect(first.process.end == nil)
            }
        }
    }

    @Test("a sidecar after an init container fetches nothing and touches nothing")
    func sidecarAfterInit() async throws {
        try await Site.with { site in
            try site.put(1)
            #expect(try await site.once().code == 0)
            let before = try FileTree(site.base())
            site.server.forgetRequests()
            try await site.aspired.run(site.arguments() + ["--poll-interval", "100ms"]) { agent in
                try await agent.waitUntilReady()
                try await eventually("the source was looked at") { site.lists.count >= 3 }
                #expect(site.gets.isEmpty)
                #expect(try FileTree(site.base()) == before)
            }
        }
    }

    @Test("a version copied by hand is adopted if it equals the bucket's: nothing is fetched, moved or changed")
    func adopts() async throws {
        try await Site.with { site in
            try site.put(3)
            #expect(try await site.once().code == 0)
            site.server.forgetRequests()
            try await adoptNext(site)
        }
    }

    @Test("a version copied by hand into a volume that was never used is adopted, too")
    func adoptsOnNewVolume() async throws {
        try await Site.with { site in
            await withKnownIssue("there is no directory for the manifest: exit 73") { try await adoptNext(site) }
        }
    }

    private func adoptNext(_ site: Site) async throws {
        try site.put(4)
        try Models.write(Models.version(4), to: site.published(4))
        let before = try FileTree(site.published(4))
        let outcome = try await site.once()
        #expect(outcome.code == 0, "\(outcome)")
        #expect(outcome.errors.contains("adopted"))
        #expect(site.gets.isEmpty)
        #expect(try FileTree(site.published(4)) == before)
        #expect(site.versions() == ["4"])
        let status = try await site.aspired("status", "-o", "json", "--root", site.root)
        #expect(status.json?["models"]?[0]?["versions"]?[0]?["state"]?.string == "published", "\(status)")
    }

    @Test("an aspired version copied by hand that differs from the bucket's is put right")
    func replacesWhatDiffers() async throws {
        try await Site.with { site in
            try site.put(4)
            var wrong = Models.version(4)
            wrong["saved_model.pb"]?[700] ^= 1
            try Models.write(wrong, to: site.published(4))
            let outcome = try await site.once("--republish-pause", "100ms")
            #expect(outcome.code == 0, "\(outcome)")
            #expect(try FileTree(site.published(4)).files == Models.version(4))
        }
    }

    @Test("what is not ours stays: other names, versions copied by hand, symlinks; --prune-foreign prunes the versions")
    func leavesWhatIsNotOurs() async throws {
        try await Site.with { site in
            try site.put(4)
            try Models.write(Models.version(2), to: site.published(2))
            try makeDirectory("\(site.scratch)/elsewhere")
            try writeFile("\(site.scratch)/elsewhere/keep", [1])
            symlink("\(site.scratch)/elsewhere", site.published(3))
            try writeFile("\(site.base())/notes.txt", [1])
            try makeDirectory("\(site.base())/tmp")
            let outcome = try await site.once()
            #expect(outcome.code == 0, "\(outcome)")
            #expect(site.versions() == ["2", "3", "4", "notes.txt", "tmp"])
            for version in ["2", "3"] {
                #expect(outcome.lines.contains { $0.message.contains("left \(version) of mnist alone") }, "\(outcome)")
            }
            let second = try await site.once("--prune-foreign")
            #expect(second.code == 0, "\(second)")
            #expect(!exists(site.published(2)))
            #expect(["notes.txt", "tmp", "4"].allSatisfy { exists("\(site.base())/\($0)") })
            #expect(exists("\(site.scratch)/elsewhere/keep"))
        }
    }

    @Test("leading zeros are kept as the bucket has them")
    func leadingZeros() async throws {
        try await Site.with { site in
            try Models.write(Models.version(123), to: "\(site.bucket)/mnist/00000123")
            try Models.write(Models.version(9), to: "\(site.bucket)/mnist/9")
            try Models.write(Models.version(9), to: "\(site.bucket)/mnist/v200")
            let outcome = try await site.once()
            #expect(outcome.code == 0, "\(outcome)")
            #expect(site.versions() == ["00000123"])
            #expect(try FileTree("\(site.base())/00000123").files == Models.version(123))
        }
    }

    @Test("a version is taken when its newest object is old enough by the store's clock")
    func settled() async throws {
        try await Site.with { site in
            let now = Duration.seconds(time(nil))
            for (version, age) in [(1, Duration.seconds(7_200)), (2, Duration.seconds(600))] {
                for (path, bytes) in Models.version(version) {
                    site.server.put(bucket: "models", key: "mnist/\(version)/\(path)", data: bytes, lastModified: now - age)
                }
            }
            let arguments = ["once"] + site.arguments(query: "ready=settled") + ["--settle", "1h"]
            let first = try await site.aspired(arguments)
            #expect(first.code == 0, "an upload in progress does not delay what is there: \(first)")
            #expect(first.lines.contains { $0.message.contains("mnist version 2 is not complete") }, "\(first)")
            #expect(site.versions() == ["1"])
            site.server.change { $0.clockOffset = .seconds(3_600) }
            let second = try await site.aspired(arguments)
            #expect(second.code == 0, "\(second)")
            #expect(site.versions() == ["2"])
        }
    }
}

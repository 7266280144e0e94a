import Glibc
import PlainJSON
import S3Fixture
import Testing

@Suite("--sync after", .fewAtATime)
struct SyncAfterTests {
    private func synced(_ site: Site, _ version: Int) async throws -> Bool? {
        let outcome = try await site.aspired("status", "-o", "json", "--root", site.root)
        let versions = outcome.json?["models"]?[0]?["versions"]?.array ?? []
        return versions.first { $0["version"]?.integer == Int64(version) }?["synced"]?.bool
    }

    /// Makes a manifest say that another boot published its version, as it stands when the machine went down.
    private func pretendAnotherBoot(_ site: Site, _ version: Int) throws {
        let path = "\(site.state)/manifests/mnist/\(version).json"
        var text = String(decoding: try readFile(path), as: UTF8.self)
        let boot = String(decoding: try readFile("/proc/sys/kernel/random/boot_id").dropLast(), as: UTF8.self)
        try #require(text.contains(boot))
        text = text.replacing(boot, with: "00000000-0000-0000-0000-000000000000")
        let end = try #require(text.firstRange(of: "],\"crc64nvme\":\""))
        let body = Array(text[..<end.lowerBound].utf8)
        try writeFile(path, body + Array("],\"crc64nvme\":\"\(crc64nvme(body))\"}\n".utf8))
    }

    /// Bit by bit, after the polynomial's definition: not the program's own code.
    private func crc64nvme(_ bytes: [UInt8]) -> String {
        var crc = ~UInt64(0)
        for byte in bytes {
            crc ^= UInt64(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x9A6C_9329_AC4B_C9B5 : crc >> 1 }
        }
        let digits = String(~crc, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    @Test("once publishes without a sync and says so; run syncs it, and then says that")
    func syncedLater() async throws {
        try await Site.with { site in
            try site.put(1)
            #expect(try await site.once("--sync", "after").code == 0)
            #expect(try FileTree(site.published(1)).files == Models.version(1))
            #expect(try await synced(site, 1) == false)
            let text = try await site.aspired("status", "--root", site.root)
            #expect(text.output.contains("not synced yet"), "\(text)")
            try await site.aspired.run(site.arguments() + ["--sync", "after"]) { agent in
                try await agent.waitUntilReady()
                try await eventually("it is synced: \(agent.errors)") { try await synced(site, 1) == true }
                #expect(try await agent.stop() == .exited(0))
            }
            #expect(site.gets.count == Models.version(1).count)
            // What replaces a version is synced before that goes.
            try site.put(2)
            #expect(try await site.once("--sync", "after").code == 0)
            #expect(site.versions() == ["2"])
            #expect(try await synced(site, 2) == true)
        }
    }

    @Test("a version that the machine went down with is compared at the next start: whole it stays, and is not fetched again")
    func intact() async throws {
        try await Site.with { site in
            try site.put(1)
            #expect(try await site.once("--sync", "after").code == 0)
            try pretendAnotherBoot(site, 1)
            #expect(try await synced(site, 1) == false)
            let gets = site.gets.count
            let outcome = try await site.once()
            #expect(outcome.code == 0, "\(outcome)")
            #expect(outcome.errors.contains("not synced before the machine went down"), "\(outcome)")
            #expect(site.gets.count == gets)
            #expect(try await synced(site, 1) == true)
        }
    }

    @Test("damaged it is taken out and fetched anew, and /readyz says no until then")
    func damaged() async throws {
        try await Site.with { site in
            let files = Models.version(1)
            try site.put(1, files)
            #expect(try await site.once("--sync", "after").code == 0)
            try pretendAnotherBoot(site, 1)
            // The name and the length have survived, the bytes have not.
            let lost = "variables/variables.data-00000-of-00001"
            let size = files[lost]?.count ?? 0
            try writeFile("\(site.published(1))/\(lost)", [UInt8](repeating: 0, count: size))
            site.server.script(Fault(.status(503, code: "SlowDown"), on: .get, times: nil))
            try await site.aspired.run(site.arguments() + ["--poll-interval", "100ms"]) { agent in
                try await eventually("it is taken out: \(agent.errors)") { site.versions() == [] }
                try await eventually("the agent waits for it: \(agent.errors)") {
                    try await agent.get("/readyz").body.contains("mnist")
                }
                #expect(try await agent.get("/readyz").status == 503)
                #expect(agent.said("\(lost) does not have the bytes that were published"), "\(agent.errors)")
                site.server.clearScript()
                try await agent.waitUntilReady()
                #expect(try FileTree(site.published(1)).files == files)
                #expect(try await agent.stop() == .exited(0))
            }
            #expect(try await synced(site, 1) == true)
        }
    }

    @Test("a publish loop that is killed again and again with --sync after converges, too")
    func killed() async throws {
        try await Site.with { site in
            let reader = VersionReader(site.base())
            var random = SeededGenerator(seed: 5)
            let arguments = site.arguments() + ["--poll-interval", "100ms", "--sync", "after"]
            try await reader.reading {
                for version in 1...12 {
                    let files = Models.version(version, size: 200_000)
                    reader.expect(version, files)
                    try site.put(version, files)
                    site.server.forgetRequests()
                    try await site.aspired.run(arguments) { agent in
                        let count = Int.random(in: 1...6, using: &random)
                        try await eventually("\(count) things were asked for: \(agent.errors)", every: .milliseconds(1)) {
                            site.server.requests.count >= count
                        }
                        let instant = ContinuousClock.now + .microseconds(Int.random(in: 0...40_000, using: &random))
                        try await eventually("the instant has come", every: .microseconds(200)) {
                            ContinuousClock.now >= instant
                        }
                    }
                }
                try await site.aspired.run(arguments) { agent in
                    try await site.wait(until: agent, holds: 12)
                    try await eventually("it is synced: \(agent.errors)") { try await synced(site, 12) == true }
                    #expect(try await agent.stop() == .exited(0))
                }
            }
            #expect(reader.faults == [])
            #expect(try FileTree(site.published(12)).files == Models.version(12, size: 200_000))
            #expect(try names(in: "\(site.state)/manifests/mnist") == ["12.json"])
        }
    }
}

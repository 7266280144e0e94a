import Glibc
import PlainJSON
import S3Fixture
import Testing

@Suite("What is there already is not fetched", .fewAtATime)
struct ReuseTests {
    private static let weights = Models.noise(9 << 20, seed: 1)
    private static let table = Models.noise(70_000, seed: 2)
    private static let first = ["weights.bin": weights, "table.bin": table, "label.txt": Array("one".utf8)]
    private static let second = ["weights.bin": weights, "moved/table.bin": table, "label.txt": Array("two".utf8)]

    private func inode(_ version: Int, _ path: String, _ site: Site) throws -> UInt64? {
        try FileTree(site.published(version)).entries[path]?.inode
    }

    @Test("a version that shares its files with the published one: plan says so, once fetches the rest, the metric counts it")
    func shares() async throws {
        try await Site.with { site in
            try site.put(1, Self.first)
            #expect(try await site.once("--versions", "all").code == 0)
            try site.put(2, Self.second)
            let plan = try await site.aspired(["plan", "-o", "json"] + site.arguments() + ["--versions", "all"])
            let model = try JSON(parsing: Array(plan.output.utf8))["models"]?.array?.first
            #expect(model?["reuse"]?.array?.first?["files"]?.integer == 2, "\(plan)")
            #expect(model?["reuse"]?.array?.first?["bytes"]?.integer == Int64(Self.weights.count + Self.table.count), "\(plan)")
            #expect(model?["fetch"]?.array?.first?["bytes"]?.integer == 3, "\(plan)")
            let before = site.gets.count
            try await site.aspired.run(site.arguments() + ["--versions", "all"]) { agent in
                try await site.wait(until: agent, holds: 1, 2)
                try await eventually("it is counted") {
                    try await agent.metrics()["aspired_reused_bytes_total", "model=\"mnist\""]
                        == Double(Self.weights.count + Self.table.count)
                }
                #expect(try await agent.stop() == .exited(0))
            }
            #expect(site.gets.dropFirst(before).map(\.key) == ["mnist/2/label.txt"])
            #expect(try FileTree(site.published(2)).files == Self.second && FileTree(site.published(1)).files == Self.first)
            #expect(try inode(1, "weights.bin", site) == inode(2, "weights.bin", site))
            #expect(try inode(1, "table.bin", site) == inode(2, "moved/table.bin", site))
        }
    }

    @Test(
        "in each mode the bytes are those of the bucket, and the file is shared by hardlink only",
        arguments: ["hardlink", "reflink", "copy", "off", "auto"])
    func modes(mode: String) async throws {
        try await Site.with { site in
            try site.put(1, Self.first)
            #expect(try await site.once().code == 0)
            try site.put(2, Self.second)
            let before = site.gets.count
            let outcome = try await site.once("--reuse", mode, "--versions", "all")
            #expect(outcome.code == 0, "\(outcome)")
            #expect(try FileTree(site.published(2)).files == Self.second && FileTree(site.published(1)).files == Self.first)
            let isShared = try inode(1, "weights.bin", site) == inode(2, "weights.bin", site)
            #expect(isShared == ["hardlink", "auto"].contains(mode))
            let keys = Set(site.gets.dropFirst(before).map(\.key))
            switch mode {
            case "off": #expect(keys.count == 3)
            // Where the file system cannot, all is fetched.
            case "reflink": #expect(keys == ["mnist/2/label.txt"] || keys.count == 3)
            default: #expect(keys == ["mnist/2/label.txt"])
            }
        }
    }

    @Test(
        "a published file that was written to, with its time put back, serves for nothing; nor does one of another mode by its name"
    )
    func tamperedWith() async throws {
        try await Site.with { site in
            try site.put(1, Self.first)
            #expect(try await site.once().code == 0)
            let weights = site.published(1) + "/weights.bin"
            var damaged = Self.weights
            damaged[5_000_000] ^= 1
            var times = stat()
            #expect(lstat(weights, &times) == 0)
            try writeFile(weights, damaged)
            #expect(utimensat(AT_FDCWD, weights, [times.st_mtim, times.st_mtim], 0) == 0)
            try site.put(2, Self.second)
            let outcome = try await site.once("--versions", "all")
            #expect(outcome.code == 0, "\(outcome)")
            #expect(
                outcome.lines.contains { $0.message.contains("\(weights) is not what it was when it was published") },
                "\(outcome)")
            #expect(try FileTree(site.published(2)).files == Self.second)
            try site.put(3, Self.second)
            #expect(try await site.once("--versions", "all", "--file-mode", "0640", "--reuse", "hardlink").code == 0)
            #expect(try inode(2, "weights.bin", site) != inode(3, "weights.bin", site))
        }
    }
}

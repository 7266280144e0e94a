import PlainJSON
import Testing

@Suite("When a version is taken, and when it changes", .fewAtATime)
struct ReadinessTests {
    private static let index = "variables/variables.index"
    private static let shard = "variables/variables.data-00000-of-00001"

    /// One meta graph with a `saver_def` and an asset, by the bytes of protobuf's wire format.
    private static func savedModel(_ stamp: String) -> [UInt8] {
        func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] { [number << 3 | 2, UInt8(content.count)] + content }
        let asset = field(6, field(2, Array("labels.txt".utf8)))
        let graph = field(2, Array(stamp.utf8)) + field(3, field(1, Array("save/Const:0".utf8)))
        return [0x08, 0x01] + field(2, graph + asset)
    }

    private static func whole(_ stamp: String) -> [String: [UInt8]] {
        [
            "saved_model.pb": savedModel(stamp), index: Array(stamp.utf8), shard: Models.noise(9_000, seed: stamp.utf8.count),
            "assets/labels.txt": Array("cat\n".utf8),
        ]
    }

    @Test("by default an upload whose shard is missing is held, by name, and delays no lower version")
    func uploadInProgress() async throws {
        try await Site.with { site in
            let arguments = site.arguments(query: "ready=auto") + ["--settle", "0s"]
            var files = Self.whole("1")
            let shard = files.removeValue(forKey: Self.shard)
            try site.put(1, files)
            let held = try await site.aspired(["once", "--timeout", Site.timeIsOver] + arguments)
            #expect(held.code == 75, "\(held)")
            #expect(held.lastWord.contains("variables/variables.data-00000-of-?????, which saved_model.pb asks for"), "\(held)")
            #expect(held.lines.count { $0.message.contains("is not complete in its source") } == 1, "said once: \(held)")
            #expect(site.versions() == [])
            try makeDirectory("\(site.bucket)/mnist/1/variables")
            try writeFile("\(site.bucket)/mnist/1/\(Self.shard)", shard ?? [])
            try site.put(2, files)
            let outcome = try await site.aspired(["once"] + arguments)
            #expect(outcome.code == 0, "\(outcome)")
            #expect(site.versions() == ["1"])
            #expect(try FileTree(site.published(1)).files == Self.whole("1"))
        }
    }

    @Test("by a manifest only its files are taken; status says how they were compared, and a wrong one ends with 65")
    func manifest() async throws {
        try await Site.with { site in
            let text = { (digest: String) in
                #"{"version":1,"files":[{"path":"model.onnx","size":5,"sha256":"\#(digest)"}]}"#
            }
            // Of "hello".
            let digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
            var files = ["model.onnx": Array("hello".utf8), "notes": Array("not listed".utf8)]
            files[".aspired.json"] = Array(text(digest).utf8)
            try site.put(1, files)
            let good = try await site.aspired(["once"] + site.arguments(query: "ready=auto"))
            #expect(good.code == 0, "\(good)")
            #expect(try FileTree(site.published(1)).files == ["model.onnx": Array("hello".utf8)])
            let status = try await site.aspired("status", "--root", site.root, "-o", "json")
            #expect(status.output.contains("sha256"), "\(status)")

            files[".aspired.json"] = Array(text(String(digest.reversed())).utf8)
            try site.put(2, files)
            let bad = try await site.aspired(["once"] + site.arguments(query: "ready=manifest"))
            #expect(bad.code == 65, "\(bad)")
            #expect(bad.lastWord.contains("mnist/2/model.onnx: its SHA-256 is \(digest), and .aspired.json"), "\(bad)")
            #expect(site.versions() == ["1"])
        }
    }

    @Test(
        "run reports what changed under a published version and leaves it, or puts it in anew",
        arguments: ["keep", "republish"])
    func changed(action: String) async throws {
        try await Site.with { site in
            try site.put(1, Self.whole("1"))
            let arguments =
                site.arguments(query: "ready=auto") + [
                    "--settle", "0s", "--poll-interval", "200ms", "--recheck-interval", "200ms", "--on-changed", action,
                    "--republish-pause", "100ms",
                ]
            try await site.aspired.run(arguments) { (agent) async throws in
                try await site.wait(until: agent, holds: 1)
                try writeFile("\(site.bucket)/mnist/1/\(Self.index)", Array("2".utf8))
                try await eventually("the change is said: \(agent.errors)") {
                    agent.said("mnist version 1 has changed in its source since it was published: \(Self.index) was")
                }
                if action == "republish" {
                    try await eventually("it is put in anew: \(agent.errors)") {
                        (try? FileTree(site.published(1)).files[Self.index]) == Array("2".utf8)
                    }
                } else {
                    let reason = try await agent.status()["models"]?[0]?["versions"]?[0]?["reason"]?.string
                    #expect(reason?.contains("it stays as it was published") == true, "\(reason ?? "")")
                    #expect(try FileTree(site.published(1)).files == Self.whole("1"))
                }
                #expect(agent.lines.count { $0.message.contains("has changed in its source") } == 1)
                try await agent.stop()
            }
        }
    }
}

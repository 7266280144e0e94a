import S3Fixture
import Testing

@Suite("--prune-first", .fewAtATime)
struct PruneFirstTests {
    @Test("once advises it, harms nothing without it, and with it replaces what is in the way", arguments: [true, false])
    func replaces(isOneObject: Bool) async throws {
        try await Site.with { site in
            func version(_ number: Int) -> [String: [UInt8]] {
                var files = isOneObject ? [:] : Models.version(number, size: 1_000)
                files["model.onnx"] = Models.noise(200_000, seed: number)
                return files
            }
            try site.put(1, version(1))
            let limit = ["--max-volume", isOneObject ? "300KB" : "350KB"]
            #expect(try await site.aspired(["once"] + site.arguments() + limit).code == 0)
            try site.put(2, version(2))
            site.server.forgetRequests()

            let refused = try await site.aspired(["once"] + site.arguments() + limit)
            #expect(refused.code == 73 && refused.errors.contains("pruning 1 first would make room: --prune-first"), "\(refused)")
            #expect(try site.versions() == ["1"] && site.gets.isEmpty && FileTree(site.published(1)).files == version(1))

            // Of the new one nothing can be had: the old one stays.
            site.server.script(Fault(.status(403, code: "AccessDenied"), on: .get, times: nil))
            let denied = try await site.aspired(["once"] + site.arguments() + limit + ["--prune-first"])
            #expect(denied.code == 77, "\(denied)")
            #expect(try site.versions() == ["1"] && FileTree(site.published(1)).files == version(1))

            site.server.clearScript()
            let done = try await site.aspired(["once"] + site.arguments() + limit + ["--prune-first"])
            #expect(done.code == 0 && done.errors.contains("1 pruned first, as --prune-first says"), "\(done)")
            #expect(try site.versions() == ["2"] && FileTree(site.published(2)).files == version(2))
        }
    }
}

import S3Fixture
import Testing

@Suite("Long listings from end to end", .fewAtATime)
struct LongListingTests {
    /// The most memory that a process ever had, in KiB.
    private func peak(of process: Int32) throws -> Int {
        let status = String(decoding: try readFile("/proc/\(process)/status"), as: UTF8.self)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(Int(line.filter(\.isNumber)))
    }

    /// What an agent takes that lists a version of so many files, with keys of about a hundred bytes. It is held, so that nothing is
    /// fetched.
    private func peak(files: Int) async throws -> Int {
        try await Site.with { site in
            for number in 0..<files {
                let name = "mnist/1/variables/\(String(repeating: "x", count: 80))-\(number)"
                site.server.put(bucket: "models", key: name, data: [])
            }
            return try await site.aspired.run(site.arguments(query: "ready=marker:DONE")) { agent in
                try await eventually("the version is held: \(agent.errors)") { agent.said("is not complete in its source") }
                #expect(site.server.requests.count { $0.operation == .list } >= files / 1_000)
                return try peak(of: agent.process.identifier)
            }
        }
    }

    @Test(
        "tens of thousands of keys take the memory of their table and of one page",
        .disabled(if: Binaries.variable("SANITIZER") != nil, "a sanitizer takes memory of its own"))
    func memory() async throws {
        let few = try await peak(files: 10)
        let many = try await peak(files: 30_000)
        // Keys, ETags and numbers of all of them; as pages that were all kept it would be several times as much.
        #expect(many - few < 16 << 10, "\(many - few) KiB")
    }
}

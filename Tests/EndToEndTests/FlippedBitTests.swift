import S3Fixture
import Testing

/// A kind of checksum that a store may offer for an object.
struct OfferedKind: Sendable, CustomTestStringConvertible {
    /// As manifests name it.
    let method: String
    var checksums: [ChecksumKind] = []
    /// Whether the object was uploaded in parts.
    var isMultipart = false

    var testDescription: String { method }

    func options(partSize: Int) -> FixtureOptions {
        FixtureOptions(
            checksums: checksums, parts: isMultipart ? UploadParts(sizes: [partSize], isComposite: !checksums.isEmpty) : nil)
    }

    static let all = [
        OfferedKind(method: "crc64nvme", checksums: [.crc64nvme]), OfferedKind(method: "crc32c", checksums: [.crc32c]),
        OfferedKind(method: "crc32", checksums: [.crc32]), OfferedKind(method: "sha256", checksums: [.sha256]),
        OfferedKind(method: "sha1", checksums: [.sha1]), OfferedKind(method: "md5"),
        OfferedKind(method: "md5-multipart", isMultipart: true),
        OfferedKind(method: "crc32-composite", checksums: [.crc32], isMultipart: true),
        OfferedKind(method: "crc32c-composite", checksums: [.crc32c], isMultipart: true),
        OfferedKind(method: "sha1-composite", checksums: [.sha1], isMultipart: true),
        OfferedKind(method: "sha256-composite", checksums: [.sha256], isMultipart: true),
    ]
}

@Suite("One flipped bit", .serialized, .fewAtATime)
struct FlippedBitTests {
    /// Bytes of the object; `make flipped-bit` sets a GiB.
    private static let size = Binaries.variable("FLIPPED_BIT_SIZE").flatMap(Fault.byteCount) ?? (3 << 20) + 100_000
    /// Bytes, of uploading and of fetching.
    private static let partSize = size > 1 << 28 ? 8 << 20 : 1 << 20
    private static let key = "mnist/1/variables/variables.data-00000-of-00001"
    private static let content = Models.noise(size, seed: 7)
    private static var isLarge: Bool { size > 1 << 28 }

    @Test(
        "is found by each kind of checksum, its object named and fetched anew once, and nothing is published",
        arguments: OfferedKind.all)
    func found(kind: OfferedKind) async throws {
        try await Site.with(options: kind.options(partSize: Self.partSize)) { site in
            try await put(site)
            site.server.script(Fault(.flipBit(at: Self.size / 2 + 12_345), on: .get, key: "models/\(Self.key)", times: nil))
            let outcome = try await site.aspired(
                ["once", "--part-size", "\(Self.partSize)"] + site.arguments(), within: .seconds(300))
            #expect(outcome.code == 65, "\(outcome)")
            for word in [Self.key, "\(kind.method) of the bytes is", "fetching anew"] {
                #expect(outcome.lastWord.contains(word), "'\(word)' is missing: \(outcome)")
            }
            let sent = site.gets.filter { $0.key == Self.key }.reduce(0) { $0 + $1.sentBytes }
            #expect(sent == 2 * Self.size, "fetched once, and once more")
            #expect(site.versions().isEmpty)
            if Self.isLarge { report(kind, "found, fetched twice", outcome.took, bytes: sent) }
        }
    }

    @Test("is not there: each kind verifies the object, and the manifest says which", arguments: OfferedKind.all)
    func verified(kind: OfferedKind) async throws {
        try await Site.with(options: kind.options(partSize: Self.partSize)) { site in
            try await put(site)
            let outcome = try await site.aspired(
                ["once", "--part-size", "\(Self.partSize)"] + site.arguments() + ["--verify", "require"], within: .seconds(300))
            #expect(outcome.code == 0, "\(outcome)")
            #expect(site.versions() == ["1"])
            let manifest = String(decoding: try readFile("\(site.state)/manifests/mnist/1.json"), as: UTF8.self)
            let line = try #require(manifest.split(separator: "\n").first { $0.contains("variables.data-00000") })
            #expect(line.contains("\"verified\":\"\(kind.method)\""), "\(line)")
            #expect(outcome.errors.contains("\"verified\":\"") && outcome.errors.contains("\(kind.method):"), "\(outcome)")
            let status = try await site.aspired("status", "--root", site.root)
            #expect(status.output.contains(kind.method), "\(status)")
            #expect(site.server.requests.filter { $0.query.contains("partNumber") }.count == (kind.isMultipart ? 1 : 0))
            if Self.isLarge { report(kind, "verified", outcome.took, bytes: Self.size) }
        }
    }

    /// One large object and two small ones, read once by the server so that no request waits for that.
    private func put(_ site: Site) async throws {
        var files = Models.version(1, size: 1)
        files["variables/variables.data-00000-of-00001"] = Self.content
        try site.put(1, files)
        try await site.server.precomputeDigests()
    }

    private func report(_ kind: OfferedKind, _ what: String, _ took: Duration, bytes: Int) {
        let seconds = Double(took.components.seconds) + Double(took.components.attoseconds) * 1e-18
        let rate = (Double(bytes) / seconds / 1e7).rounded() / 100
        print("\(kind.method): \(what): \((seconds * 10).rounded() / 10) s, \(rate) GB/s")
    }
}

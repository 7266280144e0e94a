import S3Fixture
import Testing

/// Every fault that a store or a network can deal, a row each: what becomes of it, and never a wrong byte in a base path.
@Suite("Faults of stores and networks", .fewAtATime)
struct StoreFaultTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var faults: [Fault] = []
        var prepare: @Sendable (inout FixtureOptions) -> Void = { _ in }
        /// 0 for what heals.
        var code: Int32 = 0
        /// What the last message says.
        var says: [String] = []
        /// What is at the place of the large file in the end, where the fault replaces it.
        var content: [UInt8]?
        /// For what never heals; by then the cause is known.
        var timeout = "80s"
    }

    /// In ranges of 64 KiB the large file has six.
    private static let large = "variables/variables.data-00000-of-00001"
    private static let size = 6 * (64 << 10)
    private static let replaced = Models.noise(size, seed: 99)

    private static func once(_ action: Fault.Action, on operation: Operation = .get, times: Int = 1, first: Int = 1) -> Fault {
        Fault(action, on: operation, key: operation == .get ? "*/\(large)" : "*", first: first, times: times)
    }

    private static func always(_ action: Fault.Action, on operation: Operation = .get) -> Fault {
        Fault(action, on: operation, key: operation == .get ? "*/\(large)" : "*", times: nil)
    }

    /// What is put right without anybody's doing.
    static let healed: [Case] = [
        Case(testDescription: "500 InternalError", faults: [once(.status(500, code: "InternalError"), times: 2)]),
        Case(testDescription: "500 without a body", faults: [once(.status(500, code: "", bodySize: 0), times: 2)]),
        Case(testDescription: "502 of a proxy", faults: [once(.status(502, code: "", bodySize: 100), on: .list)]),
        Case(testDescription: "503 SlowDown", faults: [once(.status(503, code: "SlowDown"))]),
        Case(testDescription: "503 SlowDown to a listing", faults: [once(.status(503, code: "SlowDown"), on: .list)]),
        Case(testDescription: "503 SlowDown to a HEAD", faults: [once(.status(503, code: "SlowDown"), on: .head)]),
        Case(testDescription: "429", faults: [once(.status(429, code: "TooManyRequests"))]),
        Case(testDescription: "400 RequestTimeout", faults: [once(.status(400, code: "RequestTimeout"))]),
        Case(testDescription: "a store whose clock is two hours ahead", prepare: { $0.clockOffset = .seconds(7_200) }),
        Case(testDescription: "a bucket of another region", prepare: { $0.region = "eu-central-1" }),
        Case(
            testDescription: "a redirect to another region",
            faults: [
                once(.status(301, code: "PermanentRedirect"), on: .list),
                once(.header("x-amz-bucket-region", "eu-west-1"), on: .list),
            ], prepare: { $0.region = "eu-west-1" }),
        Case(testDescription: "a reset before the answer", faults: [once(.drop(reset: true), times: 2)]),
        Case(testDescription: "a connection that closes before the answer", faults: [once(.drop(), times: 2)]),
        Case(testDescription: "a reset in the body", faults: [once(.cut(after: 10_000, reset: true), times: 2)]),
        Case(testDescription: "a clean end in the body", faults: [once(.cut(after: 10_000), times: 2)]),
        // For as long as CONTRACT section 5 has it: 30 s.
        Case(testDescription: "a connection that stalls", faults: [once(.stall(after: 10_000), first: 2)]),
        Case(testDescription: "wrong bytes of the right length, once", faults: [once(.flipBit(at: 70_000))]),
        Case(testDescription: "a range that is ignored, once", faults: [once(.ignoreRange)]),
        Case(
            testDescription: "another range than was asked for",
            faults: [once(.header("Content-Range", "bytes 7-65542/\(size)"))]),
        Case(
            testDescription: "another total than was listed",
            faults: [once(.header("Content-Range", "bytes 0-65535/\(size + 1)"))]),
        Case(testDescription: "another ETag than was listed", faults: [once(.header("ETag", "\"0123456789abcdef\""))]),
        Case(testDescription: "412 to a range", faults: [once(.status(412, code: "PreconditionFailed"), first: 3)]),
        Case(testDescription: "416 to a range", faults: [once(.status(416, code: "InvalidRange"), first: 3)]),
        Case(
            testDescription: "an object that is replaced between ranges", faults: [once(.replace(replaced), first: 3)],
            content: replaced),
        Case(testDescription: "an object that is gone after the listing", faults: [once(.status(404, code: "NoSuchKey"))]),
        Case(testDescription: "a listing that is cut", faults: [once(.truncateListing, on: .list)]),
        Case(testDescription: "a listing of one item a page", prepare: { $0.pageSize = 1 }),
    ]

    /// What stays until somebody does something: the message says what.
    static let lasting: [Case] = [
        Case(
            testDescription: "a store that fails", faults: [always(.status(500, code: "InternalError"))], code: 69,
            says: ["GetObject", large, "500 InternalError", "tries"], timeout: Site.timeIsOver),
        Case(
            testDescription: "a session that has expired", faults: [always(.status(403, code: "ExpiredToken"), on: .list)],
            code: 77, says: ["ListObjects", "s3://models/mnist", "ExpiredToken", "renew"]),
        Case(
            testDescription: "an object that may not be read", faults: [always(.status(403, code: "AccessDenied"))], code: 77,
            says: ["GetObject", large, "AccessDenied", "s3:GetObject", "s3:ListBucket"]),
        Case(
            testDescription: "a bucket that may not be listed", faults: [always(.status(403, code: "AccessDenied"), on: .list)],
            code: 77, says: ["ListObjects", "s3://models/mnist", "AccessDenied", "s3:ListBucket"]),
        Case(
            testDescription: "an object in an archive", faults: [always(.status(403, code: "InvalidObjectState"))], code: 69,
            says: ["GetObject", large, "InvalidObjectState", "restore"], timeout: Site.timeIsOver),
        Case(
            testDescription: "a key of KMS that is disabled", faults: [always(.status(400, code: "KMS.DisabledException"))],
            code: 77, says: ["GetObject", large, "KMS.DisabledException", "kms:Decrypt"]),
        Case(
            testDescription: "wrong bytes that stay", faults: [always(.flipBit(at: 70_000))], code: 65,
            says: [large, "crc64nvme", "again"]),
        Case(
            testDescription: "ranges that are ignored", faults: [always(.ignoreRange)], code: 69, says: [large, "Range"],
            timeout: Site.timeIsOver),
        Case(
            testDescription: "a continuation token that repeats", faults: [always(.repeatContinuationToken, on: .list)],
            prepare: { $0.pageSize = 1 }, code: 69, says: ["ListObjects", "s3://models/mnist", "no end"], timeout: Site.timeIsOver
        ),
        Case(
            testDescription: "listings that are cut", faults: [always(.truncateListing, on: .list)], code: 69,
            says: ["ListObjects", "s3://models/mnist"], timeout: Site.timeIsOver),
        Case(
            testDescription: "an error of 50 MB", faults: [always(.status(403, code: "AccessDenied", bodySize: 50 << 20))],
            code: 77, says: ["GetObject", large, "AccessDenied"]),
        Case(
            testDescription: "a redirect to nowhere", faults: [always(.status(301, code: "PermanentRedirect"), on: .list)],
            code: 78, says: ["ListObjects", "PermanentRedirect", "--s3-region"]),
    ]

    @Test("what heals is put right, and the version is whole, on a disk and in memory", arguments: healed, [nil, Site.memory])
    func heals(case healed: Case, place: String?) async throws {
        try await deal(healed, in: place) { site, files, outcome in
            #expect(outcome.code == 0, "\(outcome)")
            let found = try FileTree(site.published(1)).files
            #expect(found == files)
        }
    }

    @Test("what stays is named, with the object and the remedy, and nothing is published", arguments: lasting)
    func stays(case lasting: Case) async throws {
        try await deal(lasting) { site, _, outcome in
            #expect(outcome.code == lasting.code, "\(outcome)")
            for word in lasting.says {
                #expect(outcome.lastWord.contains(word), "'\(word)' is missing: \(outcome)")
            }
            #expect(outcome.errors.utf8.count < 40_000)
            #expect(site.versions() == [])
        }
    }

    private func deal(
        _ scene: Case, in place: String? = nil, _ body: (Site, [String: [UInt8]], Aspired.Outcome) async throws -> Void
    ) async throws {
        var options = FixtureOptions()
        scene.prepare(&options)
        try await Site.with(options: options, in: place) { site in
            var files = Models.version(1)
            files[Self.large] = Models.noise(Self.size, seed: 1)
            try site.put(1, files)
            for fault in scene.faults { site.server.script(fault) }
            files[Self.large] = scene.content ?? files[Self.large]
            let reader = VersionReader(site.base())
            reader.expect(1, files)
            let outcome = try await reader.reading {
                try await site.aspired(
                    ["once"] + site.arguments() + ["--part-size", "64KiB", "--timeout", scene.timeout], within: .seconds(90))
            }
            #expect(reader.faults == [])
            try await body(site, files, outcome)
        }
    }
}

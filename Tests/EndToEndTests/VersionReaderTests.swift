import Testing

/// What watches the kills must itself be seen to fail: each of these does to a base path what the agent never does.
@Suite("The reader that watches a base path notices", .fewAtATime)
struct VersionReaderTests {
    private static let version = Models.version(1)

    /// Runs `body` beside a reader of a base path that holds version 1 as it shall be.
    /// - Returns: what the reader found wrong.
    private static func faults(_ body: (_ base: String, _ look: () async throws -> Void) async throws -> Void) async throws
        -> [String]
    {
        try await withScratch { scratch in
            let base = "\(scratch)/mnist"
            let reader = VersionReader(base)
            for number in 1...3 { reader.expect(number, Models.version(number)) }
            try Models.write(version, to: "\(base)/1")
            try await reader.reading {
                func look() async throws {
                    let looks = reader.looks
                    try await eventually("the reader has looked since") { reader.looks >= looks + 2 }
                }
                try await look()
                try await body(base, look)
                try await look()
            }
            return reader.faults
        }
    }

    @Test("a version that comes in and goes out by a rename is no fault")
    func asItShallBe() async throws {
        let faults = try await Self.faults { base, look in
            try Models.write(Models.version(2), to: "\(base)/2")
            try await look()
            try moveFile("\(base)/1", to: "\(base)/../trash")
        }
        #expect(faults == [])
    }

    @Test("publication in place, file by file")
    func publishedInPlace() async throws {
        let faults = try await Self.faults { base, look in
            let files = Models.version(2).sorted { $0.key < $1.key }
            try Models.write([files[0].key: files[0].value], to: "\(base)/2")
            try await look()
        }
        #expect(faults.contains { $0.contains("version 2 is visible, and wrong in") }, "\(faults)")
    }

    @Test("publication before the bytes were compared")
    func publishedUnverified() async throws {
        let faults = try await Self.faults { base, look in
            var files = Models.version(2)
            files["saved_model.pb"]?[0] ^= 1
            try Models.write(files, to: "\(base)/2")
            try await look()
        }
        #expect(faults.contains { $0.contains("wrong in saved_model.pb") }, "\(faults)")
    }

    @Test("deletion in place")
    func deletedInPlace() async throws {
        let faults = try await Self.faults { base, look in
            try Models.write(Models.version(2), to: "\(base)/2")
            try removeTree("\(base)/1/saved_model.pb")
            try await look()
            try removeTree("\(base)/1")
        }
        #expect(faults.contains { $0.contains("version 1 is visible, and wrong in saved_model.pb") }, "\(faults)")
    }

    @Test("pruning before publication")
    func prunedFirst() async throws {
        let faults = try await Self.faults { base, look in
            try moveFile("\(base)/1", to: "\(base)/../trash")
            try await look()
            try Models.write(Models.version(2), to: "\(base)/2")
        }
        #expect(faults.contains { $0.contains("empty") }, "\(faults)")
    }

    @Test("anything of ours beside the versions")
    func leftBehind() async throws {
        let faults = try await Self.faults { base, look in
            try makeDirectory("\(base)/.aspired-tmp")
            try await look()
        }
        #expect(faults.contains { $0.contains(".aspired-tmp") }, "\(faults)")
    }
}

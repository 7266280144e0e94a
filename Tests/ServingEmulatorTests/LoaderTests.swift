import ServingEmulator
import Testing

@Suite("What the loader makes of a folder")
struct LoaderTests {
    /// Starts a server of model `m`, whose version 1 is the folder in question.
    private func load(
        _ scratch: Scratch, options: EmulatorOptions = EmulatorOptions(maxLoadRetries: 0)
    ) throws -> (emulator: TensorFlowServingEmulator, record: LoadRecord?) {
        let emulator = TensorFlowServingEmulator(
            models: [EmulatedModel(name: "m", basePath: scratch["m"], policy: .all)], options: options)
        try emulator.pollAndSettle()
        return (emulator, emulator.loads.last)
    }

    private func failure(_ scratch: Scratch) throws -> ServingStatus? {
        let (emulator, record) = try load(scratch)
        guard case .failed(let status) = record?.outcome else { return nil }
        // The process has nothing to serve and gives up.
        #expect(
            emulator.phase
                == .exited(
                    "Failed to start server. Error: UNKNOWN: 1 servable(s) did not become available: "
                        + "{{{name: m version: 1} due to error: \(status)}, }"))
        return status
    }

    private func writeVariables(_ scratch: Scratch, shards: String...) throws {
        try scratch.write("m/1/variables/variables.index", "index")
        for shard in shards { try scratch.write("m/1/variables/variables.data-\(shard)", "shard \(shard)") }
    }

    @Test("a complete version, and what was in it")
    func complete() async throws {
        try await Scratch.with { scratch in
            try scratch.version("m/1", "graph 1")
            try writeVariables(scratch, shards: "00000-of-00002", "00001-of-00002")
            try scratch.write("m/1/assets/vocabulary", "words")
            let (emulator, record) = try load(scratch)
            #expect(emulator.available(of: "m") == [1])
            #expect(record?.outcome == .loaded)
            #expect(record?.path == scratch["m/1"])
            #expect(
                record?.content.mapValues { $0 } == [
                    "saved_model.pb": ContentDigest(of: Array("graph 1".utf8)),
                    "variables/variables.index": ContentDigest(of: Array("index".utf8)),
                    "variables/variables.data-00000-of-00002": ContentDigest(of: Array("shard 00000-of-00002".utf8)),
                    "variables/variables.data-00001-of-00002": ContentDigest(of: Array("shard 00001-of-00002".utf8)),
                    "assets/vocabulary": ContentDigest(of: Array("words".utf8)),
                ])
        }
    }

    @Test("no graph")
    func noGraph() async throws {
        try await Scratch.with { scratch in
            try scratch.folder("m/1")
            let status = try failure(scratch)
            #expect(status?.code == .notFound)
            #expect(
                status?.message == """
                    Specified file path does not appear to contain a SavedModel bundle (should have a file called \
                    `saved_model.pb`)
                    Specified file path: \(scratch["m/1"])
                    """)
        }
    }

    @Test("a graph as text is as good, and looked for second")
    func textGraph() async throws {
        try await Scratch.with { scratch in
            try scratch.write("m/1/saved_model.pbtxt", "graph")
            #expect(try load(scratch).record?.outcome == .loaded)
            try scratch.write("m/1/saved_model.pb", "bad")
            #expect(
                try failure(scratch)
                    == ServingStatus(.dataLoss, "Can't parse \(scratch["m/1"])/saved_model.pb as binary proto"))
            scratch.remove("m/1/saved_model.pb")
            try scratch.write("m/1/saved_model.pbtxt", "bad text")
            #expect(
                try failure(scratch)
                    == ServingStatus(.dataLoss, "Can't parse \(scratch["m/1"])/saved_model.pbtxt as text proto"))
        }
    }

    @Test("a graph of no bytes has no graph in it")
    func emptyGraph() async throws {
        try await Scratch.with { scratch in
            try scratch.version("m/1", "")
            let status = try failure(scratch)
            #expect(status?.code == .notFound)
            #expect(status?.message.hasPrefix("Could not find meta graph def matching supplied tags: { serve }") == true)
        }
    }

    @Test("variables without an index are not restored, and the version serves all the same")
    func uninitialised() async throws {
        try await Scratch.with { scratch in
            try scratch.version("m/1")
            try scratch.write("m/1/variables/variables.data-00000-of-00001", "shard")
            let (emulator, record) = try load(scratch)
            #expect(record?.outcome == .uninitialised)
            #expect(emulator.available(of: "m") == [1])
            #expect(emulator.phase == .serving)
        }
    }

    @Test("no folder of variables may be meant so", arguments: [true, false])
    func noVariables(everyModelHasVariables: Bool) async throws {
        try await Scratch.with { scratch in
            try scratch.version("m/1")
            let record = try load(scratch, options: EmulatorOptions(everyModelHasVariables: everyModelHasVariables)).record
            #expect(record?.outcome == (everyModelHasVariables ? .uninitialised : .loaded))
        }
    }

    @Test(
        "a shard is missing",
        arguments: [
            ([], "00000-of-00001"), (["00000-of-00002"], "00001-of-00002"), (["00001-of-00002"], "00000-of-00002"),
            (["00000-of-00003", "00002-of-00003"], "00001-of-00003"),
        ] as [([String], String)])
    func missingShard(shards: [String], missing: String) async throws {
        try await Scratch.with { scratch in
            try scratch.version("m/1")
            try writeVariables(scratch)
            for shard in shards { try scratch.write("m/1/variables/variables.data-\(shard)", "shard") }
            let path = scratch["m/1/variables/variables.data-\(missing)"]
            #expect(try failure(scratch) == ServingStatus(.notFound, "\(path); No such file or directory"))
        }
    }

    @Test("an index of no bytes")
    func emptyIndex() async throws {
        try await Scratch.with { scratch in
            try scratch.version("m/1")
            try scratch.write("m/1/variables/variables.index", "")
            #expect(try failure(scratch)?.code == .dataLoss)
        }
    }

    @Test("what is no folder fails before it is loaded: its size cannot be told")
    func noFolder() async throws {
        try await Scratch.with { scratch in
            try scratch.folder("m")
            try scratch.link("m/1", to: "nowhere")
            let emulator = try load(scratch).emulator
            #expect(emulator.loads == [])
            #expect(emulator.story(of: "m") == ["1 START", "1 END"])
            #expect(emulator.phase != .serving)
            let message = emulator.events.last?.status
            #expect(
                message
                    == ServingStatus(
                        .notFound,
                        "Error while attempting to reserve resources to load servable {name: m version: 1}: "
                            + "\(scratch["m/1"]) not found"))
            scratch.remove("m/1")
            try scratch.write("m/1", "a file")
            #expect(try load(scratch).emulator.events.last?.status.code == .failedPrecondition)
        }
    }

    @Test("a version that is completed in time is loaded at the next attempt")
    func completedInTime() async throws {
        try await Scratch.with { scratch in
            try scratch.folder("m/1")
            let (emulator, record) = try load(scratch, options: EmulatorOptions())
            #expect(record?.attempt.number == 1)
            #expect(emulator.states(of: "m") == [1: .loading])
            try scratch.version("m/1")
            emulator.tick(now: .seconds(59))
            #expect(emulator.states(of: "m") == [1: .loading])
            emulator.tick(now: .seconds(60))
            #expect(emulator.states(of: "m") == [1: .available])
            #expect(emulator.loads.map(\.attempt.number) == [1, 2])
        }
    }

    @Test("another content under the same number is not noticed, unless the number was away for a look")
    func replaced() async throws {
        try await Scratch.with { scratch in
            try scratch.version("m/1", "old")
            let emulator = try load(scratch).emulator
            scratch.remove("m/1")
            try scratch.version("m/1", "new")
            try emulator.pollAndSettle()
            #expect(emulator.loads.count == 1)
            try scratch.rename("m/1", to: "m/.1")
            try emulator.pollAndSettle()
            #expect(emulator.states(of: "m") == [1: .end])
            try scratch.rename("m/.1", to: "m/1")
            try emulator.pollAndSettle()
            #expect(emulator.states(of: "m") == [1: .available])
            #expect(emulator.loads.last?.content["saved_model.pb"] == ContentDigest(of: Array("new".utf8)))
        }
    }

    @Test("digests tell contents apart", arguments: [0, 1, 7, 8, 9, 65_535, 65_536, 65_537, 200_000])
    func digests(size: Int) async throws {
        try await Scratch.with { scratch in
            let text = String(repeating: "0123456", count: size / 7 + 1).prefix(size)
            try scratch.version("m/1", "graph")
            try scratch.write("m/1/assets/a", String(text))
            let digest = try load(scratch).record?.content["assets/a"]
            #expect(digest?.size == size)
            #expect(digest == ContentDigest(of: Array(text.utf8)))
            guard size > 0 else { return }
            for index in [0, size / 2, size - 1] {
                var other = Array(text.utf8)
                other[index] ^= 0x80
                #expect(digest != ContentDigest(of: other))
            }
        }
    }
}

import ServingEmulator
import Testing

@Suite("The life of a server", .timeLimit(.minutes(5)))
struct LifeTests {
    private func models(_ scratch: Scratch, _ names: String...) -> [EmulatedModel] {
        names.map { EmulatedModel(name: $0, basePath: scratch[$0]) }
    }

    @Test("nobody can connect before every model has a version that serves")
    func start() async throws {
        try await Scratch.with { scratch in
            try scratch.version("a/1")
            try scratch.folder("b")
            let emulator = TensorFlowServingEmulator(models: models(scratch, "a", "b"))
            try await emulator.running {
                let url = emulator.url
                #expect(await emulator.wait { $0.available(of: "a") == [1] })
                let polls = emulator.polls
                #expect(await emulator.wait { $0.polls >= polls + 3 })
                #expect(emulator.phase == .starting)
                #expect(emulator.answer("GET", "/v1/models/a") == nil)
                await #expect(throws: (any Error).self) { try await get(url, "/v1/models/a") }
                try scratch.publish("b/1")
                #expect(await emulator.wait { $0.isListening })
                #expect(emulator.url == url)
                let answer = try await get(url, "/v1/models/a")
                #expect(answer.status == 200)
            }
            #expect(emulator.url == nil)
        }
    }

    @Test("a first version that doesn't load ends the process; the next finds what is there then")
    func exits() async throws {
        try await Scratch.with { scratch in
            try scratch.version("a/1")
            try scratch.version("b/1", "bad")
            let emulator = TensorFlowServingEmulator(
                models: models(scratch, "a", "b"), options: EmulatorOptions(maxLoadRetries: 0))
            try emulator.pollAndSettle()
            guard case .exited(let message) = emulator.phase else {
                Issue.record("\(emulator.phase)")
                return
            }
            #expect(
                message
                    == "Failed to start server. Error: UNKNOWN: 1 servable(s) did not become available: {{{name: b version: 1} due "
                    + "to error: DATA_LOSS: Can't parse \(scratch["b/1"])/saved_model.pb as binary proto}, }")
            #expect(try emulator.poll() == [])
            #expect(emulator.states(of: "a") == [:])
            #expect(emulator.history(of: "a") == [0, 1, 0])
            try scratch.version("b/2")
            await emulator.restart()
            #expect(emulator.phase == .starting)
            #expect(emulator.states(of: "a") == [:])
            try emulator.pollAndSettle()
            #expect(emulator.phase == .serving)
            #expect(emulator.processes == 2)
            #expect(emulator.loads.map(\.attempt.process).sorted() == [1, 1, 2, 2])
        }
    }

    @Test("at the start loads go on at a time, and a slow one holds up the start of the others' service")
    func startsAtATime() async throws {
        try await Scratch.with { scratch in
            try scratch.folders("a/1", "a/2", "b/1")
            let script = LoadScript([2: [.pending]])
            var models = models(scratch, "a", "b")
            models[0].policy = .all
            let emulator = TensorFlowServingEmulator(models: models, options: EmulatorOptions(load: { script.outcome($0) }))
            try emulator.pollAndSettle()
            // Both models have a version, and yet.
            #expect(emulator.states(of: "a") == [1: .available, 2: .loading])
            #expect(emulator.available(of: "b") == [1])
            #expect(emulator.phase == .starting)
            script[2] = [.loaded]
            emulator.settle()
            #expect(emulator.phase == .serving)
        }
    }

    @Test("a crash ends connections; a restart has the same port, and knows nothing of before")
    func crash() async throws {
        try await Scratch.with { scratch in
            try scratch.version("m/1")
            try scratch.version("m/2", "good for now")
            let emulator = TensorFlowServingEmulator(
                models: models(scratch, "m"), options: EmulatorOptions(maxLoadRetries: 0))
            try await emulator.running {
                #expect(await emulator.wait { $0.isListening })
                let url = emulator.url
                #expect(emulator.available(of: "m") == [2])
                // One that is idle is ended too.
                try await connected(url) {
                    let answer = try await get(url, "/v1/models/m")
                    #expect(answer.status == 200)
                    await emulator.crash()
                }
                #expect(emulator.phase == .crashed)
                #expect(emulator.available(of: "m") == [])
                #expect(await isAccepted(url) == false)
                scratch.remove("m/2")
                await emulator.restart()
                #expect(await emulator.wait { $0.isListening })
                #expect(emulator.url == url)
                let kept = try await get(url, "/v1/models/m/versions/1")
                #expect(kept.status == 200)
                let lost = try await get(url, "/v1/models/m/versions/2")
                #expect(lost.status == 404)
                #expect(emulator.history(of: "m") == [0, 1, 0, 1])
            }
        }
    }

    @Test("restarts without end leave neither a connection nor the port behind")
    func restarts() async throws {
        try await Scratch.with { scratch in
            try scratch.version("m/1")
            let emulator = TensorFlowServingEmulator(models: models(scratch, "m"))
            try await emulator.running {
                for _ in 0..<20 {
                    try #require(await emulator.wait { $0.isListening })
                    #expect(await isAccepted(emulator.url))
                    await emulator.restart()
                }
                #expect(emulator.processes == 21)
            }
        }
    }

    @Test("a load can take the process with it")
    func crashesWhileLoading() async throws {
        try await Scratch.with { scratch in
            try scratch.folders("m/1")
            let script = LoadScript([2: [.crash, .loaded]])
            let emulator = TensorFlowServingEmulator(
                models: models(scratch, "m"), options: EmulatorOptions(load: { script.outcome($0) }))
            try await emulator.running {
                #expect(await emulator.wait { $0.isListening })
                try scratch.folders("m/2")
                #expect(await emulator.wait { $0.phase == .crashed && !$0.isListening })
                #expect(await isAccepted(emulator.url) == false)
                await emulator.restart()
                #expect(await emulator.wait { $0.isListening })
                #expect(emulator.states(of: "m") == [2: .available])
            }
        }
    }

    @Test("a version that is published while it serves is never fewer than one")
    func publishes() async throws {
        try await Scratch.with { scratch in
            try scratch.version("m/1")
            let emulator = TensorFlowServingEmulator(models: models(scratch, "m"))
            try await emulator.running {
                for version: Int64 in 1...20 {
                    if version > 1 { try scratch.publish("m/\(version)") }
                    try #require(await emulator.wait { $0.available(of: "m") == [version] })
                    if version > 1 { scratch.remove("m/\(version - 1)") }
                }
                #expect(emulator.history(of: "m").dropFirst().allSatisfy { $0 >= 1 })
                #expect(emulator.loads.allSatisfy { $0.outcome == .loaded })
            }
        }
    }

    @Test("`stop` lets go whoever waits, and `wait` gives up in time")
    func stop() async throws {
        let emulator = TensorFlowServingEmulator(models: [])
        try emulator.start()
        #expect(throws: EmulatorError.self) { try emulator.start() }
        #expect(await emulator.wait(timeout: .milliseconds(1)) { _ in false } == false)
        async let waiting = emulator.wait { _ in false }
        await emulator.stop()
        await emulator.stop()
        #expect(await waiting == false)
        // It can be started again.
        try await emulator.running { #expect(await emulator.wait { $0.isListening }) }
    }
}

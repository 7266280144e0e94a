import ServingEmulator
import Testing

/// The tests of the original's `file_system_storage_path_source_test.cc`, by their names there.
@Suite("FileSystemStoragePathSourceTest")
struct PollingSourceTests {
    /// An emulator of one model `m` below the scratch folder's `base`.
    private func emulator(
        _ scratch: Scratch, _ policy: EmulatedPolicy = .latest(1), options: EmulatorOptions = EmulatorOptions()
    ) -> TensorFlowServingEmulator {
        TensorFlowServingEmulator(
            models: [EmulatedModel(name: "m", basePath: scratch["base"], policy: policy)], options: options)
    }

    /// What one look hands over for the only model.
    private func versions(_ emulator: TensorFlowServingEmulator) throws -> [ServableVersion] {
        let lists = try emulator.poll()
        #expect(lists.map(\.model) == ["m"])
        return lists.first?.versions ?? []
    }

    private func numbers(_ emulator: TensorFlowServingEmulator) throws -> [Int64] { try versions(emulator).map(\.version) }

    @Test("NoVersionsAtStartup", arguments: [true, false], [true, false])
    func noVersionsAtStartup(baseExists: Bool, isRefused: Bool) async throws {
        try await Scratch.with { scratch in
            if baseExists { try scratch.folder("base/non_numerical_child") }
            let emulator = emulator(scratch, options: EmulatorOptions(failsIfNoVersionsAtStart: isRefused))
            if isRefused {
                let reason =
                    baseExists
                    ? "NOT_FOUND: Unable to find a numerical version path for servable m at: \(scratch["base"])"
                    : "INVALID_ARGUMENT: Could not find base path \(scratch["base"]) for servable m with error NOT_FOUND: "
                        + "\(scratch["base"]) not found"
                #expect(emulator.phase == .exited("Failed to start server. Error: \(reason)"))
                #expect(try emulator.poll().isEmpty)
            } else if baseExists {
                #expect(try numbers(emulator) == [])
            } else {
                let error = #expect(throws: ServingStatus.self) { try emulator.poll() }
                #expect(error?.code == .invalidArgument)
            }
        }
    }

    @Test("FilesAppearAfterStartup")
    func filesAppearAfterStartup() async throws {
        try await Scratch.with { scratch in
            let emulator = emulator(scratch)
            #expect(throws: ServingStatus.self) { try emulator.poll() }
            #expect(emulator.lastPollError?.code == .invalidArgument)
            try scratch.folder("base/3")
            #expect(try numbers(emulator) == [3])
            #expect(emulator.lastPollError == nil)
            #expect(emulator.polls == 2)
        }
    }

    @Test("MultipleVersions")
    func multipleVersions() async throws {
        try await Scratch.with { scratch in
            try scratch.folders("base/non_numerical_child", "base/42", "base/17")
            #expect(try versions(emulator(scratch)) == [ServableVersion(version: 42, path: scratch["base/42"])])
        }
    }

    @Test("MultipleVersionsAtTheSameTime")
    func multipleVersionsAtTheSameTime() async throws {
        try await Scratch.with { scratch in
            try scratch.folders("base/non_numerical_child", "base/42", "base/17", "base/9")
            #expect(try numbers(emulator(scratch, .all)) == [17, 42, 9])
        }
    }

    @Test("NLatestVersions")
    func nLatestVersions() async throws {
        try await Scratch.with { scratch in
            try scratch.folders("base/nn", "base/42", "base/33", "base/30", "base/21", "base/17", "base/9")
            #expect(try numbers(emulator(scratch, .latest(3))) == [42, 33, 30])
            #expect(try numbers(emulator(scratch, .latest(100))) == [42, 33, 30, 21, 17, 9])
        }
    }

    @Test("SpecificVersions")
    func specificVersions() async throws {
        try await Scratch.with { scratch in
            try scratch.folders("base/nn", "base/42", "base/33", "base/30", "base/21", "base/17")
            #expect(try numbers(emulator(scratch, .specific([17, 30]))) == [17, 30])
            // In the order of the list while all are there, else ascending.
            #expect(try numbers(emulator(scratch, .specific([30, 17]))) == [30, 17])
            #expect(try numbers(emulator(scratch, .specific([30, 17, 5]))) == [17, 30])
        }
    }

    @Test("SpecificVersionsLeadingZeros")
    func specificVersionsLeadingZeros() async throws {
        try await Scratch.with { scratch in
            try scratch.folders("base/nn", "base/42", "base/33", "base/30", "base/21", "base/00017")
            #expect(
                try versions(emulator(scratch, .specific([17, 30]))) == [
                    ServableVersion(version: 17, path: scratch["base/00017"]),
                    ServableVersion(version: 30, path: scratch["base/30"]),
                ])
        }
    }

    @Test("SpecificVersionsEmpty")
    func specificVersionsEmpty() async throws {
        try await Scratch.with { scratch in
            try scratch.folders("base/42", "base/17")
            #expect(try numbers(emulator(scratch, .specific([]))) == [])
        }
    }

    @Test("DefaultVersionPolicy")
    func defaultVersionPolicy() async throws {
        try await Scratch.with { scratch in
            try scratch.folders("base/nn", "base/42", "base/33", "base/100x")
            let model = EmulatedModel(name: "m", basePath: scratch["base"])
            #expect(try numbers(TensorFlowServingEmulator(models: [model])) == [42])
        }
    }

    @Test("DefaultNumLatestVersions")
    func defaultNumLatestVersions() async throws {
        try await Scratch.with { scratch in
            try scratch.folders("base/nn", "base/42", "base/33")
            #expect(try numbers(emulator(scratch, .latest(0))) == [42])
        }
    }

    @Test("MultipleServables")
    func multipleServables() async throws {
        try await Scratch.with { scratch in
            try scratch.folders("b0/nn", "b0/1", "b0/3", "b1/42", "b2/nn")
            let models = ["b1", "b2", "b0"].map { EmulatedModel(name: "m-\($0)", basePath: scratch[$0]) }
            let lists = try TensorFlowServingEmulator(models: models).poll()
            #expect(lists.map(\.model) == ["m-b0", "m-b1", "m-b2"])
            #expect(lists.map { $0.versions.map(\.version) } == [[3], [42], []])
        }
    }

    @Test("ChangeSetOfServables")
    func changeSetOfServables() async throws {
        try await Scratch.with { scratch in
            for name in ["m0", "m1", "m2"] { try scratch.version("\(name)/0") }
            let models = ["m0", "m1", "m2"].map { EmulatedModel(name: $0, basePath: scratch[$0]) }
            let emulator = TensorFlowServingEmulator(models: Array(models[0...1]))
            #expect(try emulator.polled() == ["m0": [0], "m1": [0]])
            emulator.settle()
            #expect(try emulator.updateConfig(models: Array(models[1...2])) == [AspiredVersions(model: "m0", versions: [])])
            emulator.settle()
            #expect(emulator.states(of: "m0") == [0: .end])
            #expect(emulator.story(of: "m1") == ["0 START", "0 LOADING", "0 AVAILABLE"])
            #expect(try emulator.polled() == ["m1": [0], "m2": [0]])
            emulator.settle()
            #expect(emulator.story(of: "m1") == ["0 START", "0 LOADING", "0 AVAILABLE"])
            #expect(emulator.available(of: "m2") == [0])
        }
    }

    @Test("ChangeVersionPolicy")
    func changeVersionPolicy() async throws {
        try await Scratch.with { scratch in
            try scratch.folders("base/1", "base/02", "base/3", "base/5", "base/8", "base/13")
            let emulator = emulator(scratch, .latest(2))
            #expect(try numbers(emulator) == [13, 8])
            let other = EmulatedModel(name: "m", basePath: scratch["base"], policy: .specific([2, 5]))
            #expect(try emulator.updateConfig(models: [other]) == [])
            #expect(
                try versions(emulator) == [
                    ServableVersion(version: 2, path: scratch["base/02"]),
                    ServableVersion(version: 5, path: scratch["base/5"]),
                ])
        }
    }

    @Test("AttemptToChangePollingPeriod", .timeLimit(.minutes(5)))
    func attemptToChangePollingPeriod() async throws {
        try await Scratch.with { scratch in
            try scratch.folder("base/1")
            let emulator = emulator(scratch)
            let other = [EmulatedModel(name: "m", basePath: scratch["base"], policy: .all)]
            try emulator.updateConfig(models: other, pollEvery: .seconds(7))
            try await emulator.running(pollEvery: .seconds(1)) {
                let error = #expect(throws: ServingStatus.self) {
                    try emulator.updateConfig(models: [], pollEvery: .seconds(5))
                }
                #expect(error?.code == .invalidArgument)
                #expect(emulator.models == other)
                try emulator.updateConfig(models: [], pollEvery: .seconds(1))
                #expect(emulator.models == [])
            }
        }
    }

    @Test("ParseTimestampedVersion")
    func parseTimestampedVersion() async throws {
        try await Scratch.with { scratch in
            try scratch.folder("base/20170111173521")
            #expect(try numbers(emulator(scratch, .all)) == [20_170_111_173_521])
        }
    }

    @Test("ServableVersionDirRenamed")
    func servableVersionDirRenamed() async throws {
        try await Scratch.with { scratch in
            try scratch.folders("base/1", "base/2", "base/3", "base/5", "base/8")
            let emulator = emulator(scratch, .all)
            #expect(try numbers(emulator) == [1, 2, 3, 5, 8])
            try scratch.rename("base/2", to: "base/2.denied")
            try scratch.rename("base/5", to: "base/5.denied")
            scratch.remove("base/8")
            #expect(try numbers(emulator) == [1, 3])
        }
    }

    @Test("DuplicateVersions")
    func duplicateVersions() async throws {
        try await Scratch.with { scratch in
            try scratch.folders("base/nn", "base/0001", "base/001", "base/00001")
            // The original takes any of them; what it does is to take the last.
            #expect(try versions(emulator(scratch)) == [ServableVersion(version: 1, path: scratch["base/001"])])
        }
    }

    @Test("LastVersionNotRemoved", arguments: [true, false])
    func lastVersionNotRemoved(isKept: Bool) async throws {
        try await Scratch.with { scratch in
            try scratch.version("base/42")
            let emulator = emulator(scratch, options: EmulatorOptions(servableVersionsAlwaysPresent: isKept))
            #expect(try numbers(emulator) == [42])
            emulator.settle()
            scratch.remove("base/42")
            #expect(try emulator.polled() == (isKept ? [:] : ["m": []]))
            emulator.settle()
            #expect(emulator.available(of: "m") == (isKept ? [42] : []))
        }
    }

    @Test("PollFilesystemOnlyOnce", .timeLimit(.minutes(5)))
    func pollFilesystemOnlyOnce() async throws {
        try await Scratch.with { scratch in
            try scratch.version("base/3")
            let emulator = emulator(scratch)
            try await emulator.running(pollEvery: .zero, tickEvery: .milliseconds(1)) {
                #expect(await emulator.wait { $0.available(of: "m") == [3] })
                try scratch.publish("base/4")
                let ticks = TickCounter()
                #expect(await emulator.wait { _ in ticks.next() > 50 })
                #expect(emulator.polls == 1)
                #expect(emulator.states(of: "m") == [3: .available])
            }
        }
    }

    // MARK: What the original doesn't test

    @Test("a file, a symlink and a symlink to nothing are versions by their names alone")
    func anyKind() async throws {
        try await Scratch.with { scratch in
            try scratch.folder("base")
            try scratch.write("base/7", "a file")
            try scratch.link("base/8", to: "nowhere")
            try scratch.link("base/9", to: "7")
            try scratch.folders("base/ 5", "base/-1", "base/+6", "base/.4", "base/temp-3", "base/99999999999999999999")
            let emulator = emulator(scratch, .all)
            #expect(try numbers(emulator) == [5, 6, -1, 7, 8, 9])
            #expect(try versions(emulator).first?.path == scratch["base/ 5"])
            // The shorter way for listed versions asks for them by name, which a symlink to nothing doesn't answer to.
            #expect(try numbers(self.emulator(scratch, .specific([9, 8]))) == [8, 9])
            #expect(try numbers(self.emulator(scratch, .specific([9, 7]))) == [9, 7])
        }
    }

    @Test("duplicates under `all` are handed over both; the first of them is loaded")
    func duplicatesUnderAll() async throws {
        try await Scratch.with { scratch in
            try scratch.version("base/001")
            try scratch.version("base/1")
            let emulator = emulator(scratch, .all)
            #expect(try versions(emulator).map(\.path) == [scratch["base/001"], scratch["base/1"]])
            emulator.settle()
            #expect(emulator.loads.map(\.path) == [scratch["base/001"]])
        }
    }

    @Test("one missing base path has the whole look dropped, whichever model it is of")
    func missingBasePath() async throws {
        try await Scratch.with { scratch in
            try scratch.version("a/1")
            try scratch.version("b/1")
            let models = ["a", "b"].map { EmulatedModel(name: $0, basePath: scratch[$0]) }
            let emulator = TensorFlowServingEmulator(models: models)
            try emulator.pollAndSettle()
            try scratch.rename("b", to: "elsewhere")
            try scratch.version("a/2")
            scratch.remove("a/1")
            for _ in 0..<3 {
                #expect(throws: ServingStatus.self) { try emulator.poll() }
                emulator.settle()
            }
            // Neither is the new version of the other loaded, nor anything unloaded.
            #expect(emulator.states(of: "a") == [1: .available])
            #expect(emulator.states(of: "b") == [1: .available])
            try scratch.folder("b")
            try emulator.pollAndSettle()
            #expect(emulator.states(of: "a") == [1: .end, 2: .available])
            // An empty one has everything unloaded.
            #expect(emulator.states(of: "b") == [1: .end])
        }
    }

    @Test("a base path that is a file cannot be read, and a list of models with faults is refused")
    func refused() async throws {
        try await Scratch.with { scratch in
            try scratch.write("base", "")
            let error = #expect(throws: ServingStatus.self) { try self.emulator(scratch).poll() }
            #expect(error == ServingStatus(.failedPrecondition, "\(scratch["base"]); Not a directory"))

            let emulator = TensorFlowServingEmulator(models: [])
            let relative = EmulatedModel(name: "m", basePath: "models/m")
            #expect(throws: ServingStatus.self) { try emulator.updateConfig(models: [relative]) }
            let twice = EmulatedModel(name: "m", basePath: "/models/m")
            let twiceError = #expect(throws: ServingStatus.self) { try emulator.updateConfig(models: [twice, twice]) }
            #expect(twiceError?.message == "Illegal to list model m multiple times in config list")
            #expect(emulator.models == [])
            #expect(TensorFlowServingEmulator(models: [relative]).phase != .starting)
        }
    }
}

import ServingEmulator
import Testing

/// After `server_core_test.cc`, L805-915.
@Suite("Labels of versions", .timeLimit(.minutes(5)))
struct LabelTests {
    private func model(_ scratch: Scratch, _ policy: EmulatedPolicy = .all, _ labels: [String: Int64] = [:]) -> EmulatedModel {
        EmulatedModel(name: "a", basePath: scratch["a"], policy: policy, labels: labels)
    }

    @Test("a label stands only at a version that is available; else nothing of the list is applied")
    func availableOnly() async throws {
        try await Scratch.with { scratch in
            try scratch.version("a/1")
            try scratch.version("a/2")
            let emulator = TensorFlowServingEmulator(models: [model(scratch, .specific([1]))])
            try emulator.pollAndSettle()
            #expect(emulator.available(of: "a") == [1])
            try emulator.updateConfig(models: [model(scratch, .specific([1]), ["stable": 1, "also": 1])])
            // The version that the same list would load first.
            let error = #expect(throws: ServingStatus.self) {
                try emulator.updateConfig(models: [model(scratch, .all, ["stable": 1, "canary": 2])])
            }
            #expect(
                error?.description
                    == "FAILED_PRECONDITION: Request to assign label to version 2 of model a, which is not currently available for inference"
            )
            try emulator.pollAndSettle()
            #expect(emulator.available(of: "a") == [1], "the policy was not applied either")
            try emulator.updateConfig(models: [model(scratch, .all, ["stable": 1])])
            try emulator.pollAndSettle()
            try emulator.updateConfig(models: [model(scratch, .all, ["stable": 1, "canary": 2])])
            #expect(throws: ServingStatus.self) { try emulator.updateConfig(models: [model(scratch, .all, ["canary": 7])]) }
        }
    }

    @Test("a process that starts has nothing available, and does not come up with a label")
    func start() async throws {
        try await Scratch.with { scratch in
            try scratch.version("a/1")
            let emulator = TensorFlowServingEmulator(models: [model(scratch)])
            try emulator.pollAndSettle()
            try emulator.updateConfig(models: [model(scratch, .all, ["stable": 1])])
            await emulator.restart()
            guard case .exited(let message) = emulator.phase else {
                Issue.record("\(emulator.phase)")
                return
            }
            #expect(message.hasPrefix("Failed to start server. Error: FAILED_PRECONDITION: Request to assign label"))
            // What is not alive takes any list, for the next one to look at.
            try emulator.updateConfig(models: [model(scratch)])
            await emulator.restart()
            #expect(emulator.phase == .starting)
        }
    }
}

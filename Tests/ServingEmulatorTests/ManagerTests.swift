import Testing

@testable import ServingEmulator

/// A manager that is told what is wanted, as in the original's tests: no files.
private struct Manager {
    let script: LoadScript
    let emulator: TensorFlowServingEmulator

    init(_ outcomes: [Int64: [LoadOutcome]] = [:], reloads: Bool = false, loadThreads: Int = 0, retries: Int = 1) {
        let script = LoadScript(outcomes)
        self.script = script
        emulator = TensorFlowServingEmulator(
            models: [],
            options: EmulatorOptions(
                maxLoadRetries: retries, loadRetryInterval: .zero, reloadsServablesWithError: reloads, loadThreads: loadThreads,
                load: { script.outcome($0) }))
        // With no models to wait for it serves at once.
        emulator.tick(now: .zero)
    }

    /// The originals' beginning: two models, `a` and `b`, of which versions 0 and 1 are loaded.
    static func withTwoModels(
        _ outcomes: [Int64: [LoadOutcome]] = [:], reloads: Bool = false, loadThreads: Int = 0
    ) -> Manager {
        let manager = Manager(outcomes, reloads: reloads, loadThreads: loadThreads)
        manager.aspire("a", 0, 1)
        manager.aspire("b", 0, 1)
        manager.tick(4)
        #expect(manager.emulator.available(of: "a") == [0, 1])
        #expect(manager.emulator.available(of: "b") == [0, 1])
        return manager
    }

    func aspire(_ model: String, _ versions: Int64...) {
        let list = AspiredVersions(
            model: model, versions: versions.map { ServableVersion(version: $0, path: "/\(model)/\($0)") })
        emulator.state.withLock { $0.enqueue(list) }
    }

    func tick(_ count: Int = 1) { emulator.settle(ticks: count) }

    func available(_ model: String = "a") -> [Int64] { emulator.available(of: model) }

    func state(_ version: Int64, of model: String = "a") -> VersionState? { emulator.states(of: model)[version] }
}

/// Tests of the original's `aspired_versions_manager_test.cc`, by their names there.
@Suite("AspiredVersionsManagerTest")
struct ManagerTests {
    @Test("RevertToSmallerVersionNumber")
    func revertToSmallerVersionNumber() {
        let manager = Manager.withTwoModels()
        manager.aspire("a", 1)
        manager.tick()
        #expect(manager.emulator.states(of: "a") == [0: .end, 1: .available])
        manager.aspire("a", 0)
        manager.tick(2)
        #expect(manager.emulator.states(of: "a") == [0: .available, 1: .end])
        #expect(manager.emulator.history(of: "a") == [0, 1, 2, 1, 2, 1])
    }

    @Test("ManagerPrefersUnloadOverLoad")
    func managerPrefersUnloadOverLoad() {
        // The model with something to load comes first by name, and has to wait.
        let manager = Manager.withTwoModels()
        manager.aspire("b", 1)
        manager.aspire("a", 0, 1, 2)
        manager.tick()
        #expect(manager.state(0, of: "b") == .end)
        #expect(manager.state(2) == .start)
        manager.tick()
        #expect(manager.state(2) == .available)
    }

    @Test("RetryOnLoadErrorFinallySucceeds", arguments: [0, 4])
    func retryOnLoadErrorFinallySucceeds(loadThreads: Int) {
        let manager = Manager.withTwoModels([7: [.failed(loadError), .loaded]], loadThreads: loadThreads)
        manager.aspire("a", 7)
        manager.tick(4)
        #expect(manager.state(7) == .available)
        #expect(manager.emulator.statuses(of: "a")[7] == .ok)
        #expect(manager.script.attempts.filter { $0.version == 7 }.map(\.number) == [1, 2])
    }

    @Test("RetryOnLoadErrorFinallyFails", arguments: [0, 4])
    func retryOnLoadErrorFinallyFails(loadThreads: Int) {
        let manager = Manager.withTwoModels([7: [.failed(loadError)]], loadThreads: loadThreads)
        manager.aspire("a", 7)
        manager.tick(10)
        #expect(manager.state(7) == .end)
        #expect(manager.emulator.statuses(of: "a")[7] == loadError)
        #expect(manager.script.attempts.filter { $0.version == 7 }.map(\.number) == [1, 2])
    }

    @Test("AspireErrorDontUnload")
    func aspireErrorDontUnload() {
        let manager = Manager.withTwoModels([7: [.failed(loadError)]])
        manager.aspire("a", 7)
        manager.tick()
        #expect(manager.state(0) == .end)
        manager.tick(10)
        #expect(manager.state(7) == .end)
        #expect(manager.available() == [1])
        #expect(manager.available("b") == [0, 1])
        manager.aspire("a", 8)
        manager.tick()
        #expect(manager.available() == [1, 8])
        manager.tick()
        #expect(manager.available() == [8])
    }

    @Test("UnaspireThenImmediatelyReaspire")
    func unaspireThenImmediatelyReaspire() {
        let manager = Manager.withTwoModels()
        manager.aspire("a", 7)
        manager.tick(3)
        #expect(manager.available() == [7])
        manager.emulator.pin("a", 7)
        manager.aspire("a")
        manager.tick()
        #expect(manager.state(7) == .unloading)
        manager.aspire("a", 7)
        manager.tick(10)
        #expect(manager.state(7) == .unloading)
        #expect(manager.script.attempts.filter { $0.version == 7 }.count == 1)
        manager.emulator.unpin("a", 7)
        manager.tick()
        #expect(manager.state(7) == .end)
        manager.tick()
        #expect(manager.state(7) == .available)
        #expect(manager.script.attempts.filter { $0.version == 7 }.count == 2)
    }

    @Test("UnaspireThenImmediatelyReaspire, while it still serves")
    func reaspireWhileReady() {
        let manager = Manager()
        manager.aspire("a", 7)
        manager.aspire("b", 1, 2)
        manager.tick(3)
        // Two unloads are to be made: that of `a` comes first, and a list that wants 7 back meanwhile has to wait for it.
        manager.aspire("a")
        manager.aspire("b")
        manager.tick()
        manager.aspire("b", 2)
        manager.tick()
        #expect(manager.emulator.states(of: "b") == [1: .end, 2: .available])
        manager.tick(3)
        #expect(
            manager.emulator.story(of: "b").suffix(5) == ["2 UNLOADING", "2 END", "2 START", "2 LOADING", "2 AVAILABLE"])
        #expect(manager.available("b") == [2])
    }

    @Test("UnaspireFailedServableThenImmediatelyReaspire")
    func unaspireFailedServableThenImmediatelyReaspire() {
        let manager = Manager.withTwoModels([7: [.failed(loadError), .failed(loadError), .loaded]])
        manager.aspire("a", 7)
        manager.tick(10)
        #expect(manager.state(7) == .end)
        manager.aspire("a")
        manager.tick()
        manager.aspire("a", 7)
        // It is forgotten at the beginning of a step, so that the list can be taken up in the same.
        manager.tick()
        #expect(manager.state(7) == .available)
    }

    @Test("UnaspireNewServableThenImmediatelyReaspire")
    func unaspireNewServableThenImmediatelyReaspire() {
        let manager = Manager.withTwoModels()
        // The other model keeps the manager busy, so that 7 stays new.
        manager.aspire("b", 1)
        manager.aspire("a", 1, 7)
        manager.tick()
        #expect(manager.state(7) == .start)
        manager.aspire("a", 1)
        manager.tick()
        // Nobody hears of its end, for it had never begun.
        manager.tick(5)
        #expect(manager.state(7) == .start)
        #expect(manager.script.attempts.allSatisfy { $0.version != 7 })
        manager.aspire("a", 7)
        manager.tick(2)
        #expect(manager.available() == [7])
        #expect(manager.script.attempts.filter { $0.version == 7 }.count == 1)
    }

    @Test("ReloadAspiredError", arguments: [true, false])
    func reloadAspiredError(reloads: Bool) {
        let manager = Manager([2: [.failed(loadError), .failed(loadError), .loaded]], reloads: reloads)
        manager.aspire("a", 1)
        manager.tick()
        #expect(manager.available() == [1])
        manager.aspire("a", 2)
        manager.tick(5)
        #expect(manager.state(2) == .end)
        manager.aspire("a", 2)
        manager.tick(5)
        #expect(manager.available() == (reloads ? [2] : [1]))
        #expect(manager.state(2) == (reloads ? .available : .end))
    }

    @Test("ListAvailableServableIds")
    func listAvailableServableIds() {
        let manager = Manager.withTwoModels([7: [.failed(loadError)]])
        manager.aspire("a", 7)
        manager.tick(10)
        manager.aspire("a")
        manager.tick(3)
        #expect(manager.emulator.states(of: "a") == [0: .end, 1: .end, 7: .end])
        #expect(manager.available("b") == [0, 1])
    }

    @Test("EventBusServableLifecycle")
    func eventBusServableLifecycle() {
        let manager = Manager([7: [.pending]])
        manager.aspire("a", 7)
        manager.tick(3)
        #expect(manager.state(7) == .loading)
        manager.script[7] = [.loaded]
        manager.tick()
        #expect(manager.state(7) == .available)
        manager.aspire("a")
        manager.tick()
        #expect(
            manager.emulator.story(of: "a") == ["7 START", "7 LOADING", "7 AVAILABLE", "7 UNLOADING", "7 END"])
        #expect(manager.emulator.statuses(of: "a")[7] == .ok)
    }

    // MARK: What the original doesn't test by itself

    @Test("the highest new version is loaded first, and one thing is done in a step")
    func order() {
        let manager = Manager()
        manager.aspire("a", 3, 20, 7)
        for expected in [[20], [7, 20], [3, 7, 20]] as [[Int64]] {
            manager.tick()
            #expect(manager.available() == expected)
        }
    }

    @Test("of two unwanted versions one goes before the new one comes, the other after")
    func replacesTwo() {
        let manager = Manager()
        manager.aspire("a", 1, 2)
        manager.tick(2)
        manager.aspire("a", 3)
        manager.tick(3)
        #expect(
            manager.emulator.story(of: "a").dropFirst(6) == [
                "3 START", "1 UNLOADING", "1 END", "3 LOADING", "3 AVAILABLE", "2 UNLOADING", "2 END",
            ])
    }

    @Test("six attempts a minute apart, and then never again")
    func retries() {
        let script = LoadScript([2: [.failed(loadError)]])
        let emulator = TensorFlowServingEmulator(models: [], options: EmulatorOptions(load: { script.outcome($0) }))
        emulator.tick(now: .zero)
        let wanted = AspiredVersions(model: "a", versions: [ServableVersion(version: 2, path: "/a/2")])
        var attemptTimes: [Int] = []
        for second in 0..<1000 {
            emulator.state.withLock { $0.enqueue(wanted) }
            let before = script.attempts.count
            emulator.tick(now: .seconds(second))
            if script.attempts.count > before { attemptTimes.append(second) }
            #expect(emulator.states(of: "a") == [2: second < 300 ? .loading : .end])
        }
        #expect(attemptTimes == [0, 60, 120, 180, 240, 300])
    }

    @Test("a load that is tried again keeps the manager from everything else, unless there are threads for it")
    func blocked() {
        for threads in [0, 1] {
            let manager = Manager([7: [.pending]], loadThreads: threads)
            manager.aspire("a", 1)
            manager.aspire("b", 1)
            manager.tick(2)
            manager.aspire("a", 7)
            manager.tick()
            manager.aspire("b")
            manager.tick(10)
            #expect(manager.state(7) == .loading)
            #expect(manager.available("b") == (threads == 0 ? [1] : []))
            manager.script[7] = [.loaded]
            manager.tick(3)
            #expect(manager.available("a") == [7])
            #expect(manager.available("b") == [])
        }
    }

    @Test("with one thread the second load waits for the first")
    func queue() {
        let manager = Manager([7: [.pending]], loadThreads: 1)
        manager.aspire("a", 6, 7)
        manager.tick(5)
        #expect(manager.emulator.states(of: "a") == [6: .loading, 7: .loading])
        #expect(manager.script.attempts.allSatisfy { $0.version == 7 })
        manager.script[7] = [.loaded]
        manager.tick(2)
        #expect(manager.available() == [6, 7])
    }

    @Test("what is no longer wanted is not tried again, and unloaded at once if it loads after all")
    func cancelled() {
        let manager = Manager([7: [.pending], 8: [.pending]], loadThreads: 4, retries: 5)
        manager.aspire("a", 7, 8)
        manager.tick(2)
        manager.aspire("a", 1)
        manager.tick(2)
        #expect(manager.emulator.states(of: "a") == [1: .available, 7: .loading, 8: .loading])
        manager.script[7] = [.failed(loadError)]
        manager.script[8] = [.loaded]
        manager.tick(5)
        #expect(manager.emulator.states(of: "a") == [1: .available, 7: .end, 8: .end])
        #expect(manager.emulator.statuses(of: "a")[7] == loadError)
        #expect(manager.emulator.statuses(of: "a")[8] == ServingStatus(.cancelled, "Loading of servable cancelled"))
        #expect(manager.emulator.story(of: "a").allSatisfy { $0 != "8 AVAILABLE" })
        #expect(manager.emulator.history(of: "a") == [0, 1])
    }

    @Test("a later list of a model takes the place of one that waits")
    func superseded() {
        let manager = Manager()
        manager.aspire("a", 1)
        manager.aspire("a", 2)
        manager.tick(3)
        #expect(manager.emulator.states(of: "a") == [2: .available])
    }
}

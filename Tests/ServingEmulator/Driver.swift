import NIOCore

/// The threads and the port that a running emulator has.
struct Driver: Sendable {
    let server: RESTServer
    let pollInterval: Duration
    let threads: [PeriodicThread]
}

/// Something that is asked of an emulator in the wrong state.
public struct EmulatorError: Error, CustomStringConvertible {
    public let description: String
}

extension TensorFlowServingEmulator {
    /// Makes the steps on threads of its own from now on, and serves REST on a port of 127.0.0.1 whenever the process would.
    /// - Parameters:
    ///   - pollInterval: between two looks at the base paths; zero for one look only, less for none at all.
    ///   - tickInterval: between two steps of the manager.
    /// - Throws: `EmulatorError` if it runs already, `IOError` if there is no port to be had.
    public func start(
        pollEvery pollInterval: Duration = .milliseconds(10), tickEvery tickInterval: Duration = .milliseconds(5)
    ) throws {
        try driver.withLock { driver in
            guard driver == nil else { throw EmulatorError(description: "the emulator runs already") }
            let server = try RESTServer { [weak self] in self?.answer($0, $1) }
            var threads: [PeriodicThread] = []
            if pollInterval >= .zero {
                // An error is kept for whoever asks; the next look comes anyway.
                threads.append(PeriodicThread(every: pollInterval) { [self] in _ = try? poll() })
            }
            let begin = ContinuousClock.now
            threads.append(
                PeriodicThread(every: tickInterval) { [self] in
                    tick(now: ContinuousClock.now - begin)
                    follow(with: server)
                    changed()
                })
            driver = Driver(server: server, pollInterval: pollInterval, threads: threads)
        }
    }

    /// Starts, calls `body`, and stops whatever comes of that. The parameters are those of `start`.
    public func running<Result>(
        pollEvery pollInterval: Duration = .milliseconds(10), tickEvery tickInterval: Duration = .milliseconds(5),
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
    ) async throws -> Result {
        try start(pollEvery: pollInterval, tickEvery: tickInterval)
        do {
            let result = try await body()
            await stop()
            return result
        } catch {
            await stop()
            throw error
        }
    }

    /// Ends threads, connections and the event loop, and lets go whoever waits. A test's `load` has to return for that.
    public func stop() async {
        guard
            let driver = driver.withLock({ driver in
                defer { driver = nil }
                return driver
            })
        else { return }
        for thread in driver.threads { await thread.stop() }
        await driver.server.shutdown()
        waiters.check(isLast: true)
    }

    /// Whether connections are accepted at this moment.
    public var isListening: Bool { driver.withLock { $0?.server.isOpen ?? false } }

    /// `http://127.0.0.1:PORT`, the same over restarts; `nil` unless it runs.
    public var url: String? { driver.withLock { $0.map { "http://127.0.0.1:\($0.server.port)" } } }

    /// Replaces the list of models and the interval with it, which no running server allows to change.
    /// - Parameters:
    ///   - models: the new list.
    ///   - pollInterval: between two looks at the base paths.
    /// - Returns: the empty lists that are handed to the manager at once, for models that are gone.
    /// - Throws: why the list is refused; then nothing changes.
    @discardableResult
    public func updateConfig(models: [EmulatedModel], pollEvery pollInterval: Duration) throws(ServingStatus) -> [AspiredVersions]
    {
        if let running = driver.withLock({ $0?.pollInterval }), running != pollInterval {
            throw ServingStatus(.invalidArgument, "Changing file_system_poll_wait_seconds is not supported")
        }
        return try updateConfig(models: models)
    }

    /// Waits until a condition holds, which is asked after every step and every change from outside.
    /// - Parameters:
    ///   - timeout: how long at most.
    ///   - condition: asked on whichever thread made the change.
    /// - Returns: whether it holds, `false` after the timeout or `stop`, or at once if there are no threads.
    public func wait(
        timeout: Duration = .seconds(60), until condition: @escaping @Sendable (TensorFlowServingEmulator) -> Bool
    ) async -> Bool {
        await withCheckedContinuation { continuation in
            let deadline = ContinuousClock.now + timeout
            waiters.add(Waiters.Waiter(deadline: deadline, condition: { condition(self) }, continuation: continuation))
            waiters.check(isLast: driver.withLock { $0 == nil })
        }
    }

    func changed() { waiters.check() }

    func closeSockets() async {
        guard let server = driver.withLock({ $0?.server }) else { return }
        try? await server.close().get()
    }

    /// Has the port accept connections as long as the process serves, and refuse them otherwise.
    private func follow(with server: RESTServer) {
        let (number, isServing) = state.withLock { ($0.number, $0.phase == .serving) }
        if isServing {
            try? server.open { [weak self] in
                self?.state.withLock { $0.number == number && $0.phase == .serving } ?? false
            }.wait()
        } else {
            try? server.close().wait()
        }
    }
}

import S3Fixture
import Servables
import Testing
import Transfer

@testable import S3

@Suite("Refreshing credentials")
struct CredentialRefreshTests {
    /// An agent that gives numbered credentials, and can be told to fail or to keep one waiting.
    private struct Scene: Sendable {
        let time = ManualTime()
        let telemetry = TestTelemetry()
        let life = Box(Duration.seconds(3600))
        let fails = Box(false)
        let asked = Box(0)
        let gate = Box<SharedAnswer<Void>?>(nil)
        let chain: CredentialChain

        init() {
            let (time, life, fails, asked, gate) = (time, life, fails, asked, gate)
            let transport = StubTransport { (_, _) throws(TransportError) in
                asked.change { $0 += 1 }
                let number = asked.value
                if let gate = gate.value { _ = await gate.value() }
                if fails.value { return HTTPResponse(403, "") }
                return HTTPResponse(
                    200, Answers.json(id: "KEY\(number)", expires: time.now().advanced(by: life.value).description))
            }
            chain = CredentialChain(
                CredentialSearch(["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/c"], transport: transport, time: time),
                telemetry: telemetry)
        }

        func key() async throws -> String? { try await chain.credentials()?.accessKeyID }

        /// Waits until what is under way in the background has given these.
        func settled(_ key: String) async throws { try await until { try await self.key() == key } }

        func asked(_ count: Int) async throws { try await until { asked.value >= count } }

        func warned(_ count: Int) async throws { try await until { telemetry.warnings.count >= count } }

        private func until(_ condition: () async throws -> Bool) async throws {
            let deadline = ContinuousClock.now + .seconds(20)
            while try await !condition() {
                try #require(ContinuousClock.now < deadline, "\(asked.value) looks: \(telemetry.events)")
                await Task.yield()
            }
        }
    }

    @Test("until 15 minutes before they expire they are kept; then they are renewed while they serve on")
    func ahead() async throws {
        let scene = Scene()
        #expect(try await scene.key() == "KEY1")
        scene.time.advance(.seconds(44 * 60))
        #expect(try await scene.key() == "KEY1")
        #expect(scene.asked.value == 1)
        // The agent does not answer, and nobody waits for it.
        let gate = SharedAnswer<Void>()
        scene.gate.value = gate
        scene.time.advance(.seconds(61))
        #expect(try await scene.key() == "KEY1")
        #expect(try await scene.key() == "KEY1")
        try await scene.asked(2)
        #expect(scene.asked.value == 2)
        gate.give(())
        try await scene.settled("KEY2")
        #expect(
            scene.telemetry.notices == [
                "credentials: the container's agent, valid until \(Answers.expiration) and renewed before"
            ])
    }

    @Test("credentials that live shortly are renewed after half of their life")
    func short() async throws {
        let scene = Scene()
        scene.life.value = .seconds(600)
        #expect(try await scene.key() == "KEY1")
        scene.time.advance(.seconds(299))
        #expect(try await scene.key() == "KEY1")
        #expect(scene.asked.value == 1)
        scene.time.advance(.seconds(1))
        #expect(try await scene.key() == "KEY1")
        try await scene.settled("KEY2")
    }

    @Test("a refresh that fails is said, tried again a minute later, and stops nobody until they have expired")
    func failing() async throws {
        let scene = Scene()
        #expect(try await scene.key() == "KEY1")
        scene.fails.value = true
        scene.time.advance(.seconds(50 * 60))
        #expect(try await scene.key() == "KEY1")
        try await scene.warned(1)
        #expect(scene.telemetry.warnings[0].contains("cannot be renewed: get container credentials from 169.254.170.2: 403"))
        #expect(scene.telemetry.warnings[0].hasSuffix("going on with the old ones, which are valid until \(Answers.expiration)"))
        scene.time.advance(.seconds(59))
        #expect(try await scene.key() == "KEY1")
        // A look would be under way by then.
        for _ in 0..<1_000 { await Task.yield() }
        #expect(scene.asked.value == 2)
        scene.time.advance(.seconds(1))
        #expect(try await scene.key() == "KEY1")
        try await scene.asked(3)
        try await scene.warned(2)
        scene.time.advance(.seconds(10 * 60))
        let failure = await failure { () throws(Failure) in try await scene.chain.credentials() }
        #expect(failure?.kind == .denied)
        scene.fails.value = false
        #expect(try await scene.key() == "KEY5")
    }

    @Test("many that ask at once wait for one look")
    func once() async throws {
        let scene = Scene()
        let gate = SharedAnswer<Void>()
        scene.gate.value = gate
        try await withThrowingTaskGroup(of: String?.self) { group in
            for _ in 0..<32 { group.addTask { try await scene.key() } }
            try await scene.asked(1)
            gate.give(())
            for try await key in group { #expect(key == "KEY1") }
        }
        #expect(scene.asked.value == 1)
    }

    @Test("whoever is cancelled waits no longer, and the look goes on for the others")
    func cancelled() async throws {
        let scene = Scene()
        let gate = SharedAnswer<Void>()
        scene.gate.value = gate
        let waiting = Task { await failure { () throws(Failure) in try await scene.chain.credentials() } }
        try await scene.asked(1)
        waiting.cancel()
        #expect(await waiting.value?.kind == .busy)
        gate.give(())
        #expect(try await scene.key() == "KEY1")
        #expect(scene.asked.value == 1)
    }

    @Test("refused ones are looked for anew at once, but not twice within a minute")
    func refused() async throws {
        let scene = Scene()
        let first = try #require(try await scene.chain.credentials())
        #expect(await scene.chain.refresh(insteadOf: first) == false)
        #expect(scene.asked.value == 1)
        scene.time.advance(.seconds(60))
        #expect(await scene.chain.refresh(insteadOf: first))
        #expect(try await scene.key() == "KEY2")
        // Another request that was refused with the old ones finds the new ones there.
        #expect(await scene.chain.refresh(insteadOf: first))
        #expect(scene.asked.value == 2)
        scene.time.advance(.seconds(60))
        #expect(await scene.chain.refresh(insteadOf: first), "nor are they asked for again later")
        #expect(scene.asked.value == 2)
        scene.fails.value = true
        let second = try #require(try await scene.chain.credentials())
        #expect(await scene.chain.refresh(insteadOf: second) == false)
        #expect(try await scene.key() == "KEY2")
    }

    @Test("where ours is the clock that is wrong, fresh ones are used and it is said, once a minute")
    func wrongClock() async throws {
        let scene = Scene()
        scene.life.value = .seconds(-7200)
        #expect(try await scene.key() == "KEY1")
        #expect(try await scene.key() == "KEY1")
        #expect(scene.telemetry.warnings.count == 1)
        #expect(scene.telemetry.warnings[0].contains("is this machine's clock right?"))
        scene.time.advance(.seconds(60))
        #expect(try await scene.key() == "KEY2")
    }

    @Test("a store's refusal of an expired token is answered by one refresh and one more try")
    func inFlight() async throws {
        let scene = Scene()
        func key(_ number: Int, isExpired: Bool) -> FixtureCredentials {
            FixtureCredentials(accessKey: "KEY\(number)", secretKey: "s", sessionToken: "t", isExpired: isExpired)
        }
        try await Store.with(FixtureOptions(credentials: [key(1, isExpired: false)]), credentials: scene.chain) { store in
            #expect(try await store.list() == [])
            // The store ends the session before the time that was told.
            store.server.change { $0.credentials = [key(1, isExpired: true), key(2, isExpired: false)] }
            scene.time.advance(.seconds(61))
            #expect(try await store.list() == [])
            #expect(store.telemetry.retries == ["credentials"])
            #expect(store.time.sleeps.isEmpty)
            // What is new is refused, too: it is no use to ask again.
            store.server.change { $0.credentials = [key(2, isExpired: true), key(3, isExpired: true)] }
            scene.time.advance(.seconds(61))
            let error = try await s3Error { _ = try await store.list() }
            #expect(error.description.contains("ExpiredToken"), "\(error)")
            #expect(scene.asked.value == 3)
        }
    }
}

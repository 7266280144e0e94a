import FileIO
import Servables
import SystemPackage
import Testing
import Volume

@testable import Agent

extension AgentSuite {
    @Suite("--sync after") struct SyncAfterTests {
        private static let after = VolumeSettings(sync: .after)

        private func agent(_ world: World, _ models: [DesiredModel]? = nil, boot: String = "this boot") -> Agent {
            world.agent(models, settings: Self.after, boot: boot)
        }

        private func isSynced(_ world: World, _ version: Int64, of model: String = "m") throws -> Bool? {
            try world.volume().inventory(model)[Version(number: version)]?.manifest?.isSynced
        }

        /// Counts the syncs of what is in a model's base path.
        private func countSyncs(_ world: World) -> @Sendable () -> [String] {
            let synced = Lock<[String]>([])
            world.recorder.delay { call in
                guard call.operation == .fsync, !call.path.string.contains(".aspired") else { return }
                synced.withLock { $0.append(call.path.components.suffix(3).map(\.string).joined(separator: "/")) }
            }
            return { synced.withLock { $0 } }
        }

        /// Makes syncs of one file wait.
        private func hold(_ world: World, _ file: String, _ operation: FileOperation = .fsync) -> ThreadGate {
            let gate = ThreadGate()
            gate.closeAfter(0)
            world.recorder.delay { call in if call.operation == operation, call.path.string.hasSuffix(file) { gate.pass() } }
            return gate
        }

        private func damage(_ world: World, _ path: String) throws {
            let path = world.root.appending(path)
            let size = try world.files.readFile(path, limit: 1 << 20).count
            try world.files.replaceFile(path, with: [UInt8](repeating: 0, count: size), mode: 0o644)
        }

        // MARK: once

        @Test("once publishes and ends without a sync; the next run of this boot syncs it, and is ready meanwhile")
        func onceThenRun() async throws {
            let world = try World()
            world.source.put("7", ["a": "1", "d/b": "2"])
            let synced = countSyncs(world)
            #expect(await world.once(agent(world)) == [])
            #expect(world.content("m/7/d/b") == "2")
            #expect(!synced().contains { $0.contains("m/7") }, "\(synced())")
            #expect(try isSynced(world, 7) == false)

            let gate = hold(world, "/m/7/a")
            let next = agent(world)
            let running = Task { try await next.run() }
            await world.wait(for: "the sync") { gate.isAnyoneWaiting }
            #expect(await next.unreadiness() == [])
            let status = await next.status().models[0].versions[0]
            #expect(status.state == .published && status.isSynced == false)
            gate.open()
            await world.settle(next)
            #expect(try isSynced(world, 7) == true)
            #expect(await next.status().models[0].versions[0].isSynced == true)
            #expect(world.recorder.lines(of: "out", "warning") == [])
            running.cancel()
            _ = await running.result
        }

        @Test("once syncs what replaces a version before that goes, and only then")
        func oncePrunes() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            #expect(await world.once(agent(world)) == [])
            world.source.put("8", ["a": "2"])
            let gate = ThreadGate()
            gate.closeAfter(0)
            let synced = Lock<[String]>([])
            world.recorder.delay { call in
                guard call.operation == .fsync else { return }
                if call.path.string.hasSuffix("/m/8") { gate.pass() }
                synced.withLock { $0.append(call.path.string) }
            }
            let agent = agent(world)
            let work = Task { await agent.once(timeout: nil) }
            await world.wait(for: "the sync") { gate.isAnyoneWaiting }
            // Each listing makes a turn; the second one already allows to prune.
            for count in 2...5 {
                await agent.syncNow()
                await world.wait(for: "listing \(count)") { world.source.listings >= count }
            }
            #expect(world.names() == ["7", "8"])
            gate.open()
            #expect(await work.value == [])
            #expect(world.names() == ["8"])
            #expect(synced.withLock { $0 }.contains("\(world.root)/m/8/a"))
            #expect(!synced.withLock { $0 }.contains("\(world.root)/m/7/a"), "what goes need not be synced")
            #expect(try isSynced(world, 8) == true)
        }

        // MARK: run

        @Test("Pruning waits for the sync, and no fetch does")
        func pruningWaits() async throws {
            let world = try World("m", "n", "k")
            world.source.put("7", ["a": "1"])
            #expect(await world.once(world.agent()) == [])
            world.source.put("8", ["a": "2"])
            world.source("k").put("8", ["a": "2"])
            let gate = hold(world, "/8/a")
            let agent = agent(world, [world.model("k"), world.model("m"), world.model("n")])
            let running = Task { try await agent.run() }
            await world.wait(for: "the sync") {
                gate.isAnyoneWaiting && world.names() == ["7", "8"] && world.names("k") == ["8"]
            }
            world.source("n").put("1", ["a": "1"])
            world.source.put("9", ["a": "3"])
            await agent.syncNow()
            await world.wait(for: "what is new") { world.names("n") == ["1"] && world.names() == ["7", "8", "9"] }
            gate.open()
            await world.settle(agent)
            #expect(world.names() == ["9"])
            #expect(try isSynced(world, 9) == true && isSynced(world, 1, of: "n") == true)
            running.cancel()
            _ = await running.result
        }

        @Test("Told to stop, it begins no sync any more and notes none; the next start goes on")
        func stops() async throws {
            let world = try World("m", "n")
            world.source("m").put("7", ["a": "1"])
            world.source("n").put("7", ["a": "1"])
            let models = [world.model("m"), world.model("n")]
            #expect(await world.once(agent(world, models)) == [])
            let gate = ThreadGate()
            gate.closeAfter(0)
            let syncs = Lock(0)
            world.recorder.delay { call in
                guard call.operation == .fsync, call.path.string.hasSuffix("/7/a") else { return }
                syncs.withLock { $0 += 1 }
                gate.pass()
            }
            let stopped = agent(world, models)
            let running = Task { try await stopped.run() }
            await world.wait(for: "the sync") { gate.isAnyoneWaiting }
            running.cancel()
            for loop in stopped.reconcilers {
                await world.wait(for: "the loop to end") { await loop.isStopping.withLock { $0 } }
            }
            gate.open()
            _ = await running.result
            #expect(syncs.withLock { $0 } == 1)
            #expect(try isSynced(world, 7) == false && isSynced(world, 7, of: "n") == false)
            world.recorder.delay(nil)
            let running2 = await world.run(agent(world, models))
            #expect(try isSynced(world, 7) == true && isSynced(world, 7, of: "n") == true)
            await running2.stop()
        }

        @Test("Where the sync fails the data is thrown away and fetched again, and what it replaces stays until that is synced")
        func syncFails() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            #expect(await world.once(world.agent()) == [])
            world.source.put("8", ["a": "2"])
            world.source.forgetCalls()
            let failures = Lock(1)
            world.recorder.fail { call in
                guard call.operation == .fsync, call.path.string.hasSuffix("/m/8/a") else { return .proceed }
                return failures.withLock { left in
                    left -= 1
                    return left >= 0 ? .fail(.ioError) : .proceed
                }
            }
            let agent = agent(world)
            let running = await world.run(agent)
            #expect(world.recorder.lines(of: "in", "out") == ["in m/7", "in m/8", "out m/8", "in m/8", "out m/7"])
            #expect(world.recorder.lines(of: "warning").count == 1)
            #expect(world.source.fetches == [.fetch("8", "a"), .fetch("8", "a")])
            #expect(world.names() == ["8"])
            #expect(try isSynced(world, 8) == true)
            await running.stop()
        }

        @Test("A record that cannot be written holds up nothing, and is tried again")
        func recordFails() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            #expect(await world.once(world.agent()) == [])
            world.source.put("8", ["a": "2"])
            // The first is the publication's own.
            let writes = Lock(0)
            world.recorder.fail { call in
                guard call.operation == .rename, call.path.string.hasSuffix("/8.json.new") else { return .proceed }
                return writes.withLock { count in
                    count += 1
                    return count > 1 ? .fail(.noSpace) : .proceed
                }
            }
            let agent = agent(world)
            let running = await world.run(agent)
            #expect(world.names() == ["8"])
            #expect(try isSynced(world, 8) == false)
            #expect(!world.recorder.lines(of: "sync failed").isEmpty)
            world.recorder.fail(nil)
            let synced = countSyncs(world)
            await world.pass(.seconds(120), agent)
            #expect(try isSynced(world, 8) == true)
            #expect(synced() == [], "it is not synced a second time")
            await running.stop()
        }

        @Test("What is republished is synced before the old one goes, whatever the setting")
        func republished() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent(recheck: .seconds(60), onChanged: .republish, settings: Self.after)
            let running = await world.run(agent)
            world.source.change("7", "a", to: "2")
            let synced = Lock<[String]>([])
            let atOut = Lock<[String]>([])
            let records = Lock(0)
            world.recorder.delay { call in
                if call.operation == .rename, call.path.string.hasSuffix("/7.json.new") { records.withLock { $0 += 1 } }
                if call.operation == .fsync { synced.withLock { $0.append(call.path.string) } }
                if call.operation == .rename, call.path.string.hasSuffix("/m/7") {
                    atOut.withLock { $0 = synced.withLock { $0 } }
                }
            }
            await world.pass(.seconds(61), agent)
            await world.pass(World.republishPause, agent)
            #expect(world.content("m/7/a") == "2")
            #expect(atOut.withLock { $0 }.contains { $0.hasSuffix("staging/m/7/tree/a") })
            #expect(records.withLock { $0 } == 1, "it is published as synced")
            #expect(try isSynced(world, 7) == true)
            await running.stop()
        }

        // MARK: Another boot

        @Test("In another boot it is read before the model is ready; whole, it stays, is synced, and nothing is fetched")
        func otherBootWhole() async throws {
            let world = try World()
            world.source.put("7", ["a": "1", "b": "2"])
            #expect(await world.once(agent(world, boot: "boot before")) == [])
            world.source.forgetCalls()
            world.source.fail(.list, .unavailable, isTransient: true)
            let gate = hold(world, "/m/7/b", .read)
            let next = world.agent()
            let running = Task { try await next.run() }
            await world.wait(for: "the comparison") { gate.isAnyoneWaiting }
            let reason = "version 7 was not synced before the machine went down: it is read and compared with its checksums"
            #expect(await next.status().models[0].versions[0].reason == reason)
            #expect(await next.unreadiness().count == 1)
            gate.open()
            await world.settle(next)
            #expect(await next.unreadiness() == [], "an outage is none of its business")
            #expect(try isSynced(world, 7) == true)
            #expect(world.source.fetches == [] && world.recorder.lines(of: "out", "warning") == [])
            running.cancel()
            _ = await running.result
        }

        @Test("What the crash damaged goes out and is fetched anew, and the model is not ready before, whatever else it has")
        func otherBootDamaged() async throws {
            let world = try World()
            let two = [world.model("m", .latest(2))]
            for name in ["7", "8"] { world.source.put(name, ["a": "content \(name)"]) }
            #expect(await world.once(agent(world, two, boot: "boot before")) == [])
            try damage(world, "m/8/a")
            world.recorder.forget()
            world.source.close(.fetch("8", "a"))
            let next = agent(world, two)
            let running = await world.run(next)
            #expect(world.recorder.lines(of: "in", "out") == ["out m/8"])
            #expect(world.recorder.lines(of: "warning").count == 1)
            #expect(world.names() == ["7"])
            #expect(await next.unreadiness() == ["m: waiting for version 8"])
            world.source.open(.fetch("8", "a"))
            await world.settle(next)
            #expect(world.content("m/8/a") == "content 8")
            #expect(await next.unreadiness() == [])
            #expect(try isSynced(world, 7) == true && isSynced(world, 8) == true)
            await running.stop()
        }

        @Test("once does not end before either: what is damaged is fetched anew, and a fetch that fails is its failure")
        func otherBootOnce() async throws {
            let world = try World()
            world.source.put("7", ["a": "1", "b": "2"])
            #expect(await world.once(agent(world, boot: "boot before")) == [])
            try damage(world, "m/7/a")
            world.source.fail(.fetch("7", "a"), .denied, isTransient: false)
            #expect(await world.once(agent(world)).map(\.kind) == [.denied])
            #expect(world.names() == [])
            world.source.heal(.fetch("7", "a"))
            #expect(await world.once(agent(world)) == [])
            #expect(world.content("m/7/a") == "1")

            // Whole ones are read by it, too.
            #expect(try isSynced(world, 7) == false)
            #expect(await world.once(agent(world, boot: "boot after")) == [])
            #expect(try isSynced(world, 7) == true)
        }

        @Test("A stand-by is not ready while what the volume holds is in doubt")
        func standby() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            #expect(await world.once(agent(world, boot: "boot before")) == [])
            let gate = hold(world, "/m/7/a", .read)
            let first = world.agent()
            let one = Task { try await first.run() }
            await world.wait(for: "the comparison") { gate.isAnyoneWaiting }
            let second = world.agent()
            let two = World.Running(agent: second, task: Task { try await second.run() })
            await world.wait(for: "the second to stand by") { world.time.isAnyone(sleeping: .seconds(1)) }
            #expect(await second.unreadiness().count == 1)
            gate.open()
            await world.wait(for: "the second to be ready") { await second.unreadiness().isEmpty }
            await two.stop()
            one.cancel()
            _ = await one.result
        }

        @Test("Without its manifest the newest version is compared with its source before the model is ready")
        func noManifest() async throws {
            let world = try World()
            let two = [world.model("m", .latest(2))]
            for name in ["7", "8"] { world.source.put(name, ["a": "content \(name)"]) }
            #expect(await world.once(agent(world, two)) == [])
            try world.place(".aspired/manifests/m", ["8.json": ""])
            try damage(world, "m/8/a")
            world.source.close(.list)
            let next = agent(world, two)
            let running = await world.run(next)
            #expect(await next.unreadiness() == ["m: version 8 has no manifest: it is compared with its source before it counts"])
            world.source.close(.fetch("8", "a"))
            world.source.open(.list)
            await world.settle(next)
            #expect(await next.unreadiness().count == 1)
            world.source.open(.fetch("8", "a"))
            await world.pass(World.republishPause, next)
            #expect(world.content("m/8/a") == "content 8")
            #expect(await next.unreadiness() == [])
            await running.stop()
        }

        @Test("Somebody else's directory below what is published holds up nothing")
        func foreign() async throws {
            let world = try World()
            try world.place("m/3", ["a": "theirs"])
            world.source.put("7", ["a": "1"])
            #expect(await world.once(agent(world)) == [])
            world.source.fail(.list, .unavailable, isTransient: true)
            let next = agent(world)
            let running = await world.run(next)
            #expect(await next.unreadiness() == [])
            await running.stop()
        }
    }
}

import FileIO
import Servables
import SystemPackage
import Testing
import Volume

@testable import Agent

extension AgentSuite {
    @Suite("Standing by") struct StandbyTests {
        @Test(
            "A second agent says who holds the volume, writes nothing, answers from the volume, and takes over when the first ends"
        )
        func takesOver() async throws {
            let world = try World()
            let first = world.agent()
            let one = await world.run(first)
            let second = world.agent()
            let two = World.Running(agent: second, task: Task { try await second.run() })
            await world.wait(for: "the second to stand by") { world.time.isAnyone(sleeping: .seconds(1)) }
            #expect(world.recorder.lines(of: "standby").count == 1)
            #expect(await second.unreadiness() == ["m: another agent holds the volume and has published no version yet"])
            guard case .standby(let holder) = await second.status().role else {
                Issue.record("the second stands by")
                return
            }
            #expect(holder.contains("pid "))
            #expect(await second.illnesses() == [])

            world.source.put("7", ["a": "1"])
            await first.syncNow()
            await world.wait(for: "the version") { !world.recorder.lines(of: "published").isEmpty }
            #expect(await second.unreadiness() == [])
            #expect(await second.status().models[0].versions.map(\.state) == [.published])
            let published = world.recorder.lines(of: "published")
            #expect(published.count == 1)

            await one.stop()
            world.source.put("8", ["a": "2"])
            while second.reconcilers.isEmpty, world.time.uptime() < .seconds(60) {
                world.time.moveToNext()
                await world.wait(for: "the second to look") {
                    !second.reconcilers.isEmpty || world.time.isAnyone(sleeping: .seconds(1))
                }
            }
            await world.settle(second)
            #expect(world.recorder.lines(of: "took over").count == 1)
            #expect(world.names() == ["8"])
            #expect(await second.status().role == .active)
            await two.stop()
        }

        @Test("Stopped while it stands by, it ends and leaves the holder's lock alone")
        func stopsStandingBy() async throws {
            let world = try World()
            let one = await world.run(world.agent())
            let second = world.agent()
            let two = World.Running(agent: second, task: Task { try await second.run() })
            await world.wait(for: "the second to stand by") { world.time.isAnyone(sleeping: .seconds(1)) }
            await two.stop()
            #expect(world.state(".").contains("holder"))
            #expect(world.recorder.lines(of: "took over") == [])
            await one.stop()
            #expect(!world.state(".").contains("holder"))
        }

        @Test("The lock is held until nothing writes any more")
        func holdsTheLock() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            _ = await world.once(world.agent())
            world.source.put("8", ["a": "2"])
            let (pruning, began) = AsyncStream.makeStream(of: Void.self)
            let gate = ThreadGate()
            // The sync of the publish passes, that of the prune does not.
            gate.closeAfter(1)
            world.recorder.fail { call in
                // Not at the rename itself, which is recorded under the recorder's lock.
                guard call.operation == .rename, call.path.string.hasSuffix("/m/7") else { return .proceed }
                began.yield()
                return .proceed
            }
            world.recorder.delay { call in if call.operation == .fsync, call.path.string.hasSuffix("/models/m") { gate.pass() } }
            let agent = world.agent()
            let task = Task { try await agent.run() }
            for await _ in pruning { break }
            task.cancel()
            let third = world.agent()
            let waiting = Task { await third.once(timeout: .milliseconds(1)) }
            await world.wait(for: "the third to find the volume held") {
                guard world.time.isAnyone(sleeping: .milliseconds(1)) else { return false }
                world.time.moveToNext(end: world.time.uptime() + .milliseconds(1))
                return true
            }
            gate.open()
            _ = await task.result
            #expect(await waiting.value.map(\.kind) == [.busy])
            #expect(world.names() == ["8"])
        }
    }
}

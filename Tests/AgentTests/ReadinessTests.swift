import FileIO
import Servables
import SystemPackage
import Testing
import Volume

@testable import Agent

extension AgentSuite {
    @Suite("Readiness and health") struct ReadinessTests {
        @Test("With nothing at the start it is ready when all versions first chosen are published")
        func fromNothing() async throws {
            let world = try World()
            for name in ["6", "7"] { world.source.put(name, ["a": name]) }
            world.source.close(.fetch("6", "a"))
            let agent = world.agent([world.model("m", .latest(2))])
            let running = await world.run(agent)
            #expect(world.names() == ["7"])
            #expect(await agent.unreadiness() == ["m: waiting for version 6"])
            #expect(await agent.status().isReady == false)
            world.source.open(.fetch("6", "a"))
            await world.settle(agent)
            #expect(await agent.unreadiness() == [])
            await running.stop()
        }

        @Test("However many versions there are, few are asked at once, and all in the end")
        func asksAtOnce() async throws {
            let world = try World()
            for number in 1...30 {
                world.source.put("\(number)", ["a": "\(number)"])
                world.source.close(.contents("\(number)"))
            }
            let agent = world.agent([world.model("m", .all)])
            let running = await world.run(agent)
            func waiting() -> Int { world.source.waiting { if case .contents = $0 { true } else { false } } }
            #expect(waiting() == AgentSettings.asksAtOnce)
            for number in 1...30 { world.source.open(.contents("\(number)")) }
            await world.settle(agent)
            #expect(world.names().count == 30)
            await running.stop()
        }

        @Test("With something at the start it is ready at once")
        func fromSomething() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            _ = await world.once(world.agent())
            world.source.put("8", ["a": "2"])
            world.source.close(.fetch("8", "a"))
            let agent = world.agent()
            let running = await world.run(agent)
            #expect(await agent.unreadiness() == [])
            await running.stop()
        }

        @Test("Once ready, it stays so, whatever happens")
        func latched() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent()
            let running = await world.run(agent)
            #expect(await agent.unreadiness() == [])
            try world.files.removeTree(world.root.appending("m"))
            world.source.fail(.list, .denied, isTransient: false)
            await world.pass(.seconds(100), agent)
            #expect(await agent.unreadiness() == [])
            #expect(await agent.status().isReady == true)
            await running.stop()
        }

        @Test("The newest version that is ready is enough; a newer one that appears meanwhile does not hold it up")
        func listMovesOn() async throws {
            let world = try World()
            world.source.put("7", ["a": "0123456789"])
            world.source.close(.fetch("7", "a"), after: 1)
            let agent = world.agent()
            let running = await world.run(agent)
            #expect(await agent.unreadiness() == ["m: waiting for version 7"])
            world.source.put("8", ["a": "1"])
            await agent.syncNow()
            await world.settle(agent)
            #expect(world.names() == ["8"])
            #expect(await agent.unreadiness() == [])
            await running.stop()
        }

        @Test("A version that is named is waited for: absent, held, or failing", arguments: ["absent", "held", "failing"])
        func named(how: String) async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            if how != "absent" { world.source.put("8", ["a": "2"]) }
            if how == "held" { world.source.hold("8", "no marker yet") }
            if how == "failing" { world.source.fail(.fetch("8", "a"), .unavailable, isTransient: true) }
            let agent = world.agent([world.model("m", .specific([7, 8]))])
            let running = await world.run(agent)
            await world.pass(.seconds(40), agent)
            #expect(world.names() == ["7"])
            #expect(await agent.unreadiness().count == 1)
            world.source.unhold("8")
            world.source.heal(.fetch("8", "a"))
            world.source.put("8", ["a": "2"])
            await world.pass(.seconds(90), agent)
            #expect(world.names() == ["7", "8"])
            #expect(await agent.unreadiness() == [])
            await running.stop()
        }

        @Test("What keeps it from being ready is said", arguments: ["outage", "contents", "held", "empty"])
        func reasons(how: String) async throws {
            let world = try World()
            if how != "empty" { world.source.put("7", ["a": "1"]) }
            switch how {
            case "outage": world.source.fail(.list, .unavailable, isTransient: true)
            case "contents": world.source.fail(.contents("7"), .unavailable, isTransient: true)
            case "held": world.source.hold("7", "no marker yet")
            default: break
            }
            let agent = world.agent()
            let running = await world.run(agent)
            let reason = try #require(await agent.unreadiness().first)
            let expected = [
                "outage": "scripted", "contents": "scripted", "held": "version 7 is held: no marker yet",
                "empty": "no version that is ready",
            ]
            #expect(reason.contains(try #require(expected[how])), "\(reason)")
            await running.stop()
        }

        @Test("A model that is not required holds up nothing")
        func notRequired() async throws {
            let world = try World("must", "may")
            world.source("must").put("7", ["a": "1"])
            let agent = world.agent([world.model("must"), world.model("may", isRequired: false)])
            let running = await world.run(agent)
            #expect(await agent.unreadiness() == [])
            await running.stop()
        }

        @Test("A volume that hangs is ill health, an outage and a hanging fetch are none")
        func health() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.source.close(.fetch("7", "a"))
            let agent = world.agent()
            let running = await world.run(agent)
            world.source.fail(.list, .unavailable, isTransient: true)
            await world.pass(.seconds(300), agent)
            #expect(await agent.illnesses() == [])
            let gate = ThreadGate()
            gate.closeAfter(0)
            world.recorder.delay { call in if call.operation == .list, call.path.string.hasSuffix("/models/m") { gate.pass() } }
            world.time.moveToNext(end: world.time.uptime() + .seconds(31))
            await world.wait(for: "the look to hang") { gate.isAnyoneWaiting }
            world.time.moveToNext(end: world.time.uptime() + .seconds(91))
            #expect(await agent.illnesses().count == 1)
            gate.open()
            await world.settle(agent)
            #expect(await agent.illnesses() == [])
            await running.stop()
        }

        @Test("A volume that hangs from the first look on is ill health, too")
        func hangsFromTheStart() async throws {
            let world = try World()
            let gate = ThreadGate()
            gate.closeAfter(0)
            world.recorder.delay { call in if call.operation == .list, call.path.string.hasSuffix("/models/m") { gate.pass() } }
            let agent = world.agent()
            let task = Task { try await agent.run() }
            // The look may hang before the agent says whose it is.
            await world.wait(for: "the look to hang") { gate.isAnyoneWaiting && !agent.reconcilers.isEmpty }
            #expect(await agent.illnesses() == [])
            world.time.moveToNext(end: .seconds(91))
            #expect(await agent.illnesses().count == 1)
            gate.open()
            task.cancel()
            _ = await task.result
        }
    }
}

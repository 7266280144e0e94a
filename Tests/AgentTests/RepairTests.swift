import FileIO
import Servables
import SystemPackage
import Testing
import Volume

@testable import Agent

extension AgentSuite {
    @Suite("Damaged versions") struct RepairTests {
        /// Another process beside the agent, as `verify --repair` is one.
        private static func ask(_ world: World, _ version: Version) throws {
            #expect(try world.volume().requestRepair("m", version))
        }

        /// As a disk does that gives back other bytes than it took: neither size nor times tell.
        private static func damage(_ world: World, _ path: String) throws {
            let file = try FileSystem().open(world.root.appending(path), .readWrite)
            try file.write([0], at: 0)
        }

        @Test("What is asked for is fetched anew, whatever of it the volume has, and takes its own place, out and in")
        func repaired() async throws {
            let world = try World()
            world.source.put("7", ["a": "1", "b": "2"])
            let agent = world.agent()
            let running = await world.run(agent)
            try Self.damage(world, "m/7/a")
            try Self.ask(world, Version(number: 7))
            let before = world.source.fetches.count
            world.recorder.forget()
            await world.pass(.seconds(60), agent)
            #expect(world.recorder.lines(of: "in", "out") == ["out m/7", "in m/7"])
            #expect(world.content("m/7/a") == "1" && world.content("m/7/b") == "2")
            #expect(world.source.fetches.count == before + 2, "nothing of a damaged version is reused")
            #expect(!world.state("").contains("repair"))
            world.recorder.forget()
            await world.pass(.seconds(600), agent)
            #expect(world.recorder.lines(of: "in", "out") == [], "once")
            await running.stop()
        }

        @Test("While the source fails, or has not got it, it stays as it is, and is asked for still")
        func unavailable() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent()
            let running = await world.run(agent)
            try Self.damage(world, "m/7/a")
            try Self.ask(world, Version(number: 7))
            world.source.fail(.contents("7"), .unavailable, isTransient: true)
            world.recorder.forget()
            await world.pass(.seconds(300), agent)
            #expect(world.recorder.lines(of: "in", "out") == [])
            #expect(world.state("repair/m") == ["7"])
            world.source.heal(.contents("7"))
            await world.pass(.seconds(600), agent)
            #expect(world.recorder.lines(of: "in", "out") == ["out m/7", "in m/7"])
            await running.stop()
        }

        @Test("once repairs, too; what is no longer aspired goes, and its request with it")
        func once() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            #expect(await world.once(world.agent()) == [])
            try Self.damage(world, "m/7/a")
            try Self.ask(world, Version(number: 7))
            #expect(await world.once(world.agent()) == [])
            #expect(world.content("m/7/a") == "1")

            try Self.ask(world, Version(number: 7))
            world.source.put("8", ["a": "2"])
            world.recorder.forget()
            #expect(await world.once(world.agent()) == [])
            #expect(world.recorder.lines(of: "in", "out") == ["in m/8", "out m/7"])
            #expect(await world.once(world.agent()) == [])
            #expect(world.state("repair/m") == [])
        }
    }
}

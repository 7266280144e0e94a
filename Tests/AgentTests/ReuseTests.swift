import FileIO
import Servables
import SystemPackage
import Testing
import Volume

@testable import Agent

extension AgentSuite {
    @Suite("Reuse of what is published") struct ReuseTests {
        @Test("Of a version that shares files with a published one only the others are fetched, and it says so")
        func shares() async throws {
            let world = try World()
            world.source.put("7", ["a": "0123456789", "b": "abcdefghij", "c": "ABCDEFGHIJ"])
            #expect(await world.once(world.agent()) == [])
            world.source.put("8", like: "7", changing: ["c": "klm"])
            world.source.forgetCalls()
            world.recorder.forget()
            let plan = await Planner(
                volume: world.volume(), workers: AgentWorkers(), settings: AgentSettings(), time: world.time
            ).plan(world.model(), source: world.source)
            #expect(plan.fetches[Version(number: 8)]?.reusedFiles == 2 && plan.fetches[Version(number: 8)]?.missingBytes == 3)
            #expect(await world.once(world.agent()) == [])
            #expect(world.source.fetches == [.fetch("8", "c")])
            #expect(world.content("m/8/a") == "0123456789" && world.content("m/8/c") == "klm")
            #expect(world.recorder.lines(of: "reused") == ["reused m 8 files 2 bytes 20"])
            #expect(world.recorder.lines(of: "fetch") == ["fetch m 8 3/23"])
            #expect(world.recorder.lines(of: "published") == ["published m 8 files 3 bytes 23 fetched 3"])
        }

        @Test("A published file that somebody changed is reported by its path, and its object is fetched")
        func tamperedWith() async throws {
            let world = try World()
            world.source.put("7", ["a": "0123456789", "b": "abcdefghij"])
            #expect(await world.once(world.agent()) == [])
            let published = world.root.appending("m/7/a")
            try world.files.open(published, .readWrite).write(Array("X".utf8), at: 3)
            world.source.put("8", like: "7", changing: [:])
            world.source.forgetCalls()
            world.recorder.forget()
            #expect(await world.once(world.agent()) == [])
            #expect(world.source.fetches == [.fetch("8", "a")])
            #expect(world.content("m/8/a") == "0123456789" && world.content("m/8/b") == "abcdefghij")
            let warning = try #require(world.recorder.lines(of: "warning").first)
            #expect(warning.contains("\(published) is not what it was when it was published"), "\(warning)")
        }

        @Test("With reuse off all is fetched")
        func off() async throws {
            let world = try World()
            world.source.put("7", ["a": "0123456789"])
            #expect(await world.once(world.agent()) == [])
            world.source.put("8", like: "7", changing: [:])
            world.source.forgetCalls()
            #expect(await world.once(world.agent(reuse: .off)) == [])
            #expect(world.source.fetches == [.fetch("8", "a")])
        }
    }
}

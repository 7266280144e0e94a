import FileIO
import Servables
import SystemPackage
import Testing
import Volume

@testable import Agent

extension AgentSuite {
    @Suite("Directories that the agent did not make") struct AdoptionTests {
        @Test("One that equals the source is adopted without being touched")
        func adopts() async throws {
            let world = try World()
            try world.place("m/7", ["a": "1", "b": "22"])
            world.source.put("7", ["a": "1", "b": "22"])
            let before = try world.identities()
            #expect(await world.once(world.agent()) == [])
            #expect(try world.identities() == before)
            #expect(world.source.fetches == [])
            #expect(world.recorder.lines == ["adopted m 7 files 2"])
            #expect(world.state("manifests/m") == ["7.json"])
            // From now on it is ours.
            world.source.put("8", ["a": "2"])
            #expect(await world.once(world.agent()) == [])
            #expect(world.names() == ["8"])
        }

        @Test(
            "One that differs is fetched, taken out, and after the pause put in",
            arguments: [
                ["a": "other"], ["a": "12345", "extra": "x"], ["b": "12345"], [:],
            ])
        func replaces(found: [String: String]) async throws {
            let world = try World()
            try world.place("m/7", found)
            world.source.put("7", ["a": "12345"])
            let agent = world.agent()
            let running = await world.run(agent)
            #expect(world.time.isAnyone(sleeping: World.republishPause))
            #expect(world.names() == [])
            #expect(world.recorder.lines(of: "in", "out") == ["out m/7"])
            await world.pass(World.republishPause, agent)
            #expect(world.names() == ["7"])
            #expect(world.content("m/7/a") == "12345")
            #expect(world.state("trash") == [])
            await running.stop()
        }

        @Test("One that nothing but lengths tells of is fetched, and stays as it is if it has the same bytes")
        func sameBytes() async throws {
            let world = try World()
            try world.place("m/7", ["a": "1"])
            world.source.put("7", ["a": "1"])
            world.source.offerNothing()
            let before = try world.identities()
            #expect(await world.once(world.agent()) == [])
            #expect(try world.identities() == before)
            #expect(world.source.fetches == [.fetch("7", "a")])
            #expect(world.state("manifests/m") == ["7.json"])
            #expect(world.recorder.lines(of: "in", "out") == [])
        }

        @Test("Stopped while it is out, the next start puts it in without fetching")
        func stoppedInThePause() async throws {
            let world = try World()
            try world.place("m/7", ["a": "other"])
            world.source.put("7", ["a": "12345"])
            let running = await world.run(world.agent())
            await running.stop()
            #expect(world.names() == [])
            world.source.forgetCalls()
            #expect(await world.once(world.agent()) == [])
            #expect(world.source.fetches == [])
            #expect(world.content("m/7/a") == "12345")
        }

        @Test(
            "One whose number is spelled otherwise is adopted as it is, or replaced by the source's spelling",
            arguments: [true, false])
        func otherSpelling(isEqual: Bool) async throws {
            let world = try World()
            try world.place("m/7", ["a": isEqual ? "1" : "2"])
            world.source.put("007", ["a": "1"])
            #expect(await world.once(world.agent()) == [])
            #expect(world.names() == [isEqual ? "7" : "007"])
            #expect(world.source.fetches.count == (isEqual ? 0 : 1))
            #expect(await world.once(world.agent()) == [])
        }

        @Test("One that is not aspired is foreign: it stays, is reported once, and hides nothing")
        func foreign() async throws {
            let world = try World()
            try world.place("m/3", ["a": "theirs"])
            world.source.put("7", ["a": "1"])
            let before = try world.identities()
            let agent = world.agent()
            let running = await world.run(agent)
            await world.pass(.seconds(100), agent)
            #expect(world.names() == ["3", "7"])
            #expect(try world.identities().filter { $0.key.contains("/3") } == before)
            #expect(world.recorder.lines(of: "foreign") == ["foreign m 3: a directory without a manifest of ours"])
            #expect(await agent.status().models[0].versions.map(\.state) == [.published, .foreign])
            await running.stop()
        }

        @Test("With --prune-foreign it goes, once what is aspired is in place")
        func pruneForeign() async throws {
            let world = try World()
            try world.place("m/3", ["a": "theirs"])
            world.source.put("7", ["a": "1"])
            #expect(await world.once(world.agent(rules: PlanRules(prunesForeign: true))) == [])
            #expect(world.names() == ["7"])
            #expect(world.recorder.lines(of: "in", "out") == ["in m/7", "out m/3"])
        }

        @Test("A file where an aspired version belongs is left alone, and is the volume's failure")
        func obstacle() async throws {
            let world = try World()
            try world.place("m", ["7": "a file"])
            world.source.put("7", ["a": "1"])
            #expect(await world.once(world.agent()).map(\.kind) == [.volume])
            #expect(world.content("m/7") == "a file")
            #expect(world.source.fetches == [])
        }

        @Test("What is examined and changes at the source meanwhile is not adopted")
        func changesMeanwhile() async throws {
            let world = try World()
            try world.place("m/7", ["a": "1"])
            world.source.put("7", ["a": "1"])
            // Asked once for its readiness, once to examine it; the third listing must still be the same.
            world.source.on(.contents("7")) { first in
                first.on(.contents("7")) { second in second.on(.contents("7")) { $0.put("7", ["a": "1", "b": "2"]) } }
            }
            #expect(await world.once(world.agent()) == [])
            #expect(try world.files.list(world.root.appending("m/7")) == ["a", "b"])
        }

        @Test("A version whose manifest is damaged is read again and adopted")
        func damagedManifest() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            _ = await world.once(world.agent())
            try world.place(".aspired/manifests/m", ["7.json": "{}"])
            let before = try world.identities()
            world.source.forgetCalls()
            #expect(await world.once(world.agent()) == [])
            #expect(world.source.fetches == [])
            #expect(try world.identities() == before)
        }
    }
}

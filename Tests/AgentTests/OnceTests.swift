import FileIO
import Servables
import SystemPackage
import Testing
import Volume

@testable import Agent

extension AgentSuite {
    @Suite("once") struct OnceTests {
        @Test("It publishes the aspired version, whole, and ends without a failure")
        func publishes() async throws {
            let world = try World()
            world.source.put("7", ["saved_model.pb": "old", "variables/v": "1"])
            world.source.put("8", ["saved_model.pb": "new graph", "variables/v": "22", "empty": ""])
            #expect(await world.once(world.agent()) == [])
            #expect(world.names() == ["8"])
            #expect(world.content("m/8/saved_model.pb") == "new graph")
            #expect(world.content("m/8/variables/v") == "22")
            #expect(world.content("m/8/empty") == "")
            #expect(
                world.recorder.lines(of: "in", "out", "published", "pruned") == [
                    "in m/8", "published m 8 files 3 bytes 11 fetched 11",
                ])
        }

        @Test("It leaves no garbage: nothing staged, nothing in the trash, no lock")
        func leavesNothing() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            _ = await world.once(world.agent())
            world.source.put("8", ["a": "2"])
            _ = await world.once(world.agent())
            #expect(world.state("staging") == [] || world.state("staging") == ["m"] && world.state("staging/m") == [])
            #expect(world.state("trash") == [])
            #expect(world.state("manifests/m") == ["8.json"])
            #expect(!world.state(".").contains("holder"))
        }

        @Test("The old version goes only after the new one is visible, by one rename each, and without a pause between them")
        func newBeforeOld() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            _ = await world.once(world.agent())
            world.source.put("8", ["a": "2"])
            world.recorder.forget()
            let began = world.time.uptime()
            #expect(await world.once(world.agent()) == [])
            #expect(world.time.uptime() == began)
            #expect(
                world.recorder.lines(of: "in", "out", "published", "pruned") == [
                    "in m/8", "published m 8 files 1 bytes 1 fetched 1", "out m/7", "pruned m 7",
                ])
            #expect(world.names() == ["8"])
        }

        @Test("A second one does nothing: no fetch, the same inodes and times")
        func secondDoesNothing() async throws {
            let world = try World()
            world.source.put("8", ["a": "1", "d/b": "2"])
            _ = await world.once(world.agent())
            let before = try world.identities()
            world.source.forgetCalls()
            world.recorder.forget()
            #expect(await world.once(world.agent()) == [])
            #expect(world.source.calls == [.list])
            #expect(try world.identities() == before)
            #expect(world.recorder.lines == [])
        }

        @Test("It lists twice before it prunes what one listing does not name")
        func listsTwice() async throws {
            let world = try World()
            for name in ["7", "8"] { world.source.put(name, ["a": name]) }
            _ = await world.once(world.agent([world.model("m", .all)]))
            #expect(world.names() == ["7", "8"])
            world.source.remove("8")
            world.source.forgetCalls()
            #expect(await world.once(world.agent([world.model("m", .all)])) == [])
            #expect(world.source.listings == 2)
            #expect(world.names() == ["7"])
        }

        @Test("It lists twice before it believes that the newest version is gone, and fetches what is aspired then")
        func listsTwiceBeforeARollback() async throws {
            let world = try World()
            world.source.put("9", ["a": "9"])
            _ = await world.once(world.agent())
            world.source.remove("9")
            world.source.put("8", ["a": "8"])
            #expect(await world.once(world.agent()) == [])
            #expect(world.names() == ["8"])
        }

        @Test("A version that is back in the second listing stays")
        func keepsWhatComesBack() async throws {
            let world = try World()
            for name in ["7", "8"] { world.source.put(name, ["a": name]) }
            let all = [world.model("m", .all)]
            _ = await world.once(world.agent(all))
            world.source.remove("8")
            world.source.forgetCalls()
            let before = try world.identities()
            // It is back once the first listing has been answered.
            world.source.on(.list) { source in source.on(.list) { $0.put("8", ["a": "8"]) } }
            #expect(await world.once(world.agent(all)) == [])
            #expect(world.source.listings == 2)
            #expect(world.names() == ["7", "8"])
            #expect(try world.identities() == before)
        }

        @Test("What the prune delay has not released stays; once the delay is over, the next one prunes it")
        func pruneDelay() async throws {
            let world = try World()
            let rules = PlanRules(pruneDelay: .seconds(60))
            for name in ["7", "8"] {
                world.source.put(name, ["a": name])
                #expect(await world.once(world.agent(rules: rules)) == [])
            }
            #expect(world.names() == ["7", "8"])
            world.time.moveToNext(end: world.time.uptime() + .seconds(61))
            #expect(await world.once(world.agent(rules: rules)) == [])
            #expect(world.names() == ["8"])
        }

        @Test("Several models: each is kept, and one that it was not given is left alone")
        func severalModels() async throws {
            let world = try World("one", "two")
            for name in ["one", "two"] { world.source(name).put("1", ["a": name]) }
            #expect(await world.once(world.agent([world.model("one"), world.model("two")])) == [])
            #expect(world.names("one") == ["1"] && world.names("two") == ["1"])
            let before = try world.identities("two")
            world.source("one").put("2", ["a": "2"])
            #expect(await world.once(world.agent([world.model("one")])) == [])
            #expect(world.names("one") == ["2"])
            #expect(try world.identities("two") == before)
        }

        @Test("latest:3, all and named versions come, the highest first")
        func order() async throws {
            let world = try World()
            for number in 1...4 { world.source.put("\(number)", ["a": "\(number)"]) }
            _ = await world.once(world.agent([world.model("m", .latest(3))]))
            #expect(world.recorder.lines(of: "in", "out") == ["in m/4", "in m/3", "in m/2"])
            _ = await world.once(world.agent([world.model("m", .specific([1, 3]))]))
            #expect(world.names() == ["1", "3"])
        }

        @Test("Leading zeros are kept as they are in the source, and the version in place is not fetched again for them")
        func leadingZeros() async throws {
            let world = try World()
            world.source.put("0007", ["a": "1"])
            _ = await world.once(world.agent())
            #expect(world.names() == ["0007"])
            world.source.remove("0007")
            world.source.put("7", ["a": "1"])
            #expect(await world.once(world.agent()) == [])
            #expect(world.names() == ["0007"])
            #expect(world.source.fetches.count == 1)
        }
    }
}

import FileIO
import Servables
import SystemPackage
import Testing
import Volume

@testable import Agent

extension AgentSuite {
    @Suite("run") struct RunTests {
        @Test("It polls at the interval, with up to a tenth of jitter to either side")
        func polls() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent(poll: .seconds(30))
            world.time.throwDice(Array(repeating: 0.0, count: 4) + Array(repeating: 1.0, count: 4))
            let running = await world.run(agent)
            await world.pass(.seconds(400), agent)
            let times = world.source.listingTimes
            let pauses = zip(times.dropFirst(), times).map { ($0 - $1).inSeconds }
            #expect(pauses.allSatisfy { (26.99...33.01).contains($0) }, "\(pauses)")
            #expect(pauses.contains { $0 < 27.1 } && pauses.contains { $0 > 32.9 }, "\(pauses)")
            #expect(times.count >= 13)
            await running.stop()
        }

        @Test("A new version is published at the next poll, and then the old one pruned")
        func newVersion() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent()
            let running = await world.run(agent)
            #expect(world.names() == ["7"])
            world.source.put("8", ["a": "2"])
            world.recorder.forget()
            await world.pass(.seconds(34), agent)
            #expect(
                world.recorder.lines(of: "in", "out", "published", "pruned") == [
                    "in m/8", "published m 8 files 1 bytes 1 fetched 1", "out m/7", "pruned m 7",
                ])
            #expect(world.state("trash") == [])
            await running.stop()
        }

        @Test("syncNow lists at once; asked while a listing is under way, it lists again after it")
        func syncNow() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent()
            let running = await world.run(agent)
            let before = world.source.listings
            world.source.put("8", ["a": "2"])
            await agent.syncNow()
            await world.settle(agent)
            #expect(world.source.listings == before + 1)
            await world.pass(.zero, agent)
            #expect(world.names() == ["8"])

            world.source.close(.list)
            await agent.syncNow()
            await world.settle(agent)
            await agent.syncNow()
            await world.settle(agent)
            #expect(world.source.listings == before + 2)
            world.source.open(.list)
            await world.pass(.milliseconds(20), agent)
            #expect(world.source.listings == before + 3)
            await running.stop()
        }

        @Test("In an outage nothing is pruned, it stays ready and well, the pauses grow to a cap, and it recovers by itself")
        func outage() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent(poll: .seconds(30))
            let running = await world.run(agent)
            #expect(await agent.unreadiness() == [])
            world.source.put("8", ["a": "2"])
            world.source.fail(.list, .unavailable, isTransient: true)
            world.source.forgetCalls()
            world.recorder.forget()
            await world.pass(.seconds(600), agent)
            let times = world.source.listingTimes
            let pauses = zip(times.dropFirst(), times).map { ($0 - $1).inSeconds }
            // 0.75 of 1, 2, 4, 8, 16, 30, 30 … with the dice at one half.
            #expect(pauses.prefix(6).elementsEqual([0.75, 1.5, 3, 6, 12, 22.5]), "\(pauses)")
            #expect(pauses.dropFirst(6).allSatisfy { $0 == 22.5 })
            #expect(world.names() == ["7"])
            #expect(await agent.unreadiness() == [])
            #expect(await agent.illnesses() == [])
            #expect(await agent.status().models.first?.lastFailure?.kind == .unavailable)
            #expect(world.recorder.lines(of: "in", "out") == [])

            world.source.heal(.list)
            await world.pass(.seconds(23), agent)
            #expect(world.names() == ["8"])
            #expect(await agent.status().models.first?.lastFailure == nil)
            // The pauses begin anew.
            world.source.fail(.list, .unavailable, isTransient: true)
            world.source.forgetCalls()
            await world.pass(.seconds(34), agent)
            let anew = world.source.listingTimes
            #expect(anew.count >= 2 && (anew[1] - anew[0]).inSeconds == 0.75)
            await running.stop()
        }

        @Test("When an outage ends, a version that failed in it is not kept waiting for its own back-off")
        func outageOfEverything() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent()
            let running = await world.run(agent)
            world.source.put("8", ["a": "2"])
            world.source.fail(.fetch("8", "a"), .unavailable, isTransient: true)
            await world.pass(.seconds(700), agent)
            world.source.fail(.list, .unavailable, isTransient: true)
            await world.pass(.seconds(60), agent)
            world.source.heal(.fetch("8", "a"))
            world.source.heal(.list)
            await world.pass(.seconds(25), agent)
            #expect(world.names() == ["8"])
            await running.stop()
        }

        @Test("Started in an outage it goes on from the volume, and is ready")
        func startsInAnOutage() async throws {
            let world = try World()
            for name in ["6", "7"] { world.source.put(name, ["a": name]) }
            _ = await world.once(world.agent([world.model("m", .all)]))
            world.source.fail(.list, .denied, isTransient: false)
            let agent = world.agent()
            let running = await world.run(agent)
            #expect(await agent.unreadiness() == [])
            await world.pass(.seconds(300), agent)
            #expect(world.names() == ["6", "7"])
            await running.stop()
        }

        @Test("A source that lists nothing prunes nothing")
        func emptied() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent()
            let running = await world.run(agent)
            world.source.remove("7")
            await world.pass(.seconds(200), agent)
            #expect(world.names() == ["7"])
            await running.stop()
        }

        @Test("A version that vanishes from one listing and comes back is kept; from two, it is pruned")
        func vanishes() async throws {
            let world = try World()
            for name in ["7", "8"] { world.source.put(name, ["a": name]) }
            let agent = world.agent([world.model("m", .all)])
            let running = await world.run(agent)
            let before = try world.identities()
            world.source.remove("8")
            await agent.syncNow()
            await world.settle(agent)
            #expect(world.names() == ["7", "8"])
            world.source.put("8", ["a": "8"])
            await agent.syncNow()
            await world.settle(agent)
            world.source.remove("8")
            await agent.syncNow()
            await world.settle(agent)
            #expect(try world.identities() == before)
            await agent.syncNow()
            await world.settle(agent)
            #expect(world.names() == ["7"])
            await running.stop()
        }

        @Test("The prune delay counts from the release, over a restart, and is taken back when the version is aspired again")
        func pruneDelay() async throws {
            let world = try World()
            let rules = PlanRules(pruneDelay: .seconds(100))
            world.source.put("7", ["a": "1"])
            var agent = world.agent(rules: rules)
            var running = await world.run(agent)
            world.source.put("8", ["a": "2"])
            await world.pass(.seconds(60), agent)
            #expect(world.names() == ["7", "8"])
            #expect(await agent.status().models[0].versions.map(\.state) == [.published, .pruning])
            await running.stop()
            agent = world.agent(rules: rules)
            running = await world.run(agent)
            await world.pass(.seconds(60), agent)
            #expect(world.names() == ["7", "8"])
            await world.pass(.seconds(15), agent)
            #expect(world.names() == ["8"])
            await running.stop()
        }

        @Test("A held version is looked at again when its time has come, and published by itself")
        func heldByTime() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.source.hold("7", "not settled", lookAgainIn: .seconds(4))
            let agent = world.agent(poll: .seconds(3600))
            let running = await world.run(agent)
            #expect(await agent.status().models[0].versions.map(\.state) == [.held])
            world.source.unhold("7")
            await world.pass(.seconds(3), agent)
            #expect(world.names() == [])
            await world.pass(.seconds(2), agent)
            #expect(world.names() == ["7"])
            await running.stop()
        }

        @Test("One model's source hangs, another's fails; the third is kept all the same")
        func independence() async throws {
            let world = try World("hangs", "fails", "works")
            world.source("hangs").close(.list)
            world.source("fails").fail(.list, .unavailable, isTransient: true)
            world.source("works").put("1", ["a": "1"])
            let agent = world.agent(["hangs", "fails", "works"].map { world.model($0) })
            let running = await world.run(agent)
            #expect(world.names("works") == ["1"])
            world.source("works").put("2", ["a": "2"])
            await world.pass(.seconds(34), agent)
            #expect(world.names("works") == ["2"])
            await running.stop()
        }

        @Test("A model's long fetch delays neither its own listings nor another model")
        func longFetch() async throws {
            let world = try World("slow", "quick")
            world.source("slow").put("1", ["a": "1"])
            world.source("slow").close(.fetch("1", "a"))
            world.source("quick").put("1", ["a": "1"])
            let agent = world.agent([world.model("slow"), world.model("quick")])
            let running = await world.run(agent)
            await world.pass(.seconds(100), agent)
            #expect(world.names("quick") == ["1"])
            #expect(world.source("slow").listings >= 4)
            #expect(await agent.status().models[0].versions.map(\.state) == [.fetching])
            #expect(await agent.illnesses() == [])
            world.source("slow").open(.fetch("1", "a"))
            await world.settle(agent)
            #expect(world.names("slow") == ["1"])
            await running.stop()
        }

        @Test("A base path that goes away comes back with its version, by one rename")
        func basePathGone() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent()
            let running = await world.run(agent)
            try world.files.removeTree(world.root.appending("m"))
            await world.pass(.seconds(34), agent)
            #expect(world.names() == ["7"])
            #expect(world.content("m/7/a") == "1")
            await running.stop()
        }

        @Test(
            "A base path that was never there is made at the start, empty; one that held versions comes back only with the first")
        func basePathAtStart() async throws {
            let world = try World()
            var agent = world.agent()
            var running = await world.run(agent)
            #expect(world.names() == [])
            world.source.put("7", ["a": "1"])
            await world.pass(.seconds(34), agent)
            await running.stop()
            try world.files.removeTree(world.root.appending("m"))
            world.source.fail(.list, .unavailable, isTransient: true)
            agent = world.agent()
            running = await world.run(agent)
            #expect(world.names() == ["no base path"])
            world.source.heal(.list)
            await world.pass(.seconds(10), agent)
            #expect(world.names() == ["7"])
            await running.stop()
        }

        @Test("A full volume harms nothing published, and when space appears the fetch goes on by itself")
        func full() async throws {
            let world = try World("m", "other")
            world.source("m").put("7", ["a": "123"])
            world.source("other").put("1", ["a": "12345"])
            world.source("other").put("2", ["a": "1"])
            let agent = world.agent(
                [world.model("m", .latest(2)), world.model("other", .all)], settings: VolumeSettings(maxVolume: 12))
            let running = await world.run(agent)
            world.source("m").put("8", ["a": "123456"])
            await world.pass(.seconds(100), agent)
            #expect(world.names("m") == ["7"] && world.names("other") == ["1", "2"])
            #expect(world.source("m").fetches == [.fetch("7", "a")])
            let failed = await agent.status().models[0].versions[0]
            #expect(failed.state == .failed)
            #expect(failed.reason?.contains("6 B needed, 3 B left of --max-volume, 3 B missing") == true, "\(failed)")
            #expect(await agent.illnesses() == [])
            world.source("other").remove("1")
            await world.pass(.seconds(120), agent)
            #expect(world.names("m") == ["7", "8"] && world.names("other") == ["2"])
            await running.stop()
        }

        @Test("A refused start is an error: a base path that is a file")
        func refusedStart() async throws {
            let world = try World()
            try world.place("", [:])
            try world.files.replaceFile(world.root.appending("m"), with: [], mode: 0o644)
            let agent = world.agent()
            await #expect(throws: Failure.self) { try await agent.run() }
            // And the volume is free for the next.
            try world.files.removeFile(world.root.appending("m"))
            world.source.put("7", ["a": "1"])
            #expect(await world.once(world.agent()) == [])
        }
    }
}

import FileIO
import Servables
import SystemPackage
import Testing
import Volume

@testable import Agent

extension AgentSuite {
    @Suite("Objects that change under a published version") struct RecheckTests {
        private func reason(_ agent: Agent, _ version: Int64 = 7) async -> String? {
            await agent.status().models[0].versions.first { $0.version.number == version }?.reason
        }

        private func compares(_ world: World) -> Int { world.source.calls.count { $0 == .compare("7") } }

        @Test("Kept, it stays as it was; the change is said once, and again when it is another")
        func keep() async throws {
            let world = try World()
            world.source.put("7", ["a": "1", "b": "2"])
            let agent = world.agent(recheck: .seconds(600))
            let running = await world.run(agent)
            let before = try world.identities()
            world.source.change("7", "a", to: "x")
            world.recorder.forget()
            await world.pass(.seconds(3000), agent)
            #expect(world.recorder.lines == ["changed m 7 keep: a was written again"])
            #expect(
                await reason(agent)
                    == "changed in its source: a was written again; it stays as it was published (--on-changed keep)")
            #expect(await agent.status().models[0].versions[0].state == .published)
            #expect(try world.identities() == before)
            world.source.put("7", ["a": "1", "b": "2", "c": "3"])
            await world.pass(.seconds(1200), agent)
            #expect(world.recorder.lines(of: "changed").count == 1, "the first difference is the same")
            await running.stop()
        }

        @Test("What replaces a version is synced before that goes: where the disk refuses, the old one stays")
        func syncFirst() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent(recheck: .seconds(60), onChanged: .republish)
            let running = await world.run(agent)
            world.recorder.fail { call in
                call.operation == .fsync && call.path.string.hasSuffix("/7/tree/a") ? .fail(.ioError) : .proceed
            }
            world.source.change("7", "a", to: "2")
            world.recorder.forget()
            await world.pass(.seconds(200), agent)
            #expect(world.content("m/7/a") == "1")
            #expect(!world.recorder.lines.contains("out m/7"), "\(world.recorder.lines)")
            #expect(world.recorder.lines(of: "failed").count > 0)
            world.recorder.fail(nil)
            await world.pass(.seconds(600), agent)
            #expect(world.content("m/7/a") == "2")
            await running.stop()
        }

        @Test("A source that denies it has not changed; a version that would be refused has")
        func denied() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent(recheck: .seconds(60))
            let running = await world.run(agent)
            world.source.fail(.compare("7"), .denied, isTransient: false)
            world.recorder.forget()
            await world.pass(.seconds(300), agent)
            #expect(world.recorder.lines(of: "changed") == [])
            #expect(await reason(agent) == nil)
            world.source.fail(.compare("7"), .badData, isTransient: false)
            await world.pass(.seconds(300), agent)
            #expect(world.recorder.lines(of: "changed").count == 1)
            await running.stop()
        }

        @Test("What is changed back is no change any more")
        func changedBack() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent(recheck: .seconds(60))
            let running = await world.run(agent)
            world.source.put("7", ["a": "1", "b": "2"])
            await world.pass(.seconds(120), agent)
            #expect(world.recorder.lines(of: "changed") == ["changed m 7 keep: a was written again"])
            try await republishedByHand(world, agent)
            #expect(await reason(agent) == nil)
            await running.stop()
        }

        /// Somebody takes the version away; it is fetched as any other, and compared anew.
        private func republishedByHand(_ world: World, _ agent: Agent) async throws {
            try world.files.removeTree(world.root.appending("m/7"))
            await world.pass(.seconds(120), agent)
            #expect(world.content("m/7/b") == "2")
        }

        @Test("Each version is compared once an interval, by one call, and at the start they are spread over it")
        func schedule() async throws {
            let world = try World()
            for number in 1...4 { world.source.put("\(number)", ["a": "\(number)"]) }
            _ = await world.once(world.agent([world.model("m", .all)]))
            #expect(world.source.calls.allSatisfy { if case .compare = $0 { false } else { true } }, "once compares nothing")
            world.time.throwDice([0.5, 0.9, 0.1, 0.4, 0.7])
            world.source.forgetCalls()
            let agent = world.agent([world.model("m", .all)], poll: .seconds(100_000), recheck: .seconds(1000))
            let running = await world.run(agent)
            var due: [Int] = []
            for second in stride(from: 0, to: 1000, by: 50) {
                let before = world.source.calls.count
                await world.pass(.seconds(50), agent)
                if world.source.calls.count > before { due.append(second) }
            }
            #expect(due.count == 4, "\(due)")
            await world.pass(.seconds(4000), agent)
            for number in 1...4 {
                #expect((4...6).contains(world.source.calls.count { $0 == .compare("\(number)") }), "\(world.source.calls)")
            }
            await running.stop()
        }

        @Test("What was just published is compared after an interval, and what is not aspired never")
        func fresh() async throws {
            let world = try World()
            world.source.put("6", ["a": "1"])
            let agent = world.agent(rules: PlanRules(pruneDelay: .seconds(100_000)), recheck: .seconds(600))
            let running = await world.run(agent)
            world.source.put("7", ["a": "2"])
            await world.pass(.seconds(60), agent)
            #expect(world.names() == ["6", "7"])
            world.source.forgetCalls()
            await world.pass(.seconds(500), agent)
            #expect(compares(world) == 0)
            await world.pass(.seconds(2500), agent)
            #expect((4...5).contains(compares(world)))
            #expect(world.source.calls.count { $0 == .compare("6") } == 0)
            await running.stop()
        }

        @Test("In an outage nothing is compared; a comparison that fails is tried again and says nothing")
        func outage() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent(recheck: .seconds(60))
            let running = await world.run(agent)
            world.source.fail(.list, .unavailable, isTransient: true)
            await world.pass(.seconds(40), agent)
            world.source.forgetCalls()
            await world.pass(.seconds(600), agent)
            #expect(compares(world) == 0)
            world.source.heal(.list)
            world.source.fail(.compare("7"), .unavailable, isTransient: true)
            world.recorder.forget()
            await world.pass(.seconds(600), agent)
            #expect((15...25).contains(compares(world)), "\(compares(world))")
            #expect(world.recorder.lines == [])
            #expect(await reason(agent) == nil)
            await running.stop()
        }

        @Test("A version that could not be fetched any more is a change, said once")
        func refused() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent(recheck: .seconds(60))
            let running = await world.run(agent)
            world.source.fail(.compare("7"), .badData, isTransient: false)
            await world.pass(.seconds(600), agent)
            #expect(world.recorder.lines(of: "changed").count == 1)
            #expect(await reason(agent)?.contains("scripted") == true)
            #expect(world.names() == ["7"])
            await running.stop()
        }

        // MARK: Republishing

        @Test("Republished, it is fetched first, then out for the pause, then in")
        func republish() async throws {
            let world = try World()
            world.source.put("7", ["a": "1", "b": "2"])
            let agent = world.agent(recheck: .seconds(60), onChanged: .republish)
            let running = await world.run(agent)
            world.source.change("7", "a", to: "new")
            world.source.close(.fetch("7", "a"), after: 1)
            world.recorder.forget()
            await world.pass(.seconds(70), agent)
            #expect(world.content("m/7/a") == "1", "it stays until the new one is there")
            #expect(world.recorder.lines(of: "in", "out") == [])
            world.source.open(.fetch("7", "a"))
            await world.settle(agent)
            #expect(world.names() == [], "out for the pause")
            await world.pass(World.republishPause, agent)
            #expect(world.content("m/7/a") == "new")
            #expect(
                world.recorder.lines(of: "in", "out", "changed", "published") == [
                    "changed m 7 republish: a was written again", "out m/7", "in m/7",
                    "published m 7 files 2 bytes 4 fetched 4",
                ])
            #expect(await reason(agent) == nil)
            await world.pass(.seconds(600), agent)
            #expect(world.recorder.lines(of: "out").count == 1)
            await running.stop()
        }

        @Test("Written again with the same bytes, nothing moves, and it is no change any more")
        func sameBytes() async throws {
            let world = try World()
            world.source.put("7", ["a": "1", "b": "2"])
            let agent = world.agent(recheck: .seconds(60), onChanged: .republish)
            let running = await world.run(agent)
            let published = await agent.status().models[0].versions[0].publishedAt
            let before = try world.identities()
            world.source.put("7", ["a": "1", "b": "2"])
            await world.pass(.seconds(600), agent)
            #expect(world.recorder.lines(of: "changed").count == 1)
            #expect(try world.identities() == before)
            #expect(await reason(agent) == nil)
            #expect(await agent.status().models[0].versions[0].publishedAt == published)
            #expect(world.state("staging") == [])
            await running.stop()
        }

        @Test("With the same files and another empty directory it is not the same")
        func emptyDirectory() {
            var table = FileTable()
            table.append(FileEntry(path: "a", size: 1, tag: "1", modified: VirtualTime.start))
            let verifications = [Verification(crc64nvme: 1, method: .crc64nvme)]
            let without = VersionFetcher.Replaced.checksums(of: table, verifications)
            table.appendEmptyDirectory("d")
            #expect(VersionFetcher.Replaced.checksums(of: table, verifications) != without)
        }

        @Test("A change that is not ready is waited for, said once, and the version stays")
        func held() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent(recheck: .seconds(60), onChanged: .republish)
            let running = await world.run(agent)
            world.source.change("7", "a", to: "new")
            world.source.hold("7", "still written", lookAgainIn: .seconds(7))
            await world.pass(.seconds(300), agent)
            #expect(world.content("m/7/a") == "1")
            #expect(world.recorder.lines(of: "held") == ["held m 7: still written"])
            #expect(await reason(agent)?.hasSuffix("not put in place yet: still written") == true)
            world.source.unhold("7")
            await world.pass(.seconds(15), agent)
            #expect(world.content("m/7/a") == "new")
            await running.stop()
        }

        @Test("A fetch that fails leaves the version where it is, is tried with back-off, and keeps what it has")
        func fails() async throws {
            let world = try World()
            world.source.put("7", ["a": "1", "b": "2"])
            let agent = world.agent(recheck: .seconds(60), onChanged: .republish)
            let running = await world.run(agent)
            world.source.put("7", ["a": "0123456789", "b": "x"])
            world.source.fail(.fetch("7", "b"), .unavailable, isTransient: true)
            await world.pass(.seconds(600), agent)
            #expect(world.content("m/7/a") == "1")
            #expect((2...20).contains(world.recorder.lines(of: "failed m 7").count))
            #expect(await reason(agent)?.contains("scripted") == true)
            #expect(world.state("staging") == ["m"])
            world.source.heal(.fetch("7", "b"))
            world.source.forgetCalls()
            await world.pass(.seconds(600), agent)
            #expect(world.content("m/7/a") == "0123456789")
            #expect(world.source.fetches == [.fetch("7", "b")])
            await running.stop()
        }

        @Test("What failed to be fetched is fetched at once where it is another now")
        func changedAgain() async throws {
            let world = try World()
            world.source.put("7", ["a": "1", "b": "2"])
            let agent = world.agent(recheck: .seconds(60), onChanged: .republish)
            let running = await world.run(agent)
            world.source.change("7", "b", to: "new")
            world.source.fail(.fetch("7", "b"), .badData, isTransient: false)
            // Until the back-off is long.
            for _ in 0..<200 {
                await world.pass(.seconds(10), agent)
                if let retry = await agent.reconcilers[0].versionFailures.values.first?.retryAt,
                    retry - world.time.uptime() > .seconds(120)
                {
                    break
                }
            }
            #expect(world.content("m/7/b") == "2")
            world.source.heal(.fetch("7", "b"))
            world.source.change("7", "a", to: "newer")
            await world.pass(.seconds(80), agent)
            #expect(world.content("m/7/a") == "newer")
            await running.stop()
        }

        @Test("Stopped while it fetches, the next start goes on from what is there, before its turn comes")
        func resumes() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent(recheck: .seconds(600), onChanged: .republish)
            let running = await world.run(agent)
            world.source.change("7", "a", to: "0123456789")
            world.source.close(.fetch("7", "a"), after: 6)
            await world.pass(.seconds(601), agent)
            #expect(world.source.fetchedBytes == 1 + 6)
            await running.stop()
            #expect(world.content("m/7/a") == "1")
            world.source.open(.fetch("7", "a"))
            world.source.forgetCalls()
            let next = world.agent(recheck: .seconds(600), onChanged: .republish)
            let again = await world.run(next)
            await world.pass(World.republishPause, next)
            #expect(world.content("m/7/a") == "0123456789")
            #expect(world.source.fetchedBytes == 4)
            await again.stop()
        }

        @Test("Stopped while it is out, the next start puts it in without fetching")
        func resumesOutside() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent(recheck: .seconds(60), onChanged: .republish)
            let running = await world.run(agent)
            world.source.change("7", "a", to: "new")
            await world.wait(for: "the pause") {
                await world.settle(agent)
                if world.time.isAnyone(sleeping: World.republishPause) { return true }
                world.time.moveToNext()
                return false
            }
            #expect(world.names() == [])
            await running.stop()
            world.source.forgetCalls()
            let next = world.agent(onChanged: .republish)
            let again = await world.run(next)
            #expect(world.content("m/7/a") == "new")
            #expect(world.source.fetches == [])
            await again.stop()
        }

        @Test("A new version goes before one that changed")
        func newFirst() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent([world.model("m", .all)], recheck: .seconds(70), onChanged: .republish)
            let running = await world.run(agent)
            world.source.change("7", "a", to: "new")
            world.source.put("8", ["a": "2"])
            world.source.close(.fetch("8", "a"))
            await world.pass(.seconds(100), agent)
            #expect(world.source.fetches.last == .fetch("8", "a"))
            #expect(world.content("m/7/a") == "1")
            world.source.open(.fetch("8", "a"))
            await world.pass(.seconds(10), agent)
            #expect(world.content("m/7/a") == "new")
            #expect(world.names() == ["7", "8"])
            await running.stop()
        }
    }
}

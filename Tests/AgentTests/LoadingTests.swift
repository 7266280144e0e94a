import Servables
import Testing
import Volume

@testable import Agent

extension AgentSuite {
    @Suite("run, where a server loads what it is told to") struct LoadingTests {
        private static func triton(
            _ world: World, _ models: [DesiredModel]? = nil, rules: PlanRules = PlanRules(), onChanged: ChangeAction = .keep,
            recheck: Duration = .seconds(600)
        ) async -> (agent: Agent, running: World.Running) {
            let agent = world.agent(models, rules: rules, recheck: recheck, onChanged: onChanged, link: world.triton)
            let running = await world.run(agent)
            await world.pass(.seconds(1), agent)
            return (agent, running)
        }

        private static func states(_ agent: Agent) async -> [String: String] {
            let versions = await agent.status().models.first?.versions ?? []
            return Dictionary(uniqueKeysWithValues: versions.map { ($0.version.name, $0.state.rawValue) })
        }

        @Test("It is told when what is in place is another: the new version in, loaded, confirmed, the old one out, loaded again")
        func confirms() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let (agent, running) = await Self.triton(world)
            #expect(await Self.states(agent) == ["7": "confirmed"])
            #expect(world.triton.orders == ["load m 7"])
            world.source.put("8", ["a": "2"])
            world.recorder.forget()
            await world.pass(.seconds(40), agent)
            #expect(
                world.recorder.lines(of: "in", "out", "confirmed", "pruned") == [
                    "in m/8", "confirmed m 8", "out m/7", "pruned m 7",
                ])
            #expect(world.triton.orders == ["load m 7", "load m 7 8", "load m 8"])
            #expect(world.triton.available() == ["8"] && world.triton.disturbances.isEmpty)
            let before = world.triton.questions
            await world.pass(.seconds(600), agent)
            #expect(world.triton.orders.count == 3, "where nothing is new nothing is told")
            #expect(world.triton.questions - before == 60, "its index is compared every ten seconds")
            await running.stop()
        }

        @Test("While it loads, nothing is moved: what comes meanwhile comes after")
        func rests() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let (agent, running) = await Self.triton(world)
            world.triton.hold()
            world.source.put("8", ["a": "2"])
            await world.pass(.seconds(40), agent)
            #expect(world.triton.isHolding && world.names().sorted() == ["7", "8"])
            world.source.put("9", ["a": "3"])
            await world.pass(.seconds(120), agent)
            #expect(world.names().sorted() == ["7", "8"], "fetched, and not in")
            #expect(world.state("staging/m") == ["9"])
            world.triton.release()
            await world.pass(.seconds(10), agent)
            #expect(world.names() == ["9"] && world.triton.available() == ["9"])
            #expect(world.triton.disturbances.isEmpty)
            await running.stop()
        }

        @Test("By nobody's order, too: what it has begun itself is waited for", arguments: [ServedState.loading, .unloading])
        func restsUnasked(state: ServedState) async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let (agent, running) = await Self.triton(world)
            world.triton.say("7", state)
            world.source.put("8", ["a": "2"])
            await world.pass(.seconds(60), agent)
            #expect(world.names() == ["7"])
            #expect(world.recorder.lines(of: "warning the server has been at work").isEmpty)
            await world.pass(.seconds(120), agent)
            #expect(world.names() == ["7"] && world.recorder.lines(of: "warning the server has been at work").count == 1)
            world.triton.say("7", .available)
            await world.pass(.seconds(10), agent)
            #expect(world.names() == ["8"] && world.triton.available() == ["8"])
            await running.stop()
        }

        @Test("A version that it cannot load goes out, in its words, and the old one stays, in place and served")
        func refuses() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let (agent, running) = await Self.triton(world)
            world.triton.spoil("8")
            world.source.put("8", ["a": "2"])
            await world.pass(.seconds(40), agent)
            #expect(await Self.states(agent) == ["7": "confirmed", "8": "refused"])
            #expect(world.recorder.lines(of: "refused") == ["refused m 8: it is bad"])
            #expect(world.names() == ["7"] && world.triton.available() == ["7"])
            #expect(world.triton.orders == ["load m 7", "load m 7 8", "load m 7"])
            // The same number with another content is another version.
            world.triton.spoil()
            world.source.put("8", ["a": "3"])
            await world.pass(.seconds(60), agent)
            #expect(await Self.states(agent) == ["8": "confirmed"])
            await running.stop()
        }

        @Test("What it lost it is told to load again", arguments: [true, false])
        func lost(isSeenAway: Bool) async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let (agent, running) = await Self.triton(world)
            if isSeenAway {
                world.triton.die()
                await world.pass(.seconds(60), agent)
                #expect(world.triton.orders == ["load m 7"])
                world.triton.start()
            } else {
                world.triton.restart()
            }
            await world.pass(.seconds(11), agent)
            #expect(world.triton.orders == ["load m 7", "load m 7"])
            #expect(world.triton.available() == ["7"])
            #expect(await Self.states(agent) == ["7": "confirmed"])
            await running.stop()
        }

        @Test("One that goes away twice while it loads a version has refused it")
        func deaths() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let (agent, running) = await Self.triton(world)
            world.source.put("8", ["a": "2"])
            for _ in 0..<2 {
                world.triton.hold()
                await world.wait(for: "a load") {
                    await world.pass(.seconds(1), agent)
                    return world.triton.isHolding
                }
                world.triton.die()
                await world.pass(.seconds(5), agent)
                world.triton.start()
            }
            await world.pass(.seconds(10), agent)
            #expect(await Self.states(agent) == ["7": "confirmed", "8": "refused"])
            #expect(world.triton.available() == ["7"])
            await running.stop()
        }

        @Test("A load that fails for no version's sake is tried again with back-off, and said on one line")
        func excuse() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.triton.excuse("failed to parse config.pbtxt")
            let (agent, running) = await Self.triton(world)
            await world.pass(.seconds(30), agent)
            let warnings = world.recorder.lines(of: "warning load m")
            #expect((3...6).contains(warnings.count), "\(warnings)")
            #expect(
                warnings.allSatisfy {
                    $0.contains("at the server: failed to parse config.pbtxt") && $0.contains("tried again in")
                })
            #expect(world.names() == ["7"])
            world.triton.excuse(nil)
            await world.pass(.seconds(40), agent)
            #expect(await Self.states(agent) == ["7": "confirmed"])
            await running.stop()
        }

        @Test("A rollback: the lower version in, the higher one out of its sight, and gone once the lower one is loaded")
        func rollback() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.source.put("8", ["a": "2"])
            let (agent, running) = await Self.triton(world)
            #expect(world.triton.available() == ["8"])
            agent.replaceModels(world.set([world.model("m", .specific([7]))]))
            await world.pass(.seconds(40), agent)
            #expect(world.names() == ["7"] && world.triton.available() == ["7"])
            #expect(world.state("parked/m").isEmpty && world.triton.disturbances.isEmpty)
            await running.stop()
        }

        @Test("Another content of the same number is swapped at once, and counts as loaded only after it was told")
        func republish() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let (agent, running) = await Self.triton(world, onChanged: .republish, recheck: .seconds(60))
            let before = world.triton.content("7")
            world.source.put("7", ["a": "2"])
            world.recorder.forget()
            await world.pass(.seconds(100), agent)
            #expect(world.content("m/7/a") == "2")
            #expect(world.triton.content("7") != before, "it was told to load the new one")
            #expect(world.recorder.lines(of: "in", "out", "confirmed") == ["out m/7", "in m/7", "confirmed m 7"])
            #expect(await Self.states(agent) == ["7": "confirmed"])
            await running.stop()
        }

        @Test("Another content of the same number that it cannot load is not confirmed by what it goes on with")
        func republishFails() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let (agent, running) = await Self.triton(world, onChanged: .republish, recheck: .seconds(60))
            #expect(await Self.states(agent) == ["7": "confirmed"])
            world.triton.excuse("version 7 is at UNAVAILABLE state")
            world.source.put("7", ["a": "2"])
            await world.pass(.seconds(100), agent)
            #expect(world.content("m/7/a") == "2" && world.triton.available() == ["7"])
            #expect(await Self.states(agent) == ["7": "published"])
            world.triton.excuse(nil)
            await world.pass(.seconds(60), agent)
            #expect(await Self.states(agent) == ["7": "confirmed"])
            await running.stop()
        }

        @Test("A model that is no longer configured is unloaded before it leaves the volume; at a server that is away, at once")
        func unloads() async throws {
            let world = try World("m", "n")
            world.source("m").put("7", ["a": "1"])
            world.source("n").put("1", ["a": "1"])
            let (agent, running) = await Self.triton(world, [world.model("m"), world.model("n")])
            #expect(world.triton.available("m") == ["7"] && world.triton.available("n") == ["1"])
            world.recorder.forget()
            agent.replaceModels(world.set([world.model("n")]))
            await world.wait(for: "m to go") { world.names("m") == ["no base path"] }
            #expect(world.triton.orders.contains("unload m") && world.triton.available("m").isEmpty)
            world.triton.die()
            agent.replaceModels(world.set([]))
            await world.wait(for: "n to go") { world.names("n") == ["no base path"] }
            await running.stop()
        }

        @Test("One that takes no orders is told so once, and asked what it has: nothing moves while it is at work")
        func polls() async throws {
            let world = try World()
            world.triton.pollOnly()
            world.source.put("7", ["a": "1"])
            let (agent, running) = await Self.triton(world)
            #expect(world.recorder.lines(of: "notice the server takes no orders").count == 1)
            #expect(await Self.states(agent) == ["7": "published"])
            world.triton.look()
            await world.pass(.seconds(3), agent)
            #expect(await Self.states(agent) == ["7": "confirmed"])
            world.source.put("8", ["a": "2"])
            await world.pass(.seconds(40), agent)
            #expect(world.names().sorted() == ["7", "8"])
            world.triton.look()
            world.triton.say("7", .unloading)
            await world.pass(.seconds(30), agent)
            #expect(world.names().sorted() == ["7", "8"])
            world.triton.say("7", .ended)
            await world.pass(.seconds(3), agent)
            #expect(world.names() == ["8"])
            #expect(world.recorder.lines(of: "notice the server takes no orders").count == 1 && world.triton.orders.isEmpty)
            await running.stop()
        }
    }
}

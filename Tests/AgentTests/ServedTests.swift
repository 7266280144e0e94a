import FileIO
import Servables
import SystemPackage
import Testing
import Volume

@testable import Agent

extension AgentSuite {
    @Suite("run, where a server confirms") struct ServedTests {
        /// Version 7 published and confirmed.
        private static func served(
            _ world: World, rules: PlanRules = PlanRules(), policy: VersionPolicy = .latest(1), onChanged: ChangeAction = .keep,
            recheck: Duration = .seconds(600), settings: VolumeSettings = VolumeSettings(),
            confirmTimeout: Duration = .seconds(600)
        ) async -> (agent: Agent, running: World.Running) {
            world.source.put("7", ["a": "1"])
            world.server.say(["7": .available])
            let agent = world.agent(
                [world.model("m", policy)], rules: rules, recheck: recheck, onChanged: onChanged, settings: settings,
                isServed: true,
                confirmTimeout: confirmTimeout)
            let running = await world.run(agent)
            await world.pass(.seconds(1), agent)
            world.recorder.forget()
            return (agent, running)
        }

        /// Version 8 comes in, and the server cannot load it.
        private static func refuseEight(_ world: World, _ agent: Agent) async {
            world.source.put("8", ["a": "2"])
            await world.pass(.seconds(34), agent)
            world.server.say(["8": .failed("no")])
            await world.pass(.seconds(1), agent)
        }

        private static func states(_ agent: Agent) async -> [String: String] {
            let versions = await agent.status().models.first?.versions ?? []
            return Dictionary(uniqueKeysWithValues: versions.map { ($0.version.name, $0.state.rawValue) })
        }

        @Test("The old version goes only when the server has loaded the new one; it is asked by the name it knows")
        func confirms() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.server.say(["7": .available], of: "theirs")
            var model = world.model()
            model = DesiredModel(
                name: model.name, source: model.source, policy: model.policy, ready: model.ready, settle: model.settle,
                isRequired: true, serverName: "theirs")
            let agent = world.agent([model], isServed: true)
            let running = await world.run(agent)
            await world.pass(.seconds(1), agent)
            #expect(await Self.states(agent) == ["7": "confirmed"])
            world.source.put("8", ["a": "2"])
            world.recorder.forget()
            await world.pass(.seconds(60), agent)
            #expect(world.names().sorted() == ["7", "8"])
            #expect(await Self.states(agent) == ["7": "confirmed", "8": "published"])
            #expect(await agent.status().models.first?.behind != nil, "not confirmed is not in place")
            world.server.say(["8": .loading], of: "theirs")
            await world.pass(.seconds(60), agent)
            #expect(world.names().sorted() == ["7", "8"])
            world.server.say(["8": .available], of: "theirs")
            await world.pass(.seconds(6), agent)
            #expect(
                world.recorder.lines(of: "in", "out", "confirmed", "pruned") == [
                    "in m/8", "confirmed m 8", "out m/7", "pruned m 7",
                ])
            #expect(await Self.states(agent) == ["8": "confirmed"])
            #expect(await agent.status().models.first?.behind == nil)
            #expect(Set(world.server.questions) == ["theirs"])
            let before = world.server.questions.count
            await world.pass(.seconds(600), agent)
            #expect(world.server.questions.count == before, "where nothing is open nobody is asked")
            await running.stop()
        }

        @Test("What the server could not load goes out, in its own words, and the old version stays; nothing is fetched again")
        func refuses() async throws {
            let world = try World()
            let (agent, running) = await Self.served(world)
            world.source.put("8", ["a": "2"])
            await world.pass(.seconds(34), agent)
            world.server.say(["8": .failed("DATA_LOSS: cannot parse")])
            await world.pass(.seconds(1), agent)
            #expect(world.names() == ["7"])
            #expect(world.state("refused/m") == ["8"])
            #expect(
                world.recorder.lines(of: "in", "out", "refused") == ["in m/8", "out m/8", "refused m 8: DATA_LOSS: cannot parse"])
            #expect(await Self.states(agent) == ["7": "confirmed", "8": "refused"])
            let reason = await agent.status().models.first?.versions.first?.reason
            #expect(reason?.contains("DATA_LOSS: cannot parse") == true)
            let fetches = world.source.fetches.count
            await world.pass(.seconds(300), agent)
            #expect(world.source.fetches.count == fetches && world.names() == ["7"])
            await running.stop()

            // The next life knows it, too.
            let next = world.agent(isServed: true)
            let again = await world.run(next)
            await world.pass(.seconds(60), next)
            #expect(await Self.states(next) == ["7": "confirmed", "8": "refused"])
            #expect(world.source.fetches.count == fetches)

            // A better one takes its place.
            world.source.put("9", ["a": "3"])
            world.server.say(["9": .available])
            await world.pass(.seconds(60), next)
            #expect(world.names() == ["9"])
            await again.stop()
        }

        @Test("A server that is down, or does not answer, delays pruning and breaks nothing")
        func down() async throws {
            let world = try World()
            let (agent, running) = await Self.served(world)
            world.server.die()
            world.source.put("8", ["a": "2"])
            await world.pass(.seconds(120), agent)
            #expect(world.names().sorted() == ["7", "8"])
            #expect(world.recorder.lines(of: "notice ask the server").count == 1, "said once: \(world.recorder.lines)")
            world.server.start()
            world.server.silence(true)
            await world.pass(.seconds(60), agent)
            #expect(world.names().sorted() == ["7", "8"])
            world.server.silence(false)
            world.server.say(["8": .available])
            await world.pass(.seconds(6), agent)
            #expect(world.names() == ["8"])
            await running.stop()
        }

        @Test("What is not aspired any more is pruned only by what the server says now: one that loads it keeps it")
        func loadingStays() async throws {
            let world = try World()
            let (agent, running) = await Self.served(world, rules: PlanRules(pruneDelay: .seconds(60)))
            world.source.put("8", ["a": "2"])
            world.server.say(["8": .available])
            await world.pass(.seconds(40), agent)
            #expect(world.names().sorted() == ["7", "8"])
            // It starts anew, and loads what it sees.
            world.server.say(["7": .loading, "8": .loading])
            await world.pass(.seconds(120), agent)
            #expect(world.names().sorted() == ["7", "8"])
            world.server.die()
            await world.pass(.seconds(60), agent)
            #expect(world.names().sorted() == ["7", "8"], "nobody says what it does now")
            world.server.start()
            world.server.say(["7": .available, "8": .available])
            await world.pass(.seconds(60), agent)
            #expect(world.names() == ["8"])
            await running.stop()
        }

        @Test("A rollback: the lower one comes in, the higher one goes out of sight, and for good when the lower is confirmed")
        func rollback() async throws {
            let world = try World()
            let (agent, running) = await Self.served(world)
            world.source.put("6", ["a": "0"])
            agent.replaceModels(world.set([world.model("m", .specific([6]))]))
            await world.wait(for: "the lower one") { world.names().contains("6") }
            await world.pass(.seconds(1), agent)
            #expect(world.recorder.lines(of: "in", "out") == ["in m/6", "out m/7"])
            #expect(world.state("parked/m") == ["7"])
            #expect(await Self.states(agent) == ["6": "published", "7": "parked"])
            await world.pass(.seconds(60), agent)
            #expect(world.state("parked/m") == ["7"])
            world.server.say(["6": .available, "7": .ended])
            await world.pass(.seconds(6), agent)
            #expect(world.state("parked/m") == [] && world.names() == ["6"])
            #expect(world.recorder.lines(of: "pruned") == ["pruned m 7"])
            await running.stop()
        }

        @Test("A rollback to what the server cannot load: the higher one comes back, and counts as loaded")
        func rollbackInVain() async throws {
            let world = try World()
            let (agent, running) = await Self.served(world)
            world.source.put("6", ["a": "0"])
            agent.replaceModels(world.set([world.model("m", .specific([6]))]))
            await world.wait(for: "the higher one to go") { world.names() == ["6"] }
            world.server.say(["6": .failed("no")])
            await world.pass(.seconds(2), agent)
            // A base path without a version would have the server unload what it still serves.
            #expect(world.recorder.lines(of: "in", "out") == ["in m/6", "out m/7", "in m/7", "out m/6"])
            #expect(world.names() == ["7"] && world.state("refused/m") == ["6"])
            #expect(await Self.states(agent) == ["6": "refused", "7": "confirmed"])
            await running.stop()
        }

        @Test("A version that was superseded before it was confirmed is watched all the same")
        func superseded() async throws {
            let world = try World()
            let (agent, running) = await Self.served(world)
            world.source.put("8", ["a": "2"])
            world.server.say(["8": .loading])
            await world.pass(.seconds(34), agent)
            world.source.put("9", ["a": "3"])
            await world.pass(.seconds(34), agent)
            #expect(world.names().sorted() == ["7", "8", "9"], "8 is being loaded, 7 is what serves")
            world.server.say(["8": .failed("no"), "9": .waiting])
            await world.pass(.seconds(6), agent)
            #expect(world.names().sorted() == ["7", "9"] && world.state("refused/m") == ["8"])
            world.server.say(["9": .available])
            await world.pass(.seconds(6), agent)
            #expect(world.names() == ["9"])
            await running.stop()
        }

        @Test("What is not confirmed in time is told, and stays; nothing is pruned for it")
        func overdue() async throws {
            let world = try World()
            let (agent, running) = await Self.served(world, confirmTimeout: .seconds(100))
            world.source.put("8", ["a": "2"])
            await world.pass(.seconds(90), agent)
            #expect(await agent.status().models.first?.unconfirmed == 0)
            await world.pass(.seconds(60), agent)
            #expect(await agent.status().models.first?.unconfirmed == 1)
            let warnings = world.recorder.lines(of: "warning")
            #expect(warnings.count == 1 && warnings[0].contains("m 8 is not confirmed after "), "\(warnings)")
            await world.pass(.seconds(600), agent)
            #expect(world.names().sorted() == ["7", "8"] && world.recorder.lines(of: "warning").count == 1)
            world.server.say(["8": .available])
            await world.pass(.seconds(6), agent)
            #expect(world.names() == ["8"])
            #expect(await agent.status().models.first?.unconfirmed == 0)
            await running.stop()
        }

        @Test(
            "--republish-refused puts a version in again, as often as it says; what the server said of the first try does not count"
        )
        func republishRefused() async throws {
            let world = try World()
            let (agent, running) = await Self.served(
                world, rules: PlanRules(republishRefused: 2, republishPause: .seconds(20)))
            await Self.refuseEight(world, agent)
            #expect(world.names() == ["7"])
            await world.pass(.seconds(20), agent)
            #expect(world.names().sorted() == ["7", "8"])
            world.server.say(["8": .loading])
            await world.pass(.seconds(1), agent)
            world.server.say(["8": .failed("no")])
            await world.pass(.seconds(1), agent)
            #expect(world.names() == ["7"])
            await world.pass(.seconds(21), agent)
            #expect(world.names().sorted() == ["7", "8"])
            // The server stays with its word.
            await world.pass(.seconds(15), agent)
            #expect(world.names() == ["7"])
            await world.pass(.seconds(300), agent)
            #expect(world.recorder.lines(of: "in") == ["in m/8", "in m/8", "in m/8"])
            #expect(world.recorder.lines(of: "refused").count == 3)
            await running.stop()
        }

        @Test("A refused version with another content is another try")
        func renewed() async throws {
            let world = try World()
            let (agent, running) = await Self.served(world)
            await Self.refuseEight(world, agent)
            #expect(world.names() == ["7"])
            world.source.change("8", "a", to: "3")
            await world.pass(.seconds(45), agent)
            #expect(world.names().sorted() == ["7", "8"])
            #expect(world.content("m/8/a") == "3")
            #expect(world.state("refused/m") == [])
            await world.pass(.seconds(10), agent)
            #expect(world.names().sorted() == ["7", "8"], "what the server says of the earlier one does not count")
            world.server.say(["8": .loading])
            await world.pass(.seconds(6), agent)
            world.server.say(["8": .available])
            await world.pass(.seconds(6), agent)
            #expect(world.names() == ["8"])
            await running.stop()
        }

        @Test("A version during whose load the server dies twice is taken out; once may be chance")
        func deadly() async throws {
            let world = try World()
            let (agent, running) = await Self.served(world)
            world.source.put("8", ["a": "2"])
            await world.pass(.seconds(34), agent)
            for life in 1...2 {
                world.server.start()
                world.server.say(["7": .available, "8": .loading])
                await world.pass(.seconds(2), agent)
                #expect(world.names().sorted() == ["7", "8"], "\(life)")
                world.server.die()
                await world.pass(.seconds(2), agent)
            }
            #expect(world.names() == ["7"])
            #expect(
                world.recorder.lines(of: "refused") == ["refused m 8: the server went away 2 times while it loaded this version"])
            await running.stop()
        }

        @Test("A refused version that the policy does not name is not forgotten: what is named is in place, and nobody lists")
        func notForgotten() async throws {
            let world = try World()
            let (agent, running) = await Self.served(world)
            await Self.refuseEight(world, agent)
            agent.replaceModels(world.set([world.model("m", .specific([7]))]))
            await world.pass(.seconds(200), agent)
            #expect(world.state("refused/m") == ["8"])
            world.source.remove("8")
            await world.pass(.seconds(100), agent)
            #expect(!world.state("refused/m").contains("8"))
            await running.stop()
        }

        @Test("Killed between taking out and putting in: what the server says of the number is still of the earlier content")
        func killedInBetween() async throws {
            let world = try World()
            let (agent, running) = await Self.served(world, onChanged: .republish, recheck: .seconds(20))
            world.source.change("7", "a", to: "2")
            await world.pass(.seconds(30), agent)
            #expect(world.names() == [] && world.state("staging/m") == ["7"])
            await running.stop()

            let next = world.agent(onChanged: .republish, isServed: true)
            let again = await world.run(next)
            await world.pass(.seconds(10), next)
            #expect(world.names() == [], "the server still has it")
            world.server.say(["7": .ended])
            await world.pass(.seconds(1), next)
            #expect(world.names() == ["7"])
            #expect(await Self.states(next) == ["7": "published"])
            world.server.say(["7": .available])
            await world.pass(.seconds(6), next)
            #expect(await Self.states(next) == ["7": "confirmed"])
            await again.stop()
        }

        @Test("What the server loads is not replaced, however its objects change")
        func loadingIsNotReplaced() async throws {
            let world = try World()
            let (agent, running) = await Self.served(world, onChanged: .republish, recheck: .seconds(20))
            world.server.say(["7": .loading])
            world.source.change("7", "a", to: "2")
            await world.pass(.seconds(60), agent)
            #expect(world.recorder.lines(of: "in", "out") == [])
            world.server.say(["7": .available])
            await world.pass(.seconds(1), agent)
            #expect(world.recorder.lines(of: "in", "out") == ["out m/7"])
            world.server.say(["7": .ended])
            await world.pass(.seconds(1), agent)
            #expect(world.recorder.lines(of: "in", "out") == ["out m/7", "in m/7"])
            await running.stop()
        }

        @Test("A version that the server gave up before its turn, and so reports as waiting for ever, goes, and can come back")
        func givenUpBeforeItsTurn() async throws {
            let world = try World()
            let (agent, running) = await Self.served(world)
            world.source.put("8", ["a": "2"])
            await world.pass(.seconds(34), agent)
            world.server.say(["8": .waiting])
            world.source.put("9", ["a": "3"])
            await world.pass(.seconds(34), agent)
            world.server.say(["9": .loading])
            await world.pass(.seconds(300), agent)
            #expect(world.names().sorted() == ["7", "8", "9"], "it may be its turn next")
            world.server.say(["7": .ended, "9": .available])
            await world.pass(.seconds(50), agent)
            #expect(world.names().sorted() == ["8", "9"])
            await world.pass(.seconds(20), agent)
            #expect(world.names() == ["9"])

            world.recorder.forget()
            agent.replaceModels(world.set([world.model("m", .specific([8]))]))
            for _ in 0..<40 where world.recorder.lines(of: "fetch m 8").isEmpty { await world.pass(.seconds(1), agent) }
            await world.pass(.seconds(4), agent)
            #expect(world.recorder.lines(of: "in") == [], "the server may be about to look for it")
            await world.pass(.seconds(2), agent)
            #expect(world.recorder.lines(of: "in") == ["in m/8"])
            world.server.say(["8": .loading])
            await world.pass(.seconds(1), agent)
            world.server.say(["8": .available])
            await world.pass(.seconds(6), agent)
            #expect(await Self.states(agent)["8"] == "confirmed")
            await running.stop()
        }

        @Test("What is republished stays out until the server has let go of it")
        func republished() async throws {
            let world = try World()
            let (agent, running) = await Self.served(world, onChanged: .republish, recheck: .seconds(40))
            world.source.change("7", "a", to: "2")
            await world.pass(.seconds(60), agent)
            #expect(world.recorder.lines(of: "in", "out") == ["out m/7"])
            world.server.say(["7": .unloading])
            await world.pass(.seconds(5), agent)
            #expect(world.recorder.lines(of: "in", "out") == ["out m/7"])
            world.server.say(["7": .ended])
            await world.pass(.seconds(1), agent)
            #expect(world.recorder.lines(of: "in", "out") == ["out m/7", "in m/7"])
            #expect(await Self.states(agent) == ["7": "published"])
            world.server.say(["7": .available])
            await world.pass(.seconds(6), agent)
            #expect(await Self.states(agent) == ["7": "confirmed"])
            await running.stop()
        }

        @Test("A refused version gives up its space when that is needed, and stays refused")
        func space() async throws {
            let world = try World()
            let (agent, running) = await Self.served(world, settings: VolumeSettings(maxVolume: 100))
            world.source.put("8", ["a": String(repeating: "x", count: 40)])
            await world.pass(.seconds(34), agent)
            world.server.say(["8": .failed("no")])
            await world.pass(.seconds(1), agent)
            world.source.put("9", ["a": String(repeating: "y", count: 70)])
            world.server.say(["9": .loading])
            await world.pass(.seconds(70), agent)
            #expect(world.names().sorted() == ["7", "9"])
            #expect(!world.state("refused/m").contains("8"))
            #expect(await Self.states(agent)["8"] == "refused")
            await running.stop()
        }

        @Test("once takes what was refused for absent, and asks no server")
        func once() async throws {
            let world = try World()
            let (agent, running) = await Self.served(world)
            await Self.refuseEight(world, agent)
            await running.stop()
            let questions = world.server.questions.count
            let fetches = world.source.fetches.count
            let rules = PlanRules(republishRefused: 5)
            #expect(await world.once(world.agent(rules: rules, isServed: true)) == [])
            #expect(world.names() == ["7"] && world.source.fetches.count == fetches)
            let failures = await world.once(world.agent([world.model("m", .specific([8]))], rules: rules, isServed: true))
            #expect(failures.count == 1 && failures.first?.kind == .notFound)
            #expect(failures.first?.message.contains("the server could not load it before") == true, "\(failures)")
            #expect(world.server.questions.count == questions)
            #expect(world.names() == ["7"])
            // With nothing else in the source it is not waited for.
            world.source.remove("7")
            let alone = await world.once(world.agent(rules: rules, isServed: true))
            #expect(alone.count == 1 && alone.first?.kind == .notFound, "\(alone)")
            #expect(world.names() == ["7"])
        }
    }
}

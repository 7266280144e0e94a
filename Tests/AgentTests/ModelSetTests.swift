import FileIO
import Servables
import SystemPackage
import Testing
import Volume

@testable import Agent

extension AgentSuite {
    @Suite("models that come and go") struct ModelSetTests {
        @Test("A model that is added begins at once, and one that is there goes on undisturbed")
        func added() async throws {
            let world = try World("m", "n")
            world.source("m").put("7", ["a": "1"])
            world.source("n").put("3", ["b": "2"])
            let agent = world.agent()
            let running = await world.run(agent)
            let before = world.source("m").listings
            agent.replaceModels(world.set([world.model("n"), world.model("m")]))
            await world.wait(for: "the new model") { world.names("n") == ["3"] }
            await world.settle(agent)
            #expect(world.names("m") == ["7"])
            #expect(world.source("m").listings == before)
            #expect(await agent.status().models.map(\.name) == ["n", "m"])
            await running.stop()
        }

        @Test(
            "A model that is taken out leaves the volume: each version by one rename, lowest first, then what was staged, then its base"
        )
        func takenOut() async throws {
            let world = try World("m", "n")
            world.source("m").put("7", ["a": "1"])
            world.source("m").put("8", ["a": "2"])
            world.source("n").put("3", ["b": "2"])
            let agent = world.agent([world.model("m", .latest(2)), world.model("n")])
            let running = await world.run(agent)
            world.source("m").put("9", ["a": "3", "b": "4"])
            world.source("m").close(.fetch("9", "b"))
            await agent.syncNow()
            await world.settle(agent)
            #expect(world.state("staging/m") == ["9"])
            world.recorder.forget()

            agent.replaceModels(world.set([world.model("n")]))
            await world.wait(for: "the model to leave") { world.names("m") == ["no base path"] }
            await world.wait(for: "the word about it") { !world.recorder.lines(of: "notice m is no longer").isEmpty }
            #expect(world.recorder.lines(of: "in", "out", "pruned") == ["out m/7", "pruned m 7", "out m/8", "pruned m 8"])
            #expect(world.state("trash") == [] && world.state("manifests/m") == [] && world.state("staging") == [])
            #expect(world.names("n") == ["3"])
            #expect(await agent.status().models.map(\.name) == ["n"])
            await running.stop()
        }

        @Test("What is not ours stays where a model leaves, and is named")
        func foreign() async throws {
            let world = try World("m", "n")
            world.source("m").put("7", ["a": "1"])
            let agent = world.agent([world.model("m"), world.model("n")])
            let running = await world.run(agent)
            try world.place("m/5", ["mine": "x"])
            try world.place("m", ["notes": "y"])
            agent.replaceModels(world.set([world.model("n")]))
            await world.wait(for: "the word about it") { !world.recorder.lines(of: "notice m is no longer").isEmpty }
            #expect(world.names("m").sorted() == ["5", "notes"])
            #expect(world.content("m/5/mine") == "x")
            #expect(world.recorder.lines(of: "notice m is no longer").first?.contains("5, notes") == true)
            await running.stop()
        }

        /// An agent that takes `m` out, and is kept from it once.
        private func takingOutInVain(_ world: World, list: String? = nil) async -> World.Running {
            world.source("m").put("7", ["a": "1"])
            let agent = world.agent([world.model("m"), world.model("n")])
            let running = await world.run(agent)
            let old = world.root.appending("m/7")
            world.recorder.fail { $0.operation == .rename && $0.path == old ? .fail(.ioError) : .proceed }
            agent.replaceModels(world.set([world.model("n")], list: list))
            await world.wait(for: "the first try") { world.recorder.lines(of: "warning prune").count == 1 }
            return running
        }

        @Test("What cannot be taken away is tried again until it can")
        func retried() async throws {
            let world = try World("m", "n")
            let running = await takingOutInVain(world, list: "the new list")
            #expect(world.names("m") == ["7"])
            #expect(world.content(".aspired/models.config") == nil, "it is not the good one before nothing is left of the other")
            world.recorder.fail(nil)
            await world.wait(for: "its pause") { world.time.durations.contains { $0 < .seconds(5) } }
            _ = world.time.moveToNext()
            await world.wait(for: "the model to leave") { world.names("m") == ["no base path"] }
            await world.wait(for: "the list to be kept") { world.content(".aspired/models.config") == "the new list" }
            await running.stop()
        }

        @Test("A model that comes back while it leaves begins anew")
        func backAgain() async throws {
            let world = try World("m", "n")
            let running = await takingOutInVain(world)
            let agent = running.agent
            agent.replaceModels(world.set([world.model("m"), world.model("n")]))
            await world.wait(for: "the model to be back") { await agent.status().models.map(\.name) == ["m", "n"] }
            await world.settle(agent)
            world.recorder.fail(nil)
            await world.pass(.seconds(120), agent)
            #expect(world.names("m") == ["7"])
            await running.stop()
        }

        @Test("Another policy is taken by the same loop: what is being fetched goes on")
        func policy() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent()
            let running = await world.run(agent)
            world.source.put("8", ["a": "2", "b": "3"])
            world.source.close(.fetch("8", "b"))
            await agent.syncNow()
            await world.settle(agent)
            agent.replaceModels(world.set([world.model("m", .latest(2))]))
            await world.wait(for: "the policy") { await agent.status().models.first?.policy == .latest(2) }
            await world.settle(agent)
            world.source.open(.fetch("8", "b"))
            await world.wait(for: "both versions") { world.names().sorted() == ["7", "8"] }
            #expect(world.source.calls.count { $0 == .fetch("8", "a") } == 1)
            #expect(world.source.calls.count { $0 == .fetch("8", "b") } == 1, "nothing was begun anew")
            agent.replaceModels(world.set([world.model("m", .specific([7]))]))
            await world.wait(for: "the chosen one") { world.names() == ["7"] }
            await running.stop()
        }

        @Test(
            "A model whose versions come from elsewhere now has a loop of its own, and keeps what it has until the new is there")
        func elsewhere() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent()
            let running = await world.run(agent)
            let other = ScriptedSource("other", time: world.time)
            other.put("8", ["a": "2"])
            var model = world.model()
            model = DesiredModel(
                name: "m", source: .directory(path: "/other"), policy: model.policy, ready: model.ready, settle: model.settle,
                isRequired: true)
            world.recorder.forget()
            agent.replaceModels(ModelSet(models: [model], makeSource: { _ in other }))
            await world.wait(for: "the other place's version") { world.names() == ["7", "8"] }
            await world.settle(agent)
            // That it is not there any more, two listings have to say.
            await world.pass(.seconds(40), agent)
            #expect(world.recorder.lines(of: "in", "out") == ["in m/8", "out m/7"])
            await running.stop()
        }

        @Test("At the start, models of the last good list that the new one does not have go; all others stay")
        func former() async throws {
            let world = try World("m", "n", "o")
            for name in ["m", "n", "o"] { world.source(name).put("7", ["a": name]) }
            let first = world.agent([world.model("m"), world.model("n"), world.model("o")])
            await world.run(first).stop()
            #expect(world.names("m") == ["7"] && world.names("n") == ["7"] && world.names("o") == ["7"])

            let second = world.agent([world.model("n")])
            second.replaceModels(world.set([world.model("n")], list: "now", former: ["m", "n"]))
            let running = await world.run(second)
            await world.wait(for: "m to leave") { world.names("m") == ["no base path"] }
            await world.wait(for: "the list to be kept") { world.content(".aspired/models.config") == "now" }
            #expect(world.names("n") == ["7"] && world.names("o") == ["7"])
            await running.stop()
        }

        @Test("While it is not known which models there are, it is not ready, and what is staged of others stays")
        func gap() async throws {
            let world = try World("m", "n")
            world.source("n").put("7", ["a": "1", "b": "2"])
            world.source("n").close(.fetch("7", "b"))
            let first = world.agent([world.model("n")])
            await world.run(first).stop()
            #expect(world.state("staging/n") == ["7"])

            let second = world.agent([])
            second.replaceModels(world.set([], gap: "the list of models cannot be had"))
            let running = Task { try await second.run() }
            await world.wait(for: "it to be active") { await second.status().role == .active }
            #expect(await second.unreadiness() == ["the list of models cannot be had"])
            #expect(await second.status().isReady == false)
            #expect(world.state("staging/n") == ["7"])
            // The list is known before the agent has taken it: it is not ready in between.
            second.replaceModels(world.set([world.model("n")]))
            var answers: Set<[String]> = []
            repeat { answers.insert(await second.unreadiness()) } while await second.status().models.isEmpty
            #expect(!answers.contains([]), "\(answers)")
            world.source("n").open(.fetch("7", "b"))
            await world.wait(for: "the model") { world.names("n") == ["7"] }
            await world.wait(for: "readiness") { await second.unreadiness() == [] }
            #expect(world.source("n").calls.count { $0 == .fetch("7", "a") } == 1, "what was staged was kept")
            running.cancel()
            _ = await running.result
        }

        @Test("A stand-by writes no list")
        func standby() async throws {
            let world = try World()
            let holder = world.volume()
            try holder.prepare()
            #expect(try holder.tryLock() == nil)
            let agent = world.agent()
            agent.replaceModels(world.set([world.model()], list: "mine"))
            let running = Task { try await agent.run() }
            await world.wait(for: "the stand-by") { !world.recorder.lines(of: "standby").isEmpty }
            #expect(world.content(".aspired/models.config") == nil)
            holder.unlock()
            await world.wait(for: "its pause") { world.time.durations == [.seconds(1)] }
            _ = world.time.moveToNext()
            await world.wait(for: "the list to be kept") { world.content(".aspired/models.config") == "mine" }
            running.cancel()
            _ = await running.result
        }
    }
}

import FileIO
import Servables
import SystemPackage
import Testing
import Volume

@testable import Agent

extension AgentSuite {
    @Suite("Files beside the versions") struct ModelFilesTests {
        private static func files(_ world: World) -> [SourceCall] {
            world.source.fetches.filter { if case .fetch("", _) = $0 { true } else { false } }
        }

        @Test("once: versions first, then their files; a second once fetches nothing, and takes what has changed")
        func once() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.source.put("", ["config": "c1", "labels": "l1"])
            #expect(await world.once(world.agent(filesSynced: true)) == [])
            #expect(world.content("m/config") == "c1" && world.content("m/labels") == "l1")
            #expect(
                world.recorder.lines(of: "in", "notice m: ") == [
                    "in m/7", "in m/config", "in m/labels", "notice m: config, labels of test://m in place",
                ])
            let before = try world.identities()
            world.source.forgetCalls()
            #expect(await world.once(world.agent(filesSynced: true)) == [])
            #expect(try Self.files(world).isEmpty && world.identities() == before)
            world.source.change("", "config", to: "c2")
            #expect(await world.once(world.agent(filesSynced: true)) == [])
            #expect(Self.files(world) == [.fetch("", "config")])
            #expect(world.content("m/config") == "c2" && world.content("m/labels") == "l1")
        }

        @Test("once fails where a file cannot be had, with everything else done")
        func onceFails() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.source.put("", ["config": "c1"])
            world.source.fail(.fetch("", "config"), .denied, isTransient: false)
            #expect(await world.once(world.agent(filesSynced: true)).map(\.kind) == [.denied])
            #expect(world.names() == ["7"])
        }

        @Test("A name that no file can have is told, fails once, and keeps no version away")
        func hostile() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.source.fail(.contents(""), .badData, isTransient: false)
            #expect(await world.once(world.agent(filesSynced: true)).map(\.kind) == [.badData])
            #expect(world.names() == ["7"])
            let agent = world.agent(filesSynced: true)
            let running = await world.run(agent)
            world.source.put("8", ["a": "2"])
            await world.pass(.seconds(40), agent)
            #expect(world.names() == ["8"])
            #expect(await agent.status().models.first?.lastFailure?.kind == .badData)
            world.source.heal(.contents(""))
            world.source.put("", ["config": "c1"])
            await world.pass(.seconds(40), agent)
            #expect(world.content("m/config") == "c1")
            #expect(await agent.status().models.first?.lastFailure == nil)
            await running.stop()
        }

        @Test("Without --model-files nothing beside the versions is taken")
        func off() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.source.put("", ["config": "c1"])
            #expect(await world.once(world.agent()) == [])
            #expect(world.names() == ["7"] && Self.files(world).isEmpty)
        }

        @Test(
            "A file waits for the version it came with, is fetched meanwhile, and what failed is tried again; named versions are listed, too"
        )
        func run() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.source.put("", ["config": "c1"])
            let agent = world.agent([world.model("m", .specific([7]))], filesSynced: true)
            let running = await world.run(agent)
            await world.pass(.seconds(1), agent)
            #expect(world.content("m/config") == "c1")
            world.source.change("", "config", to: "c2")
            world.source.fail(.fetch("", "config"), .unavailable, isTransient: true)
            await world.pass(.seconds(40), agent)
            #expect(world.content("m/config") == "c1")
            world.source.heal(.fetch("", "config"))
            await world.pass(.seconds(40), agent)
            #expect(world.content("m/config") == "c2")

            agent.replaceModels(world.set([world.model()]))
            world.source.put("8", ["a": "2"])
            world.source.close(.fetch("8", "a"))
            world.source.change("", "config", to: "c3")
            await world.pass(.seconds(60), agent)
            #expect(world.content("m/config") == "c2" && Self.files(world).last == .fetch("", "config"))
            world.source.open(.fetch("8", "a"))
            await world.pass(.seconds(10), agent)
            #expect(world.names().sorted() == ["8", "config"] && world.content("m/config") == "c3")
            await running.stop()
        }

        @Test("Beside a server that loads: the base path comes in whole, and a load sees the version with its files")
        func loaded() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.source.put("", ["config": "c1"])
            let settings = VolumeSettings(makesEmptyBasePaths: false)
            let agent = world.agent(settings: settings, link: world.triton, filesSynced: true)
            let running = await world.run(agent)
            await world.pass(.seconds(5), agent)
            #expect(world.triton.orders == ["load m 7 config"])
            world.source.put("8", ["a": "2"])
            world.source.change("", "config", to: "c2")
            await world.pass(.seconds(40), agent)
            #expect(world.triton.orders == ["load m 7 config", "load m 7 8 config", "load m 8 config"])
            #expect(world.content("m/config") == "c2" && world.triton.disturbances.isEmpty)
            // A file alone has it load, too.
            world.source.change("", "config", to: "c3")
            await world.pass(.seconds(40), agent)
            #expect(world.triton.orders.count == 4 && world.content("m/config") == "c3")
            #expect(world.state("model-files/m/former") == [])
            await running.stop()
        }

        /// One beside a server that loads what it is told to, which has version 7 with the first content of a file.
        private static func serving() async throws -> (World, Agent, World.Running) {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.source.put("", ["config": "c1"])
            let agent = world.agent(link: world.triton, filesSynced: true)
            let running = await world.run(agent)
            await world.pass(.seconds(5), agent)
            return (world, agent, running)
        }

        @Test("What replaced a file is taken back with a version that is refused, and comes in with the next")
        func putBack() async throws {
            let (world, agent, running) = try await Self.serving()
            world.triton.spoil("8")
            world.source.put("8", ["a": "2"])
            world.source.change("", "config", to: "c2")
            await world.pass(.seconds(60), agent)
            #expect(world.names().sorted() == ["7", "config"] && world.content("m/config") == "c1")
            #expect(world.recorder.lines(of: "warning m: config put back").count == 1)
            await world.pass(.seconds(120), agent)
            #expect(world.content("m/config") == "c1")
            await running.stop()

            // Another process knows it, too.
            let next = world.agent(link: world.triton, filesSynced: true)
            let nextRunning = await world.run(next)
            await world.pass(.seconds(120), next)
            #expect(world.content("m/config") == "c1" && world.names().sorted() == ["7", "config"])
            world.source.put("9", ["a": "3"])
            await world.pass(.seconds(60), next)
            #expect(world.names().sorted() == ["9", "config"] && world.content("m/config") == "c2")
            #expect(world.triton.disturbances.isEmpty)
            await nextRunning.stop()
        }

        @Test("It is taken back, too, where nobody knew what is in place as the version went out")
        func putBackUnseen() async throws {
            let (world, agent, running) = try await Self.serving()
            world.triton.spoil("8")
            world.triton.hold()
            world.source.put("8", ["a": "2"])
            world.source.change("", "config", to: "c2")
            await world.pass(.seconds(40), agent)
            await world.wait(for: "the load") { world.triton.isHolding }
            // A listing has the files looked at, and that takes until the version is out.
            let (files, versions) = (ThreadGate(), ThreadGate())
            files.closeAfter(0)
            world.recorder.delay { call in
                if call.operation == .stat, call.path.string.hasSuffix("model-files/m/record.json") { files.pass() }
                if call.operation == .list, call.path.string.hasSuffix("/models/m") { versions.pass() }
            }
            await agent.syncNow()
            await world.wait(for: "the look at the files") { files.isAnyoneWaiting }
            world.triton.release()
            await world.wait(for: "the version to be on its way out") { await agent.reconcilers[0].leaving != nil }
            versions.closeAfter(0)
            files.open()
            await world.wait(for: "the version to be out") { world.names().sorted() == ["7", "config"] }
            versions.open()
            await world.pass(.seconds(60), agent)
            #expect(world.content("m/config") == "c1")
            await running.stop()
        }

        @Test("It is taken back by the next process where the one that took out the version was killed before")
        func putBackLater() async throws {
            let (world, agent, running) = try await Self.serving()
            world.triton.spoil("8")
            world.source.put("8", ["a": "2"])
            world.source.change("", "config", to: "c2")
            world.recorder.fail { call in
                call.operation == .rename && call.path.string.contains("model-files/m/former") ? .fail(.ioError) : .proceed
            }
            await world.pass(.seconds(60), agent)
            #expect(world.names().sorted() == ["7", "config"] && world.content("m/config") == "c2")
            #expect(1...8 ~= world.recorder.lines(of: "sync failed m volume retry").count, "with back-off")
            await running.stop()
            world.recorder.fail(nil)

            let next = world.agent(link: world.triton, filesSynced: true)
            let nextRunning = await world.run(next)
            await world.pass(.seconds(60), next)
            #expect(world.content("m/config") == "c1")
            await nextRunning.stop()
        }

        @Test("A file that the server cannot load the model with is put back, whatever the version")
        func badFile() async throws {
            let (world, agent, running) = try await Self.serving()
            world.triton.excuse("failed to parse")
            world.source.change("", "config", to: "c2")
            await world.pass(.seconds(33), agent)
            world.triton.excuse(nil)
            await world.pass(.seconds(60), agent)
            #expect(world.content("m/config") == "c1")
            world.source.change("", "config", to: "c3")
            await world.pass(.seconds(60), agent)
            #expect(world.content("m/config") == "c3" && world.triton.available() == ["7"])
            await running.stop()
        }
    }
}

import FileIO
import Servables
import SystemPackage
import Testing
import Volume

@testable import Agent

extension AgentSuite {
    @Suite("plan and status") struct PlannerTests {
        private func planned(_ world: World, _ policy: VersionPolicy = .latest(1)) async -> PlannedModel {
            let planner = Planner(volume: world.volume(), workers: AgentWorkers(), settings: AgentSettings(), time: world.time)
            return await planner.plan(world.model("m", policy), source: world.source)
        }

        @Test("It says what would be fetched, with bytes, and pruned, and changes nothing")
        func plans() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            _ = await world.once(world.agent())
            world.source.put("8", ["a": "22", "b": "333"])
            world.source.put("9", ["a": "4"])
            world.source.hold("9", "no marker yet")
            let before = try world.identities()
            world.recorder.forget()
            world.source.forgetCalls()
            let planned = await planned(world)
            #expect(planned.failure == nil)
            #expect(planned.plan.fetch.map(\.name) == ["8"])
            #expect(planned.fetches[Version(number: 8)] == .init(files: 2, bytes: 5))
            #expect(planned.plan.held[Version(number: 9)] == "no marker yet")
            // Once 8 is in place.
            #expect(planned.plan.prune.map(\.name) == ["7"])
            #expect(planned.plan.keep.isEmpty)
            #expect(planned.published[Version(number: 7)]?.bytes == 1)
            #expect(try world.identities() == before)
            #expect(world.recorder.lines == [])
            #expect(world.source.fetches == [])
        }

        @Test("As once it lists twice before it says that a version is gone, in place or not")
        func listsTwice() async throws {
            let world = try World()
            world.source.put("9", ["a": "9"])
            _ = await world.once(world.agent())
            world.source.remove("9")
            world.source.put("8", ["a": "8"])
            world.source.forgetCalls()
            let planned = await planned(world)
            #expect(world.source.listings == 2)
            #expect(planned.plan.fetch.map(\.name) == ["8"])
        }

        @Test("What cannot be asked is its failure", arguments: [SourceCall.list, .contents("7")])
        func fails(call: SourceCall) async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.source.fail(call, .denied, isTransient: false)
            #expect(await planned(world).failure?.kind == .denied)
        }

        @Test("It needs no volume to be there")
        func noVolume() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let planned = await planned(world)
            #expect(planned.failure == nil)
            #expect(planned.plan.fetch.map(\.name) == ["7"])
            #expect(try world.files.status(world.root) == nil)
        }

        @Test("The report of a volume names its models and versions, with no agent running")
        func report() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            _ = await world.once(world.agent())
            try world.place("m/3", ["a": "theirs"])
            let report = try VolumeReport.read(world.volume(), program: "test")
            #expect(report.models.map(\.name) == ["m"])
            #expect(report.models[0].versions.map(\.version.name) == ["7", "3"])
            #expect(report.models[0].versions.map(\.state) == [.published, .foreign])
            #expect(report.holder == nil)
        }
    }
}

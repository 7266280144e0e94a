import FileIO
import Servables
import SystemPackage
import Testing
import Volume

@testable import Agent

extension AgentSuite {
    @Suite("Doing nothing when there is nothing to do") struct IdleTests {
        @Test("At rest there is one turn for each poll and each half minute, and nothing else")
        func rest() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = world.agent(poll: .seconds(600))
            let running = await world.run(agent)
            await world.pass(.seconds(1), agent)
            world.recorder.forget()
            world.source.forgetCalls()
            await world.pass(.seconds(3600), agent)
            // 120 half minutes; a poll is a turn that lists and a turn that reads the answer.
            #expect((115...140).contains(world.recorder.looks("m")), "\(world.recorder.looks("m"))")
            #expect((5...7).contains(world.source.listings), "\(world.source.calls)")
            // What is published is compared every ten minutes.
            #expect((5...7).contains(world.source.calls.count { $0 == .compare("7") }), "\(world.source.calls)")
            #expect(world.source.calls.count <= 14)
            #expect(world.recorder.lines == [])
            await running.stop()
        }

        @Test("Named by number and in place, nothing is listed; each version is still compared once an interval")
        func numbers() async throws {
            let world = try World()
            for number in ["3", "5", "7"] { world.source.put(number, ["a": number]) }
            _ = await world.once(world.agent([world.model("m", .all)]))
            world.source.forgetCalls()
            let agent = world.agent([world.model("m", .specific([3, 7]))], recheck: .seconds(600))
            let running = await world.run(agent)
            // What is too many goes by what the source says (CONTRACT P3).
            #expect(world.names() == ["3", "7"] && world.source.listings > 0, "\(world.source.calls)")
            await world.pass(.seconds(60), agent)
            world.source.forgetCalls()
            await world.pass(.seconds(3600), agent)
            #expect(world.source.listings == 0)
            for number in ["3", "7"] {
                #expect((5...7).contains(world.source.calls.count { $0 == .compare(number) }), "\(world.source.calls)")
            }
            #expect(await agent.status().models[0].versions.map(\.state) == [.published, .published])
            // A version that somebody takes away is fetched at once, and asked for as long as it is not there.
            world.source.close(.fetch("7", "a"))
            try world.files.removeTree(world.root.appending("m/7"))
            await world.pass(.seconds(120), agent)
            #expect(world.source.listings > 1)
            world.source.open(.fetch("7", "a"))
            await world.settle(agent)
            #expect(world.names() == ["3", "7"])
            await running.stop()
        }

        @Test("What is to be pruned waits for a listing, though all that is named is in place")
        func numbersAndMore() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            _ = await world.once(world.agent())
            try world.place("m/5", ["a": "theirs"])
            world.source.fail(.list, .unavailable, isTransient: true)
            let agent = world.agent([world.model("m", .specific([7]))], rules: PlanRules(prunesForeign: true))
            let running = await world.run(agent)
            await world.pass(.seconds(120), agent)
            #expect(world.names() == ["5", "7"])
            world.source.heal(.list)
            await world.pass(.seconds(120), agent)
            #expect(world.names() == ["7"])
            await running.stop()
        }

        /// A way to fail, and the most turns and calls that a minute of it may take once the back-off has grown.
        enum Trouble: String, CaseIterable, CustomTestStringConvertible {
            case lookFails, listFails, listDenied, contentsFail, contentsDenied, contentsVanish, fetchFails, fetchDenied,
                fetchStale,
                mismatch
            case stageFails, publishFails, publishSyncFails, pruneFails, discardFails, releaseFails, noSpace, heldAtOnce, held,
                sourceEmpty
            case obstacle, absent
            var testDescription: String { rawValue }
        }

        @Test("No failure makes it busy: a few turns and calls a minute, and it recovers by itself", arguments: Trouble.allCases)
        func neverSpins(_ trouble: Trouble) async throws {
            let world = try World()
            let source = world.source
            source.put("6", ["a": "six"])
            let policy: VersionPolicy = trouble == .absent ? .specific([6, 99]) : .latest(1)
            let rules = PlanRules(pruneDelay: trouble == .releaseFails ? .seconds(5) : .zero)
            let settings = VolumeSettings(maxVolume: trouble == .noSpace ? 10 : nil)
            let agent = world.agent([world.model("m", policy)], rules: rules, settings: settings)
            let running = await world.run(agent)
            #expect(world.names() == ["6"])
            if trouble == .discardFails {
                source.put("7", ["a": "0123456789"])
                source.close(.fetch("7", "a"), after: 2)
                await agent.syncNow()
                await world.settle(agent)
            }
            source.put("8", ["a": trouble == .noSpace ? "12345678" : "8", "b": "b"])
            begin(trouble, world)
            await agent.syncNow()
            await world.settle(agent)
            await world.pass(.seconds(500), agent)
            world.recorder.forget()
            source.forgetCalls()
            await world.pass(.seconds(300), agent)
            // In five minutes: 10 polls, 10 heartbeats, and at most 14 retries of three or four turns each.
            let turns = world.recorder.looks("m")
            let calls = source.calls.count
            if trouble == .heldAtOnce {
                #expect(turns <= 620 && calls <= 320, "once a second: \(turns) turns, \(calls) calls")
            } else {
                #expect(turns <= 80 && calls <= 90, "\(turns) turns, \(calls) calls")
            }
            #expect(world.recorder.lines.count <= 30, "\(world.recorder.lines.count) lines: \(world.recorder.lines.suffix(5))")
            #expect(await agent.illnesses() == [])
            #expect(world.names().contains("6") || trouble == .discardFails, "the old version stays until the new one is there")

            end(trouble, world)
            await world.pass(.seconds(400), agent)
            let names = world.names()
            switch trouble {
            case .sourceEmpty, .absent: break
            default: #expect(names == ["8"], "\(names) \(world.recorder.lines.suffix(5))")
            }
            await running.stop()
        }

        private func begin(_ trouble: Trouble, _ world: World) {
            let source = world.source
            func fail(_ operation: FileOperation, _ end: String, _ errno: Errno = .ioError) {
                world.recorder.fail { call in
                    call.operation == operation && (call.path.string.hasSuffix(end) || call.target?.string.hasSuffix(end) == true)
                        ? .fail(errno) : .proceed
                }
            }
            switch trouble {
            case .lookFails: fail(.list, "/models/m")
            case .listFails: source.fail(.list, .unavailable, isTransient: true)
            case .listDenied: source.fail(.list, .denied, isTransient: false)
            case .contentsFail: source.fail(.contents("8"), .unavailable, isTransient: true)
            case .contentsDenied: source.fail(.contents("8"), .denied, isTransient: false)
            case .contentsVanish: source.fail(.contents("8"), .notFound, isTransient: true)
            case .fetchFails: source.fail(.fetch("8", "a"), .unavailable, isTransient: true)
            case .fetchDenied: source.fail(.fetch("8", "a"), .denied, isTransient: false)
            case .fetchStale: source.fail(.fetch("8", "a"), .unavailable, isTransient: true, isStale: true)
            case .mismatch: source.fail(.fetch("8", "a"), .badData, isTransient: true, isMismatch: true)
            case .stageFails: fail(.mkdir, "/staging/m/8", .readOnlyFileSystem)
            case .publishFails: fail(.rename, "/m/8")
            case .publishSyncFails: fail(.fsync, "/8/tree/a")
            case .pruneFails: fail(.rename, "/m/6")
            case .discardFails: fail(.rename, "/staging/m/7")
            case .releaseFails: fail(.rename, "/manifests/m/6.json")
            case .noSpace: break
            case .heldAtOnce: source.hold("8", "soon", lookAgainIn: .nanoseconds(1))
            case .held: source.hold("8")
            case .sourceEmpty:
                source.remove("6")
                source.remove("8")
            case .obstacle: try? world.place("m", ["8": "a file"])
            case .absent: break
            }
        }

        private func end(_ trouble: Trouble, _ world: World) {
            let source = world.source
            world.recorder.fail(nil)
            for call in [SourceCall.list, .contents("8"), .fetch("8", "a")] { source.heal(call) }
            source.unhold("8")
            if trouble == .noSpace { source.put("8", ["a": "1"]) }
            if trouble == .obstacle { try? world.files.removeTree(world.root.appending("m/8")) }
        }
    }
}

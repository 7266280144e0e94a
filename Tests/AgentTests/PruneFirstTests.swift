import FileIO
import Servables
import Testing
import Volume

@testable import Agent

extension AgentSuite {
    @Suite("What does not fit beside what it replaces") struct PruneFirstTests {
        private static let settings = VolumeSettings(maxVolume: 25_000)
        private static func text(_ letter: Character, _ count: Int = 10_000) -> String { String(repeating: letter, count: count) }

        private func world() async throws -> World {
            let world = try World()
            world.source.put("7", ["a": Self.text("1"), "b": Self.text("2")])
            #expect(await world.once(world.agent(settings: Self.settings)) == [])
            world.source.put("8", ["a": Self.text("3"), "b": Self.text("4", 12_000), "c": Self.text("5", 300)])
            world.source.forgetCalls()
            world.recorder.forget()
            return world
        }

        @Test("Without the flag it stays out, everything stays, and the message says what would help")
        func advises() async throws {
            let world = try await world()
            let failures = await world.once(world.agent(settings: Self.settings))
            #expect(failures.map(\.kind) == [.volume])
            #expect(
                failures.first?.message.hasSuffix(
                    "; pruning 7 first would make room: --prune-first does that, and nothing is served meanwhile") == true,
                "\(failures)")
            #expect(world.names() == ["7"] && world.source.fetches == [])
        }

        @Test(
            "With it the old one goes once the first object of the new one is there, and nothing is fetched twice",
            arguments: [true, false])
        func prunes(isOnce: Bool) async throws {
            let world = try await world()
            world.source.close(.fetch("8", "c"), after: 100)
            let agent = world.agent(settings: Self.settings, prunesFirst: true)
            let once = isOnce ? Task { await world.once(agent) } : nil
            let running = isOnce ? nil : await world.run(agent)
            await world.wait(for: "the first object") { world.source.fetchedBytes == 100 }
            #expect(world.names() == ["7"])
            world.source.open(.fetch("8", "c"))
            await world.wait(for: "the new version") { world.names() == ["8"] }
            #expect(await once?.value ?? [] == [])
            await running?.stop()
            #expect(world.content("m/8/b") == Self.text("4", 12_000))
            #expect(world.source.fetches.first == .fetch("8", "c") && world.source.fetchedBytes == 22_300)
            #expect(world.recorder.lines(of: "out", "in") == ["out m/7", "in m/8"])
            let notices = world.recorder.lines(of: "notice m 8 does not fit")
            #expect(
                notices.count == 1 && notices[0].contains("7 pruned first, as --prune-first says"),
                "\(world.recorder.lines(of: "notice"))")
        }

        @Test("Where not even the smallest object fits, its beginning is read before the old one goes")
        func reads() async throws {
            let world = try await world()
            world.source.put("8", ["a": Self.text("3", 24_000)])
            #expect(await world.once(world.agent(settings: Self.settings, prunesFirst: true)) == [])
            #expect(world.names() == ["8"])
            let calls = world.source.calls.filter { if case .contents = $0 { false } else { $0 != .list } }
            #expect(calls == [.read("8", "a"), .fetch("8", "a")])
        }

        @Test("A new one of which nothing can be had takes the place of nothing", arguments: [true, false])
        func unreadable(fits: Bool) async throws {
            let world = try await world()
            if !fits { world.source.put("8", ["c": Self.text("3", 24_000)]) }
            world.source.fail(fits ? .fetch("8", "c") : .read("8", "c"), .denied, isTransient: false)
            #expect(await world.once(world.agent(settings: Self.settings, prunesFirst: true)).map(\.kind) == [.denied])
            #expect(world.names() == ["7"])
        }

        @Test(
            "What would not fit either way takes the place of nothing, and the message does not advise the flag",
            arguments: [true, false])
        func tooLarge(prunesFirst: Bool) async throws {
            let world = try await world()
            world.source.put("8", ["a": Self.text("3", 25_001)])
            let failures = await world.once(world.agent(settings: Self.settings, prunesFirst: prunesFirst))
            #expect(
                failures.map(\.kind) == [.volume] && failures.first?.message.contains("--prune-first") == false, "\(failures)")
            #expect(world.names() == ["7"])
        }

        @Test("What the old one shares with the new one is kept when it goes")
        func shares() async throws {
            let world = try await world()
            world.source.put("8", like: "7", changing: ["a": Self.text("3")])
            #expect(await world.once(world.agent(settings: Self.settings, prunesFirst: true)) == [])
            #expect(world.names() == ["8"] && world.content("m/8/b") == Self.text("2"))
            #expect(world.source.fetches == [.fetch("8", "a")])
        }

        @Test("Beside a server as without one")
        func served() async throws {
            let world = try await world()
            let agent = world.agent(settings: Self.settings, isServed: true, prunesFirst: true)
            world.server.say(["7": .available])
            let running = await world.run(agent)
            await world.pass(.seconds(6), agent)
            #expect(world.names() == ["8"])
            await running.stop()
        }
    }
}

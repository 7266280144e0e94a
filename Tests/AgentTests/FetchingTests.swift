import FileIO
import Servables
import SystemPackage
import Testing
import Volume

@testable import Agent

extension AgentSuite {
    @Suite("Fetching") struct FetchingTests {
        @Test("Stopped in the middle of a fetch, the next start fetches only the rest")
        func resumes() async throws {
            let world = try World()
            world.source.put("7", ["a": "0123456789", "b": "abcdefghij", "c": "ABCDEFGHIJ"])
            world.source.close(.fetch("7", "b"), after: 4)
            var agent = world.agent()
            let running = await world.run(agent)
            await world.wait(for: "the other files") { world.source.fetchedBytes == 24 }
            await world.settle(agent)
            await running.stop()
            #expect(world.names() == [])
            #expect(world.source.fetchedBytes == 24)
            world.source.open(.fetch("7", "b"))
            world.source.forgetCalls()
            world.recorder.forget()
            agent = world.agent()
            #expect(await world.once(agent) == [])
            #expect(world.source.fetchedBytes == 6)
            #expect(world.source.fetches == [.fetch("7", "b")])
            #expect(world.content("m/7/b") == "abcdefghij" && world.content("m/7/c") == "ABCDEFGHIJ")
            #expect(world.recorder.lines(of: "fetch") == ["fetch m 7 6/30"])
        }

        @Test("What was just found ready is fetched without being listed once more, and compared at the end")
        func listsTwice() async throws {
            let world = try World()
            world.source.put("7", ["a": "0123456789"])
            #expect(await world.once(world.agent()) == [])
            #expect(world.source.calls.filter { $0 != .list } == [.contents("7"), .fetch("7", "a"), .contents("7")])
        }

        @Test("What was fetched is synced while the version is listed again, and is visible after both")
        func syncsMeanwhile() async throws {
            let world = try World()
            world.source.put("7", ["a": "0123456789"])
            world.source.on(.fetch("7", "a")) { $0.close(.contents("7")) }
            let isSynced = Lock(false)
            world.recorder.fail { call in
                if call.operation == .fsync, call.path.lastComponent == "a" { isSynced.withLock { $0 = true } }
                return .proceed
            }
            let running = await world.run(world.agent())
            await world.wait(for: "the sync of what was fetched") { isSynced.withLock { $0 } }
            #expect(world.names() == [])
            world.source.open(.contents("7"))
            await world.wait(for: "the version") { world.names() == ["7"] }
            await running.stop()
        }

        @Test("Nothing that comes in is still open: that it is closed would be an event after that of the rename")
        func closesFirst() async throws {
            let world = try World()
            world.source.put("7", ["a": "0123456789"])
            world.source.put("", ["config": "c1"])
            #expect(await world.once(world.agent(filesSynced: true)) == [])
            #expect(world.content("m/7/a") == "0123456789" && world.content("m/config") == "c1")
            #expect(world.openPaths(below: "m") == [])
        }

        @Test(
            "More files than there are places: each is fetched once, though one cannot be made at first, and what is there is reused"
        )
        func manyFiles() async throws {
            let world = try World()
            let names = (0..<300).map { "f\($0)" }
            world.source.put("7", Dictionary(uniqueKeysWithValues: names.map { ($0, "01234 \($0)") }))
            let failures = Lock(0)
            world.recorder.fail { call in
                guard call.operation == .open, call.path.lastComponent == "f288" else { return .proceed }
                return failures.withLock { failures in
                    failures += 1
                    return failures == 1 ? .fail(.ioError) : .proceed
                }
            }
            #expect(await world.once(world.agent()).count == 1)
            #expect(world.names() == [])
            #expect(world.openPaths(below: ".aspired/staging/m/7/tree") == [])
            #expect(await world.once(world.agent()) == [])
            #expect(world.openPaths(below: "m") == [])
            #expect(names.allSatisfy { world.content("m/7/\($0)") == "01234 \($0)" })
            #expect(world.source.fetchedBytes == names.reduce(0) { $0 + Int64($1.utf8.count) + 6 })

            world.source.forgetCalls()
            world.source.put("8", like: "7", changing: ["f250": "other", "f299": "0"])
            #expect(await world.once(world.agent()) == [])
            #expect(names.allSatisfy { world.content("m/8/\($0)") != nil } && world.content("m/8/f250") == "other")
            let fetched = Set(world.source.fetches)
            #expect(fetched.count == 2 && fetched.isSuperset(of: [.fetch("8", "f250"), .fetch("8", "f299")]))
        }

        @Test("What readiness waits for is urgent, what comes after it is not")
        func urgency() async throws {
            let world = try World()
            world.source.put("7", ["a": "0123456789"])
            let agent = world.agent()
            let running = await world.run(agent)
            await world.wait(for: "the first version") { world.names().contains("7") }
            await world.settle(agent)
            world.source.put("8", ["a": "0123456789"])
            await agent.syncNow()
            await world.wait(for: "the next version") { world.names().contains("8") }
            await running.stop()
            #expect(world.source.fetches == [.fetch("7", "a"), .fetch("8", "a")])
            #expect(world.source.urgent == [.fetch("7", "a")])
        }

        @Test("Stopped, it publishes nothing any more, and lets go of the lock")
        func stops() async throws {
            let world = try World()
            world.source.put("7", ["a": "0123456789"])
            world.source.close(.fetch("7", "a"), after: 4)
            let running = await world.run(world.agent())
            await running.stop()
            world.source.open(.fetch("7", "a"))
            #expect(world.names() == [])
            #expect(!world.state(".").contains("holder"))
        }

        @Test("A fetch that a newer list supersedes is given up where less than half is there; the next one is not")
        func givesUp() async throws {
            let world = try World()
            world.source.put("7", ["a": "0123456789"])
            world.source.close(.fetch("7", "a"), after: 4)
            let agent = world.agent()
            let running = await world.run(agent)
            world.source.put("8", ["a": "0123456789"])
            world.source.close(.fetch("8", "a"), after: 4)
            await agent.syncNow()
            await world.settle(agent)
            #expect(world.source.fetches == [.fetch("7", "a"), .fetch("8", "a")])
            #expect(world.state("staging/m") == ["8"])
            // Never twice in a row.
            world.source.put("9", ["a": "0123456789"])
            await agent.syncNow()
            await world.settle(agent)
            #expect(world.source.fetches == [.fetch("7", "a"), .fetch("8", "a")])
            world.source.open(.fetch("8", "a"))
            await world.pass(.zero, agent)
            #expect(world.source.fetches == [.fetch("7", "a"), .fetch("8", "a"), .fetch("9", "a")])
            #expect(world.names() == ["9"])
            #expect(world.recorder.lines(of: "in", "out", "failed") == ["in m/8", "in m/9", "out m/8"])
            await running.stop()
        }

        @Test("A superseded fetch of which half is there is finished")
        func finishesHalf() async throws {
            let world = try World()
            world.source.put("7", ["a": "0123456789"])
            world.source.close(.fetch("7", "a"), after: 5)
            let agent = world.agent()
            let running = await world.run(agent)
            world.source.put("8", ["a": "0123456789"])
            await agent.syncNow()
            await world.settle(agent)
            #expect(world.source.fetches == [.fetch("7", "a")])
            world.source.open(.fetch("7", "a"))
            await world.pass(.zero, agent)
            #expect(world.recorder.lines(of: "in", "out") == ["in m/7", "in m/8", "out m/7"])
            await running.stop()
        }

        @Test("A fetch goes on while the newer version's readiness is unknown, or the source fails", arguments: [true, false])
        func doesNotGiveUpEarly(listFails: Bool) async throws {
            let world = try World()
            world.source.put("7", ["a": "0123456789"])
            world.source.close(.fetch("7", "a"), after: 1)
            let agent = world.agent()
            let running = await world.run(agent)
            world.source.put("8", ["a": "0123456789"])
            if listFails {
                world.source.fail(.list, .unavailable, isTransient: true)
            } else {
                world.source.fail(.contents("8"), .unavailable, isTransient: true)
            }
            await world.pass(.seconds(120), agent)
            world.source.open(.fetch("7", "a"))
            await world.settle(agent)
            #expect(world.names() == ["7"])
            #expect(world.source.fetches == [.fetch("7", "a")])
            await running.stop()
        }

        @Test("Content that changes while it is fetched is not published; it is fetched anew until it stays the same")
        func changes() async throws {
            let world = try World()
            world.source.put("7", ["a": "old", "b": "same"])
            let source = world.source
            source.on(.fetch("7", "b")) { $0.change("7", "a", to: "newer") }
            #expect(await world.once(world.agent()) == [])
            #expect(world.content("m/7/a") == "newer")
            #expect(world.recorder.lines(of: "in", "published") == ["in m/7", "published m 7 files 2 bytes 9 fetched 5"])
        }

        @Test("A version that keeps changing is tried again with a pause, and published when it stays")
        func keepsChanging() async throws {
            let world = try World()
            world.source.put("7", ["a": "0"])
            @Sendable func change(_ source: ScriptedSource, _ left: Int) {
                source.change("7", "a", to: "\(left)")
                if left > 0 { source.on(.fetch("7", "a")) { change($0, left - 1) } }
            }
            world.source.on(.fetch("7", "a")) { change($0, 7) }
            #expect(await world.once(world.agent()) == [])
            #expect(world.content("m/7/a") == "0")
            #expect(world.source.fetches.count == 9)
            #expect(world.recorder.lines(of: "failed").count == 2)
            #expect(world.recorder.lines(of: "in") == ["in m/7"])
        }

        @Test("A file that is added or removed meanwhile is seen before it is published")
        func listedAgain() async throws {
            let world = try World()
            world.source.put("7", ["a": "1", "b": "2"])
            world.source.on(.fetch("7", "b")) { $0.put("7", ["a": "1", "c": "3"]) }
            #expect(await world.once(world.agent()) == [])
            #expect(try world.files.list(world.root.appending("m/7")) == ["a", "c"])
        }

        @Test(
            "A version that is held again while it is fetched is not published before it is ready, and what was fetched is kept")
        func heldAgain() async throws {
            let world = try World()
            world.source.put("7", ["a": "0123456789"])
            world.source.on(.fetch("7", "a")) { $0.hold("7", "changed lately") }
            let agent = world.agent()
            let running = await world.run(agent)
            await world.pass(.seconds(100), agent)
            #expect(world.names() == [])
            #expect(world.state("staging/m") == ["7"])
            world.source.unhold("7")
            world.source.forgetCalls()
            await world.pass(.seconds(34), agent)
            #expect(world.names() == ["7"])
            #expect(world.source.fetchedBytes == 0)
            await running.stop()
        }

        @Test("A checksum that does not match is reported, the file is begun anew, and a mismatch that stays is bad data")
        func mismatch() async throws {
            let world = try World()
            world.source.put("7", ["a": "0123456789"])
            world.source.fail(.fetch("7", "a"), .badData, isTransient: true, isMismatch: true)
            let failures = await world.once(world.agent())
            #expect(failures.map(\.kind) == [.badData])
            #expect(world.recorder.lines(of: "mismatch").count >= 3)
            #expect(world.names() == [])
            world.source.heal(.fetch("7", "a"))
            #expect(await world.once(world.agent()) == [])
        }

        @Test("Bytes that were found to be wrong are not kept for the next try")
        func spoilt() async throws {
            let world = try World()
            world.source.put("7", ["a": "0123456789"])
            world.source.spoil(.fetch("7", "a"))
            #expect(await world.once(world.agent()) == [])
            #expect(world.content("m/7/a") == "0123456789")
            #expect(world.source.fetchedBytes == 20)
        }

        @Test("With --verify require a file that nothing but its length tells of is refused", arguments: [true, false])
        func requires(isRequired: Bool) async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.source.offerNothing()
            let failures = await world.once(world.agent(requiresVerification: isRequired))
            #expect(failures.map(\.kind) == (isRequired ? [.badData] : []))
            #expect(world.names() == (isRequired ? [] : ["7"]))
        }

        @Test("One file's failure stops the others of its version, and keeps what they have")
        func oneFileFails() async throws {
            let world = try World()
            world.source.put("7", ["a": "0123456789", "b": "bad", "c": "0123456789"])
            world.source.close(.fetch("7", "c"), after: 3)
            world.source.fail(.fetch("7", "b"), .badData, isTransient: false)
            #expect(await world.once(world.agent()).map(\.kind) == [.badData])
            #expect(world.names() == [])
            #expect(world.state("staging/m") == ["7"])
        }

        @Test("A look at the volume that the end of a fetch overtook begins no second fetch")
        func overtaken() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.source.close(.fetch("7", "a"))
            let agent = world.agent()
            let running = await world.run(agent)
            // The look has read the names, and hangs at what comes after them.
            let gate = ThreadGate()
            gate.closeAfter(0)
            world.recorder.delay { call in
                if call.operation == .stat, call.path.string.hasSuffix("/staging/m") { gate.pass() }
            }
            await agent.syncNow()
            await world.wait(for: "the look to hang") { gate.isAnyoneWaiting }
            world.source.open(.fetch("7", "a"))
            await world.wait(for: "the fetch to end") { await agent.reconcilers[0].fetch == nil }
            gate.open()
            await world.settle(agent)
            #expect(world.source.fetches == [.fetch("7", "a")])
            #expect(world.recorder.lines(of: "fetch", "failed") == ["fetch m 7 1/1"])
            #expect(world.names() == ["7"])
            await running.stop()
        }

        @Test("A publish that fails is tried again, and never fetches again what is staged", arguments: [true, false])
        func publishFails(isSync: Bool) async throws {
            let world = try World()
            world.source.put("7", ["a": "0123456789"])
            world.recorder.fail { call in
                if isSync {
                    return call.operation == .fsync && call.path.string.hasSuffix("/7/tree/a") ? .fail(.ioError) : .proceed
                }
                return call.operation == .rename && call.target?.string.hasSuffix("/m/7") == true ? .fail(.ioError) : .proceed
            }
            let agent = world.agent()
            let running = await world.run(agent)
            await world.pass(.seconds(20), agent)
            #expect(world.names() == [])
            world.recorder.fail(nil)
            await world.pass(.seconds(34), agent)
            #expect(world.names() == ["7"])
            // After a failed sync the data is fetched again (CONTRACT P5), else it is not.
            if isSync { #expect(world.source.fetches.count >= 2) } else { #expect(world.source.fetches.count == 1) }
            await running.stop()
        }
    }
}

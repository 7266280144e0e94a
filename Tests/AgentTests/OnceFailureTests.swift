import FileIO
import ModelSources
import Servables
import SystemPackage
import Testing
import Volume

@testable import Agent

extension AgentSuite {
    @Suite("once: what goes wrong") struct OnceFailureTests {
        @Test("A source without a version is not found")
        func noVersion() async throws {
            let world = try World()
            let failures = await world.once(world.agent())
            #expect(failures.map(\.kind) == [.notFound])
            #expect(failures.first?.message.contains("test://m") == true)
            #expect(world.time.uptime() < .seconds(1))
        }

        @Test("A version that is named and not there is not found, and those that are there are published first")
        func absent() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let failures = await world.once(world.agent([world.model("m", .specific([7, 9]))]))
            #expect(failures.map(\.kind) == [.notFound])
            #expect(failures.first?.message.contains("version 9") == true)
            #expect(world.names() == ["7"])
        }

        @Test("What cannot heal ends it at once", arguments: [FailureKind.denied, .notFound, .configuration, .badData])
        func permanent(kind: FailureKind) async throws {
            let world = try World()
            world.source.fail(.list, kind, isTransient: false)
            let failures = await world.once(world.agent())
            #expect(failures.map(\.kind) == [kind])
            #expect(world.source.listings == 1)
            #expect(world.time.uptime() < .seconds(1))
        }

        @Test("A source that is unavailable is tried for a minute, with growing pauses, and given up")
        func unavailable() async throws {
            let world = try World()
            world.source.fail(.list, .unavailable, isTransient: true)
            #expect(await world.once(world.agent()).map(\.kind) == [.unavailable])
            let elapsed = world.time.uptime()
            #expect(elapsed >= .seconds(60) && elapsed <= .seconds(95), "\(elapsed)")
            #expect((5...9).contains(world.source.listings), "\(world.source.listings)")
        }

        @Test("A source that comes back within the minute is used")
        func comesBack() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.source.fail(.list, .unavailable, isTransient: true)
            world.source.on(.list) { source in
                source.on(.list) { source in source.on(.list) { $0.heal(.list) } }
            }
            #expect(await world.once(world.agent()) == [])
            #expect(world.names() == ["7"])
        }

        @Test(
            "A version that cannot be listed, or fetched, is tried for a minute and given up",
            arguments: [SourceCall.contents("7"), .fetch("7", "a")])
        func versionUnavailable(call: SourceCall) async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.source.fail(call, .unavailable, isTransient: true)
            #expect(await world.once(world.agent()).map(\.kind) == [.unavailable])
            let elapsed = world.time.uptime()
            #expect(elapsed >= .seconds(60) && elapsed <= .seconds(130), "\(elapsed)")
            #expect(
                (5...9).contains(world.source.calls.count { $0 == call }), "\(world.source.calls)")
            #expect(world.names() == [])
        }

        @Test(
            "A version that cannot heal ends it at once, with what was published before in place",
            arguments: [SourceCall.contents("8"), .fetch("8", "a")])
        func versionPermanent(call: SourceCall) async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            _ = await world.once(world.agent())
            world.source.put("8", ["a": "2"])
            world.source.fail(call, .badData, isTransient: false)
            #expect(await world.once(world.agent()).map(\.kind) == [.badData])
            #expect(world.names() == ["7"])
            #expect(world.time.uptime() < .seconds(1))
        }

        @Test("One bad version of several does not keep the others away")
        func oneBadVersion() async throws {
            let world = try World()
            for name in ["1", "2", "3"] { world.source.put(name, ["a": name]) }
            world.source.fail(.contents("3"), .badData, isTransient: false)
            world.source.fail(.fetch("2", "a"), .badData, isTransient: false)
            #expect(await world.once(world.agent([world.model("m", .all)])).map(\.kind) == [.badData])
            #expect(world.names() == ["1"])
        }

        @Test("A held version is waited for, looked at again every five seconds at most, and published when it is ready")
        func held() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.source.hold("7", "no marker yet")
            let source = world.source
            source.on(.contents("7")) { first in
                first.on(.contents("7")) { second in second.on(.contents("7")) { $0.unhold("7") } }
            }
            #expect(await world.once(world.agent()) == [])
            #expect(world.names() == ["7"])
            #expect(world.recorder.lines(of: "held") == ["held m 7: no marker yet"])
            #expect(world.time.uptime() >= .seconds(8) && world.time.uptime() <= .seconds(11), "\(world.time.uptime())")
        }

        @Test("A held version is waited for without end, or until the time-out, which names the reason")
        func heldTimesOut() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.source.hold("7", "no marker yet")
            let failures = await world.once(world.agent(), timeout: World.timeout)
            #expect(failures.map(\.kind) == [.busy])
            #expect(failures.first?.message.contains("no marker yet") == true)
            #expect(world.time.uptime() == World.timeout)
        }

        @Test("A time-out that comes while a held version is being asked about again names the reason, too")
        func heldIsAskedAgain() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.source.hold("7", "no marker yet")
            // Answered once, and then not any more.
            world.source.on(.contents("7")) { first in first.on(.contents("7")) { $0.close(.contents("7")) } }
            let failures = await world.once(world.agent(), timeout: World.timeout)
            #expect(failures.map(\.kind) == [.busy])
            #expect(failures.first?.message.contains("no marker yet") == true, "\(failures)")
            #expect(world.time.uptime() == World.timeout)
        }

        @Test("A newer upload in progress holds up nothing: the newest ready version is enough")
        func heldIsNotWaitedFor() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.source.put("8", ["a": "2"])
            world.source.hold("8")
            #expect(await world.once(world.agent()) == [])
            #expect(world.names() == ["7"])
        }

        @Test("A version that is named and held is waited for, though others are there")
        func heldByName() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.source.put("8", ["a": "2"])
            world.source.hold("8")
            let failures = await world.once(world.agent([world.model("m", .specific([7, 8]))]), timeout: World.timeout)
            #expect(failures.map(\.kind) == [.busy])
            #expect(world.names() == ["7"])
        }

        @Test("The cause beats the time-out", arguments: [SourceCall.list, .contents("7"), .fetch("7", "a")])
        func causeBeatsTimeout(call: SourceCall) async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.source.fail(call, .unavailable, isTransient: true)
            let failures = await world.once(world.agent(), timeout: World.shortTimeout)
            #expect(failures.map(\.kind) == [.unavailable])
            #expect(failures.first?.message.contains("scripted") == true)
            #expect(world.time.uptime() == World.shortTimeout)
        }

        @Test("A source that never answers ends with the time-out")
        func neverAnswers() async throws {
            let world = try World()
            world.source.close(.list)
            let failures = await world.once(world.agent(), timeout: World.timeout)
            #expect(failures.map(\.kind) == [.busy])
            #expect(world.source.listings == 1)
        }

        @Test("A model that is not required is reported and not counted")
        func notRequired() async throws {
            let world = try World("must", "may")
            world.source("must").put("1", ["a": "1"])
            world.source("may").fail(.list, .denied, isTransient: false)
            let models = [world.model("may", isRequired: false), world.model("must")]
            #expect(await world.once(world.agent(models)) == [])
            #expect(world.names("must") == ["1"])
            #expect(world.recorder.lines(of: "warning may is not required").count == 1)
        }

        @Test("Failures come in the configuration's order")
        func order() async throws {
            let world = try World("z", "a")
            world.source("z").fail(.list, .denied, isTransient: false)
            let failures = await world.once(world.agent([world.model("z"), world.model("a")]))
            #expect(failures.map(\.kind) == [.denied, .notFound])
        }

        @Test("One model's source hangs; the other is published all the same")
        func oneHangs() async throws {
            let world = try World("hangs", "works")
            world.source("hangs").close(.list)
            world.source("works").put("1", ["a": "1"])
            let failures = await world.once(world.agent([world.model("hangs"), world.model("works")]), timeout: World.timeout)
            #expect(failures.map(\.kind) == [.busy])
            #expect(world.names("works") == ["1"])
        }

        @Test("A prune that fails is the volume's failure, and the new version stays")
        func pruneFails() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            _ = await world.once(world.agent())
            world.source.put("8", ["a": "2"])
            world.recorder.fail { $0.operation == .rename && $0.path.string.hasSuffix("/m/7") ? .fail(.ioError) : .proceed }
            #expect(await world.once(world.agent()).map(\.kind) == [.volume])
            #expect(world.names() == ["7", "8"])
            world.recorder.fail(nil)
            #expect(await world.once(world.agent()) == [])
            #expect(world.names() == ["8"])
        }

        @Test("A volume that is full is a failure at once, says what is missing, and harms nothing")
        func full() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            _ = await world.once(world.agent())
            world.source.put("8", ["a": "1234567890"])
            let failures = await world.once(world.agent(settings: VolumeSettings(maxVolume: 5)))
            #expect(failures.map(\.kind) == [.volume])
            #expect(failures.first?.message.contains("10 B needed, 4 B left of --max-volume, 6 B missing") == true, "\(failures)")
            #expect(world.names() == ["7"])
            #expect(world.source.fetches == [.fetch("7", "a")])
        }

        @Test("A volume that cannot be looked at ends it")
        func lookFails() async throws {
            let world = try World()
            world.recorder.fail { $0.operation == .list && $0.path.string.hasSuffix("/models/m") ? .fail(.ioError) : .proceed }
            #expect(await world.once(world.agent()).map(\.kind) == [.volume])
        }

        @Test("Trash that cannot be deleted is reported and stops nothing")
        func trashStays() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            _ = await world.once(world.agent())
            world.source.put("8", ["a": "2"])
            world.recorder.fail {
                $0.operation == .unlink && $0.path.string.contains("/trash/") ? .fail(.notPermitted) : .proceed
            }
            #expect(await world.once(world.agent()) == [])
            #expect(world.names() == ["8"])
            #expect(!world.recorder.lines(of: "warning empty").isEmpty)
            #expect(await world.once(world.agent()) == [])
            world.recorder.fail(nil)
            _ = await world.once(world.agent())
            #expect(world.state("trash") == [])
        }

        @Test("While another agent holds the volume it waits ten seconds, or its time-out, says who, and writes nothing")
        func locked() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let first = world.agent()
            let running = await world.run(first)
            let began = world.time.uptime()
            let second = world.agent()
            world.source.put("8", ["a": "2"])
            let failures = Task { await second.once(timeout: .seconds(3)) }
            // The first agent's loop sleeps for longer than a second; the second looks at the lock every second.
            await world.wait(for: "the lock to be waited for") {
                if world.time.isAnyone(sleeping: .seconds(1)) { world.time.moveToNext(end: began + .seconds(4)) }
                return world.time.uptime() >= began + .seconds(3)
            }
            let failure = await failures.value
            #expect(failure.map(\.kind) == [.busy])
            #expect(failure.first?.message.contains("pid ") == true)
            #expect(world.recorder.lines(of: "standby").count == 1)
            await running.stop()
        }
    }
}

import FileIO
import Glibc
import ModelsConfig
import Servables
import SystemPackage
import Testing

@testable import Agent

extension AgentSuite {
    @Suite("the server's list of models") struct ListTests {
        private static func path(_ world: World) -> FilePath { world.scratch.appending("models.config") }

        private static func text(_ world: World) -> String? {
            (try? world.files.readFile(path(world), limit: 1 << 20)).map { String(decoding: $0, as: UTF8.self) }
        }

        /// Models of the list that is written, `NAME POLICY label=VERSION …` each; `nil`: there is none.
        private static func listed(_ world: World) -> [String]? {
            guard let text = text(world), let config = try? ModelServerConfig(parsing: Array(text.utf8)) else { return nil }
            return config.models.map { model in
                let labels = model.labels.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }
                return "\(model.name) \(model.policy?.description ?? "none")\(labels.joined())"
            }
        }

        /// A set of models with this list.
        private static func set(_ world: World, _ models: [DesiredModel], labels: [String: [String: Int]] = [:]) -> ModelSet {
            let entries = models.map { model in
                let labels = (labels[model.name] ?? [:]).map { "version_labels { key: '\($0.key)' value: \($0.value) }" }
                return "config { name: '\(model.name)' base_path: 's3://b/\(model.name)' \(labels.joined(separator: " ")) }"
            }
            return world.set(models, list: "model_config_list {\n\(entries.joined(separator: "\n"))\n}\n")
        }

        private static func agent(
            _ world: World, _ models: [DesiredModel], isServed: Bool = false, rules: PlanRules = PlanRules()
        ) -> Agent {
            world.agent(models, rules: rules, isServed: isServed, list: path(world))
        }

        /// Lets time pass for one that waits for the server to let go of a model.
        private static func pass(_ world: World, until what: String, _ condition: () -> Bool) async {
            for _ in 0..<200 where !condition() {
                world.time.moveToNext()
                await world.wait(for: "its pause, or \(what)") {
                    world.time.isAnyone(sleeping: Agent.dropInterval) || condition()
                }
            }
            await world.wait(for: what, condition)
        }

        @Test("A model is in it once its first version is there, with its base path on the volume; before there is no file")
        func enters() async throws {
            let world = try World("m", "n")
            world.source("m").put("7", ["a": "1"])
            world.source("m").close(.fetch("7", "a"))
            let agent = Self.agent(world, [world.model("m"), world.model("n", .all)])
            agent.replaceModels(Self.set(world, [world.model("m"), world.model("n", .all)]))
            let running = await world.run(agent)
            #expect(Self.listed(world) == nil)
            world.source("m").open(.fetch("7", "a"))
            await world.settle(agent)
            #expect(Self.listed(world) == ["m none"])
            #expect(Self.text(world)?.contains("base_path: \"\(world.root.appending("m"))\"") == true)
            world.source("n").put("1", ["b": "1"])
            await agent.syncNow()
            await world.settle(agent)
            #expect(Self.listed(world) == ["m none", "n all"])
            // One of the command line stands behind those of the list.
            let set = world.set(
                [world.model("m"), world.model("n")], list: "model_config_list { config { name: 'n' base_path: 's3://b/n' } }")
            agent.replaceModels(set)
            await world.wait(for: "the other list") { Self.listed(world) == ["n none", "m none"] }
            await running.stop()
        }

        @Test("Once writes it, and an agent goes on from it")
        func once() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            let agent = Self.agent(world, [world.model("m", .latest(2))])
            #expect(await world.once(agent) == [])
            #expect(Self.listed(world) == ["m latest:2"])
            let before = try world.files.status(Self.path(world))
            let running = await world.run(Self.agent(world, [world.model("m", .latest(2))]))
            #expect(try world.files.status(Self.path(world))?.inode == before?.inode, "the same text is not written again")
            await running.stop()
        }

        @Test("Without a server a changed policy is in it when its versions are in place, and what it drops goes a minute later")
        func policy() async throws {
            let world = try World()
            world.source.put("1", ["a": "1"])
            world.source.put("2", ["a": "2"])
            world.source.close(.fetch("2", "a"))
            let agent = Self.agent(world, [world.model("m", .specific([1]))])
            let running = await world.run(agent)
            #expect(Self.listed(world) == ["m 1"])
            agent.replaceModels(world.set([world.model("m", .specific([2]))]))
            await world.pass(.seconds(40), agent)
            #expect(Self.listed(world) == ["m 1"] && world.names() == ["1"])
            world.source.open(.fetch("2", "a"))
            await world.settle(agent)
            #expect(Self.listed(world) == ["m 2"])
            #expect(world.recorder.lines(of: "warning m 2 is aspired by number") == [], "it was listed before that was said")
            await world.pass(.seconds(59), agent)
            #expect(world.names().sorted() == ["1", "2"], "the server may go by the list before")
            await world.pass(.seconds(2), agent)
            #expect(world.names() == ["2"])
            await running.stop()
        }

        @Test("While the server loads the only version, an edit that names another leaves it listed until that is in place")
        func editedWhileLoading() async throws {
            let world = try World()
            world.source.put("1", ["a": "1"])
            world.source.put("2", ["a": "2"])
            world.source.close(.fetch("2", "a"))
            world.server.say(["1": .loading])
            let agent = Self.agent(world, [world.model("m", .specific([1]))], isServed: true)
            let running = await world.run(agent)
            await world.pass(.seconds(2), agent)
            agent.replaceModels(world.set([world.model("m", .specific([2]))]))
            await world.pass(.seconds(40), agent)
            #expect(Self.listed(world) == ["m 1"] && world.names() == ["1"])
            world.source.open(.fetch("2", "a"))
            await world.settle(agent)
            #expect(Self.listed(world) == ["m 2"] && world.names().sorted() == ["1", "2"])
            world.server.say(["1": .ended, "2": .available])
            await world.pass(.seconds(6), agent)
            #expect(world.names() == ["2"])
            await running.stop()
        }

        @Test("Where the policy stays, versions come and go as without a list")
        func steady() async throws {
            let world = try World()
            world.source.put("1", ["a": "1"])
            let agent = Self.agent(world, [world.model("m")])
            let running = await world.run(agent)
            world.source.put("2", ["a": "2"])
            await world.pass(.seconds(40), agent)
            #expect(world.names() == ["2"])
            #expect(world.recorder.lines(of: "notice the server's list").count == 1)
            await running.stop()
        }

        @Test("A rollback is by number, nothing is parked, and the higher version goes when the server has let go of it")
        func rollback() async throws {
            let world = try World()
            world.source.put("3", ["a": "1"])
            world.source.put("5", ["a": "2"])
            world.server.say(["5": .available])
            let agent = Self.agent(world, [world.model("m")], isServed: true)
            let running = await world.run(agent)
            await world.pass(.seconds(2), agent)
            #expect(Self.listed(world) == ["m none"])
            world.source.remove("5")
            await world.pass(.seconds(70), agent)
            #expect(Self.listed(world) == ["m 3"] && world.names().sorted() == ["3", "5"])
            #expect(world.state("parked/m") == [])
            world.server.say(["3": .available])
            await world.pass(.seconds(70), agent)
            #expect(world.names().sorted() == ["3", "5"], "it still has the higher one")
            #expect(world.recorder.lines(of: "warning the server has not taken up").count == 1, "\(world.recorder.lines)")
            #expect(
                world.recorder.lines(of: "warning the server has not taken up").first?.contains(
                    "--model_config_file_poll_wait_seconds") == true)
            world.server.say(["5": .ended])
            await world.pass(.seconds(6), agent)
            #expect(world.names() == ["3"])
            #expect(Self.listed(world) == ["m none"])
            await running.stop()
        }

        @Test("A version that is named by number and cannot be loaded goes out only when the list names the old one")
        func refused() async throws {
            let world = try World()
            world.source.put("1", ["a": "1"])
            world.source.put("2", ["a": "2"])
            world.server.say(["1": .available])
            let agent = Self.agent(world, [world.model("m", .specific([1]))], isServed: true)
            let running = await world.run(agent)
            await world.pass(.seconds(2), agent)
            agent.replaceModels(world.set([world.model("m", .specific([2]))]))
            await world.wait(for: "the other policy") { Self.listed(world) == ["m 2"] }
            world.server.say(["2": .failed("no")])
            await world.pass(.seconds(5), agent)
            #expect(Self.listed(world) == ["m 1"] && world.names().sorted() == ["1", "2"])
            await world.pass(.seconds(60), agent)
            #expect(world.names() == ["1"] && world.state("refused/m") == ["2"])
            #expect(Self.listed(world) == ["m 1"])
            await running.stop()
        }

        @Test("A model that is taken out leaves the list first, and the volume when the server has let go of it")
        func takenOut() async throws {
            let world = try World("m", "n")
            world.source("m").put("7", ["a": "1"])
            world.source("n").put("3", ["b": "2"])
            world.server.say(["7": .available])
            world.server.say(["3": .available], of: "n")
            let agent = Self.agent(world, [world.model("m"), world.model("n")], isServed: true)
            let running = await world.run(agent)
            await world.pass(.seconds(2), agent)
            agent.replaceModels(world.set([world.model("n")]))
            await world.wait(for: "the list") { Self.listed(world) == ["n none"] }
            await Self.pass(world, until: "the warning") {
                world.recorder.lines(of: "warning the server has not taken up").count == 1
            }
            #expect(world.names("m") == ["7"])
            world.server.say(["7": .ended])
            await Self.pass(world, until: "the model to leave") { world.names("m") == ["no base path"] }
            #expect(world.recorder.lines(of: "warning the server has not taken up").count == 1, "\(world.recorder.lines)")
            await running.stop()
        }

        @Test("Where no server is asked, a model that is taken out stays for a minute; the next life counts on")
        func takenOutUnasked() async throws {
            let world = try World("m", "n")
            world.source("m").put("7", ["a": "1"])
            world.source("n").put("3", ["b": "2"])
            let agent = Self.agent(world, [world.model("m"), world.model("n")])
            let running = await world.run(agent)
            agent.replaceModels(world.set([world.model("n")]))
            await world.wait(for: "the list") { Self.listed(world) == ["n none"] }
            await world.pass(.seconds(50), agent)
            #expect(world.names("m") == ["7"])
            await running.stop()
            let written = world.time.now().advanced(by: .seconds(-20)).secondsSinceEpoch
            var times = utimbuf(actime: Int(written), modtime: Int(written))
            #expect(utime(Self.path(world).string, &times) == 0)
            let next = Self.agent(world, [world.model("n")])
            next.replaceModels(world.set([world.model("n")], former: ["m"]))
            let again = await world.run(next)
            await world.pass(.seconds(35), next)
            #expect(world.names("m") == ["7"], "a server may go by the list before")
            await Self.pass(world, until: "the model to leave") { world.names("m") == ["no base path"] }
            await again.stop()
        }

        @Test("A label is put in, and moved, when its version is available; a server that is away finds none")
        func labels() async throws {
            let world = try World()
            world.source.put("1", ["a": "1"])
            let agent = Self.agent(world, [world.model()], isServed: true)
            agent.replaceModels(Self.set(world, [world.model()], labels: ["m": ["stable": 1]]))
            let running = await world.run(agent)
            #expect(Self.listed(world) == ["m none"])
            world.server.say(["1": .available])
            await world.pass(.seconds(2), agent)
            #expect(Self.listed(world) == ["m none stable=1"])

            world.source.put("2", ["a": "2"])
            agent.replaceModels(Self.set(world, [world.model()], labels: ["m": ["stable": 2]]))
            await world.pass(.seconds(40), agent)
            #expect(Self.listed(world) == ["m 2,1 stable=1"] && world.names().sorted() == ["1", "2"])
            world.server.say(["2": .available])
            await world.pass(.seconds(6), agent)
            #expect(Self.listed(world) == ["m none stable=2"])
            #expect(world.names().sorted() == ["1", "2"])
            world.server.say(["1": .ended])
            await world.pass(.seconds(6), agent)
            #expect(world.names() == ["2"])

            world.server.die()
            await world.pass(.seconds(6), agent)
            #expect(Self.listed(world) == ["m none"], "a server that starts would reject a list with labels")
            world.server.start()
            await world.pass(.seconds(6), agent)
            #expect(Self.listed(world) == ["m none"])
            world.server.say(["2": .available])
            await world.pass(.seconds(6), agent)
            #expect(Self.listed(world) == ["m none stable=2"])
            await running.stop()
        }

        @Test("Without a server labels are left out, and that is said")
        func labelsUnasked() async throws {
            let world = try World()
            world.source.put("1", ["a": "1"])
            let agent = Self.agent(world, [world.model()])
            agent.replaceModels(Self.set(world, [world.model()], labels: ["m": ["stable": 1]]))
            let running = await world.run(agent)
            #expect(Self.listed(world) == ["m none"])
            #expect(world.recorder.lines(of: "warning the labels of m are left out").count == 1)
            await running.stop()
        }

        @Test("While it cannot be written nothing goes that the server may want; it is tried again")
        func unwritable() async throws {
            let world = try World()
            world.source.put("1", ["a": "1"])
            world.source.put("2", ["a": "2"])
            let agent = Self.agent(world, [world.model("m", .specific([1]))])
            let running = await world.run(agent)
            let obstacle = FilePath(Self.path(world).string + ".new")
            try world.files.makeDirectory(obstacle, mode: 0o755)
            agent.replaceModels(world.set([world.model("m", .specific([2]))]))
            await world.pass(.seconds(200), agent)
            #expect(Self.listed(world) == ["m 1"] && world.names().sorted() == ["1", "2"])
            #expect(world.recorder.lines(of: "warning write the server's list").count == 1, "said once")
            try world.files.removeTree(obstacle)
            await world.pass(.seconds(40), agent)
            #expect(Self.listed(world) == ["m 2"])
            await world.pass(.seconds(61), agent)
            #expect(world.names() == ["2"])
            await running.stop()
        }

        /// Has one of the calls on it fail, once it is armed.
        private final class FailingCall: FileSystemProbe {
            private let state = Lock((isArmed: false, count: 0))
            private let number: Int
            private let error: Errno

            init(_ number: Int, _ error: Errno) {
                self.number = number
                self.error = error
            }

            func willMake(_ call: FileCall) -> ProbeVerdict {
                state.withLock { state in
                    guard state.isArmed else { return .proceed }
                    state.count += 1
                    return state.count == number ? .fail(error) : .proceed
                }
            }

            func arm() { state.withLock { $0.isArmed = true } }
            var count: Int { state.withLock { $0.count } }
        }

        /// - Returns: how many calls were made on the list until it was as it should be.
        private static func callsOfAnEdit(failing number: Int, _ error: Errno) async throws -> Int {
            let world = try World()
            world.source.put("1", ["a": "1"])
            world.source.put("2", ["a": "2"])
            let call = FailingCall(number, error)
            let agent = world.agent([world.model("m", .specific([1]))], list: path(world), listProbe: call)
            let running = await world.run(agent)
            call.arm()
            agent.replaceModels(world.set([world.model("m", .specific([2]))]))
            await world.wait(for: "both versions, call \(number)") { world.names().sorted() == ["1", "2"] }
            for _ in 0..<20 where listed(world) != ["m 2"] {
                #expect(listed(world) == ["m 1"] && world.names().sorted() == ["1", "2"], "call \(number): \(error)")
                await world.pass(.seconds(5), agent)
            }
            #expect(listed(world) == ["m 2"] && world.names().sorted() == ["1", "2"], "call \(number): \(error)")
            let calls = call.count
            await world.pass(.seconds(100), agent)
            #expect(world.names() == ["2"], "call \(number): \(error)")
            await running.stop()
            let left = try world.files.list(world.scratch).filter { $0.hasPrefix("models.config") }
            #expect(left == ["models.config"], "call \(number): \(error)")
            return calls
        }

        @Test("Whichever call on it fails, it is the old one or the new one, nothing goes before its time, and it is tried again")
        func everyCall() async throws {
            let errors: [Errno] = [
                .noSpace, .ioError, .permissionDenied, .readOnlyFileSystem, .tooManyOpenFiles, .diskQuotaExceeded,
            ]
            let calls = try await Self.callsOfAnEdit(failing: 0, .ioError)
            #expect(calls > 8)
            for number in 1...calls {
                // In the short form another error for each call.
                for error in getenv("EVERY_CALL") != nil ? errors : [errors[number % errors.count]] {
                    _ = try await Self.callsOfAnEdit(failing: number, error)
                }
            }
        }

        @Test("While it cannot be written, a model that is taken out stays, too")
        func unwritableTakenOut() async throws {
            let world = try World("m", "n")
            world.source("m").put("7", ["a": "1"])
            world.source("n").put("3", ["b": "2"])
            let agent = Self.agent(world, [world.model("m"), world.model("n")])
            let running = await world.run(agent)
            await world.pass(.seconds(100), agent)
            let obstacle = FilePath(Self.path(world).string + ".new")
            try world.files.makeDirectory(obstacle, mode: 0o755)
            agent.replaceModels(world.set([world.model("n")]))
            await world.wait(for: "the first try") { world.recorder.lines(of: "warning write the server's list").count == 1 }
            await world.pass(.seconds(200), agent)
            #expect(Self.listed(world) == ["m none", "n none"] && world.names("m") == ["7"])
            try world.files.removeTree(obstacle)
            await Self.pass(world, until: "the list") { Self.listed(world) == ["n none"] }
            #expect(world.names("m") == ["7"])
            let listedAt = world.time.uptime()
            await Self.pass(world, until: "the model to leave") { world.names("m") == ["no base path"] }
            #expect(world.time.uptime() - listedAt >= .seconds(55))
            await running.stop()
        }

        @Test("A model that the server has from elsewhere stays there until it is on the volume")
        func adopted() async throws {
            let world = try World()
            try world.files.replaceFile(
                Self.path(world),
                with: Array(
                    "model_config_list { config { name: 'm' base_path: '/data/m' model_version_policy { all {} } } }".utf8),
                mode: 0o644)
            world.source.put("7", ["a": "1"])
            world.source.close(.fetch("7", "a"))
            let agent = Self.agent(world, [world.model()])
            agent.replaceModels(Self.set(world, [world.model()]))
            let running = await world.run(agent)
            #expect(Self.text(world)?.contains("/data/m") == true && Self.listed(world) == ["m all"])
            world.source.open(.fetch("7", "a"))
            await world.settle(agent)
            #expect(Self.text(world)?.contains("\"\(world.root.appending("m"))\"") == true && Self.listed(world) == ["m none"])
            // The server's alone again: it stays listed, and leaves the volume.
            agent.replaceModels(world.set([], list: "model_config_list { config { name: 'm' base_path: '/data/m' } }"))
            await world.wait(for: "the other list") { Self.text(world)?.contains("/data/m") == true }
            await world.wait(for: "its pause") { world.time.isAnyone(sleeping: Agent.dropInterval) }
            #expect(world.names() == ["7"])
            await Self.pass(world, until: "the model to leave") { world.names() == ["no base path"] }
            await running.stop()
        }

        @Test("A file that is gone is written again; the server is asked by the name that its list has")
        func gone() async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            world.server.say(["7": .available])
            var model = world.model()
            model = DesiredModel(
                name: model.name, source: model.source, policy: model.policy, ready: model.ready, settle: model.settle,
                isRequired: true, serverName: "theirs")
            let agent = Self.agent(world, [model], isServed: true)
            let running = await world.run(agent)
            await world.pass(.seconds(2), agent)
            #expect(Set(world.server.questions) == ["m"])
            #expect(Self.listed(world) == ["m none"])
            _ = try world.files.removeFile(Self.path(world))
            await world.pass(.seconds(40), agent)
            #expect(Self.listed(world) == ["m none"])
            await running.stop()
        }

        @Test("While nobody knows what is aspired the list stays as it is", arguments: [nil, "no list"])
        func gap(list: String?) async throws {
            let world = try World("m", "n")
            world.source("m").put("7", ["a": "1"])
            world.source("n").put("3", ["b": "2"])
            let running = await world.run(Self.agent(world, [world.model("m"), world.model("n")]))
            await running.stop()
            let before = Self.text(world)
            let next = Self.agent(world, [world.model("m")])
            next.replaceModels(world.set([world.model("m")], list: list, gap: list == nil ? "it cannot be had" : nil))
            let again = await world.run(next)
            await world.pass(.seconds(100), next)
            #expect(Self.text(world) == before && world.names("n") == ["3"])
            await again.stop()
        }
    }
}

import FileIO
import Servables
import SystemPackage
import Testing
import Volume

@testable import Agent

extension AgentSuite {
    @Suite("Looks at the volume, beside works that remove") struct LookTests {
        /// What another thread, or the agent that is stood by for, removes between a look at a name and its opening.
        @Test(
            "What goes away while it is looked at is no failure",
            arguments: ["models/m", ".aspired/staging/m", ".aspired/manifests/m/7.json"])
        func goesAway(what: String) async throws {
            let world = try World()
            world.source.put("7", ["a": "1"])
            _ = await world.once(world.agent())
            try world.place(".aspired/staging/m/8/tree", ["a": "1"])
            let files = world.files
            let wasHit = Lock(false)
            world.recorder.delay { call in
                guard call.operation == .open, call.path.string.hasSuffix(what) else { return }
                wasHit.withLock { $0 = true }
                try? files.removeTree(call.path)
            }
            let inventory = try world.volume().inventory("m")
            #expect(wasHit.withLock { $0 })
            switch what {
            case "models/m": #expect(inventory.entries == [])
            case ".aspired/staging/m": #expect(inventory.staged == [])
            default: #expect(inventory.published == [])
            }
        }
    }
}

import Glibc
import S3Fixture
import Testing

@Suite("Trying again", .fewAtATime)
struct RetryTests {
    @Test("a store that is busy twice is asked a third time")
    func slowDown() async throws {
        try await Site.with { site in
            try site.put(1)
            site.server.script(Fault(.status(503, code: "SlowDown"), on: .list, times: 2))
            site.server.script(Fault(.status(503, code: "SlowDown"), on: .get, key: "*saved_model.pb", times: 2))
            let outcome = try await site.once()
            #expect(outcome.code == 0, "\(outcome)")
            #expect(try FileTree(site.published(1)).files == Models.version(1))
            #expect(site.gets.filter { $0.key.hasSuffix("saved_model.pb") }.map(\.status).prefix(2) == [503, 503])
        }
    }

    @Test("a body that is cut is taken up at the byte reached", arguments: [false, true])
    func cutBody(byReset: Bool) async throws {
        try await Site.with { site in
            let files = Models.version(1, size: 3_000_000)
            try site.put(1, files)
            let key = "mnist/1/variables/variables.data-00000-of-00001"
            // A reset overtakes what was sent: then some bytes come again, but not those long there.
            site.server.script(Fault(.cut(after: 1_000_000, reset: byReset), on: .get, key: "models/\(key)"))
            let outcome = try await site.once()
            #expect(outcome.code == 0, "\(outcome)")
            #expect(try FileTree(site.published(1)).files == files)
            let sent = site.gets.filter { $0.key == key }.map(\.sentBytes).reduce(0, +)
            let size = files["variables/variables.data-00000-of-00001"]?.count ?? 0
            if byReset { #expect(sent < size + 1_000_000) } else { #expect(sent == size) }
        }
    }

    @Test("an object that is replaced between its ranges is never mixed")
    func replacedObject() async throws {
        try await Site.with { site in
            let (old, new) = (Models.noise(3_000_000, seed: 1), Models.noise(3_000_000, seed: 2))
            try site.put(1, ["model.onnx": old])
            site.server.script(Fault(.replace(new), on: .get, key: "*model.onnx", first: 2))
            let reader = VersionReader(site.base())
            reader.expect(1, ["model.onnx": new])
            let outcome = try await reader.reading {
                try await site.aspired(["once"] + site.arguments() + ["--part-size", "512KiB", "--timeout", "50s"])
            }
            #expect(outcome.code == 0, "\(outcome)")
            #expect(try FileTree(site.published(1)).files == ["model.onnx": new])
            #expect(reader.faults == [])
            #expect(site.gets.count > 6, "the object was fetched in ranges: \(site.gets.compactMap(\.range))")
        }
    }

    @Test("an object that is added while a version is fetched is part of what is published")
    func addedObject() async throws {
        try await Site.with { site in
            let files = Models.version(1)
            try site.put(1, files)
            site.server.script(Fault(.delay(.milliseconds(500)), on: .get, key: "*saved_model.pb"))
            try await site.aspired.run(site.arguments() + ["--poll-interval", "100ms"]) { agent in
                try await eventually("the fetch has begun: \(agent.errors)") { !site.gets.isEmpty }
                site.server.put(bucket: "models", key: "mnist/1/assets/late.txt", data: Array("late".utf8))
                try await eventually("version 1 is there: \(agent.errors)") { exists(site.published(1)) }
                var expected = files
                expected["assets/late.txt"] = Array("late".utf8)
                #expect(try FileTree(site.published(1)).files == expected)
            }
        }
    }

    @Test("a listing of many pages is taken whole")
    func pages() async throws {
        var options = FixtureOptions()
        options.pageSize = 7
        try await Site.with(options: options) { site in
            var files: [String: [UInt8]] = [:]
            for number in 0..<60 { files["part/\(number % 5)/file-\(number)"] = Models.noise(number, seed: number) }
            for version in 1...20 { try site.put(version, files) }
            let outcome = try await site.once()
            #expect(outcome.code == 0, "\(outcome)")
            #expect(site.versions() == ["20"])
            #expect(try FileTree(site.published(20)).files == files)
        }
    }
}

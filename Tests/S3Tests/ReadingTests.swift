import S3Fixture
import Servables
import Testing
import Transfer

@testable import S3

@Suite("Reading parts of objects")
struct ReadingTests {
    @Test("a range is read, and nothing else, pinned to what was listed")
    func ranges() async throws {
        try await Store.with { (store) async throws in
            let data = noise(300_000)
            let object = store.put("m/1/a b+c", data)
            #expect(try await store.client.read(object, 100..<70_000) == Array(data[100..<70_000]))
            #expect(try await store.client.read(object, 0..<300_000) == data)
            #expect(try await store.client.read(object, 299_999..<300_000) == [data[299_999]])
            let gets = store.server.requests
            #expect(gets.map(\.range) == ["bytes=100-69999", nil, "bytes=299999-299999"])
            #expect(gets.allSatisfy { $0.header("if-match") == object.etag })
            #expect(try await store.client.read(object, 5..<5) == [])
            #expect(store.server.requests.count == 3, "no bytes, no request")
        }
    }

    @Test("a whole object is compared with its checksum: a wrong bit is read again, and one that stays is told")
    func wrongBit() async throws {
        for offered in [ChecksumKind.crc64nvme, .crc32, .sha256, nil] {
            try await Store.with(FixtureOptions(checksums: offered.map { [$0] } ?? [])) { (store) async throws in
                let data = noise(10_000)
                let object = store.put("k", data)
                store.server.script(Fault(.flipBit(at: 77), on: .get))
                #expect(try await store.client.read(object, 0..<10_000) == data)
                store.server.script(Fault(.flipBit(at: 77), on: .get, times: nil))
                let error = try await s3Error { _ = try await store.client.read(object, 0..<10_000) }
                #expect(error.description.contains("its bytes do not give the \(offered.map { "\($0)" } ?? "md5")"), "\(error)")
            }
        }
    }

    @Test("an object that was replaced, shortened or removed is told from a failure")
    func changed() async throws {
        try await Store.with { (store) async throws in
            for change in [[UInt8](repeating: 1, count: 90), [1], nil] {
                let object = store.put("k", noise(100))
                if let change { _ = store.put("k", change) } else { store.server.remove(bucket: "b", key: "k") }
                let error = try await s3Error { _ = try await store.client.read(object, 50..<100) }
                #expect(error.isObjectChanged, "\(error)")
            }
        }
    }

    @Test("a store that ignores ranges, or sends a wrong one, is not believed, and little of it is taken")
    func wrongRange() async throws {
        try await Store.with { (store) async throws in
            let object = store.put("k", noise(8 << 20))
            store.server.script(Fault(.ignoreRange, on: .get))
            let ignored = try await s3Error { _ = try await store.client.read(object, 10..<20) }
            #expect(ignored.isObjectChanged)
            store.server.script(Fault(.header("content-range", "bytes 0-9/8388608"), on: .get))
            let wrong = try await s3Error { _ = try await store.client.read(object, 10..<20) }
            #expect(wrong.isObjectChanged)
        }
    }

    @Test("what a network deals is tried again", arguments: ["cut", "reset", "slow down", "drop"])
    func retried(fault: String) async throws {
        try await Store.with { (store) async throws in
            let data = noise(100_000)
            let object = store.put("k", data)
            let action: Fault.Action =
                switch fault {
                case "cut": .cut(after: 1_000)
                case "reset": .cut(after: 1_000, reset: true)
                case "slow down": .status(503, code: "SlowDown")
                default: .drop()
                }
            store.server.script(Fault(action, on: .get, times: 2))
            #expect(try await store.client.read(object, 10..<90_000) == Array(data[10..<90_000]))
            #expect(store.telemetry.retries.count == 2)
        }
    }

    @Test("a refusal names the object")
    func denied() async throws {
        try await Store.with { (store) async throws in
            let object = store.put("m/7/k", noise(10))
            store.server.script(Fault(.status(403, code: "AccessDenied"), on: .get))
            let error = try await s3Error { _ = try await store.client.read(object, 0..<10) }
            #expect(error.kind == .denied)
            #expect(error.description.contains("GetObject s3://b/m/7/k"))
        }
    }
}

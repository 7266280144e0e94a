import Digests
import FileIO
import S3Fixture
import Servables
import Testing
import Transfer

@testable import S3

/// Small parts, so that a small object has many.
private let part = 64 << 10

@Suite("Fetching an object")
struct FetchTests {
    private let scheduler = FetchScheduler(partSize: Int64(part))

    @Test("a small object is one GET of the whole, pinned, and verified by the checksum that comes with it")
    func small() async throws {
        try await Store.with { (store) async throws in
            let data = noise(part)
            let object = store.put("m/1/a b+c%", data)
            let file = try store.file("f", size: data.count)
            let events = Box<[Int64]>([])
            let verification = try await scheduler.fetch(object, from: store.client, into: file) { event in
                if case .bytes(let count) = event { events.change { $0.append(count) } }
            }
            #expect(try store.content(of: file) == data)
            #expect(verification.method == .crc64nvme)
            #expect(events.value == [Int64(part)])
            #expect(store.server.requests.count == 1)
            let request = try #require(store.server.requests.first)
            #expect(request.method == "GET" && request.range == nil)
            #expect(request.header("if-match") == object.etag)
            #expect(request.header("x-amz-checksum-mode") == "ENABLED")
            let authorization = try #require(request.header("authorization"))
            #expect(authorization.contains("SignedHeaders=host;if-match;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date,"))
        }
    }

    @Test("a large object is a HEAD and pinned ranges that together are the whole")
    func large() async throws {
        try await Store.with { (store) async throws in
            let data = noise(5 * part + 17)
            let object = store.put("k", data)
            let file = try store.file("f", size: data.count)
            let received = Box<Int64>(0)
            let verification = try await scheduler.fetch(object, from: store.client, into: file) { event in
                if case .bytes(let count) = event { received.change { $0 += count } }
            }
            #expect(try store.content(of: file) == data)
            #expect(verification == Verification(crc64nvme: try #require(file.crc64nvme()), method: .crc64nvme))
            #expect(received.value == Int64(data.count))
            let requests = store.server.requests
            #expect(requests.count { $0.method == "HEAD" } == 1)
            #expect(requests.allSatisfy { $0.header("if-match") == object.etag })
            let ranges = Set(requests.filter { $0.method == "GET" }.compactMap(\.range))
            let expected = (0..<6).map { "bytes=\($0 * part)-\(min(($0 + 1) * part, data.count) - 1)" }
            #expect(ranges == Set(expected))
            #expect(requests.count == 7)
        }
    }

    @Test("an empty object is asked about once and has no bytes")
    func empty() async throws {
        try await Store.with { (store) async throws in
            let object = store.put("k", [])
            let file = try store.file("f", size: 0)
            let verification = try await scheduler.fetch(object, from: store.client, into: file)
            #expect(verification == Verification(crc64nvme: 0, method: .crc64nvme))
            #expect(store.server.requests.map(\.method) == ["HEAD"])
        }
    }

    /// What a store offers, and what is compared.
    static let offers: [(offered: [ChecksumKind], method: VerificationMethod)] = [
        ([.crc64nvme], .crc64nvme), ([.crc32c], .crc32c), ([.crc32], .crc32), ([.sha256], .sha256), ([], .md5),
        ([.crc32, .crc64nvme, .crc32c], .crc64nvme), ([.crc64nvme, .sha256], .sha256),
    ]

    @Test(
        "the strongest checksum that is offered is compared, in one request or in ranges", arguments: offers,
        [part, 3 * part + 1])
    func offered(offer: (offered: [ChecksumKind], method: VerificationMethod), size: Int) async throws {
        try await Store.with(FixtureOptions(checksums: offer.offered)) { (store) async throws in
            let data = noise(size)
            let file = try store.file("f", size: size)
            let verification = try await scheduler.fetch(store.put("k", data), from: store.client, into: file)
            #expect(verification.method == offer.method)
            #expect(try store.content(of: file) == data)
        }
    }

    @Test(
        "one wrong bit is found by each kind of checksum, fetched anew once, and then named", arguments: offers, [part, 3 * part])
    func flipped(offer: (offered: [ChecksumKind], method: VerificationMethod), size: Int) async throws {
        try await Store.with(FixtureOptions(checksums: offer.offered)) { (store) async throws in
            try await store.expectWrongBit(isFoundBy: offer.method, size: size, scheduler)
        }
    }

    @Test("a bit that was wrong only once is healed by fetching anew")
    func healed() async throws {
        try await Store.with { (store) async throws in
            let data = noise(3 * part)
            let object = store.put("k", data)
            store.server.script(Fault(.flipBit(at: 70_000), on: .get, times: 3))
            let file = try store.file("f", size: data.count)
            let mismatches = Box(0)
            _ = try await scheduler.fetch(object, from: store.client, into: file) { event in
                if case .checksumMismatch = event { mismatches.change { $0 += 1 } }
            }
            #expect(mismatches.value == 1)
            #expect(try store.content(of: file) == data)
        }
    }

    @Test("a composite checksum and a multipart ETag say nothing of the whole: the length has to do")
    func composite() async throws {
        try await Store.with { (store) async throws in
            let data = noise(100)
            store.server.put(
                bucket: "b", key: "k", data: data, etag: "9bb58f26192e4ba00f01e2e7b136bbd8-2",
                checksums: ["crc32": "AAAAAA==-2"], checksumType: "COMPOSITE")
            let verification = try await scheduler.fetch(
                store.listed("k", size: 100), from: store.client, into: try store.file("f", size: 100))
            #expect(verification.method == .size)
        }
    }

    @Test(
        "a cut body is fetched again from the byte reached, ended properly or by a reset",
        arguments: [false, true], [part, 4 * part])
    func cut(reset: Bool, size: Int) async throws {
        try await Store.with { (store) async throws in
            let data = noise(size)
            let object = store.put("k", data)
            store.server.script(Fault(.cut(after: 40_000, reset: reset), on: .get))
            let file = try store.file("f", size: size)
            let received = Box<Int64>(0)
            let verification = try await scheduler.fetch(object, from: store.client, into: file) { event in
                if case .bytes(let count) = event { received.change { $0 += count } }
            }
            #expect(verification.method == .crc64nvme)
            #expect(try store.content(of: file) == data)
            #expect(received.value == Int64(size))
            #expect(store.telemetry.retries.count == 1)
            #expect(["cut-body", "reset"].contains(store.telemetry.retries.first))
            // Nobody fetched a byte twice: what the ranges ask for beyond the object is what the cut one did not get.
            let ranges = store.server.requests.compactMap(\.range)
            if !reset {
                #expect(ranges.contains { $0.hasPrefix("bytes=") && $0.contains("-") && Self.start($0) % part == 40_000 })
            }
        }
    }

    private static func start(_ range: String) -> Int {
        Int(range.dropFirst("bytes=".count).prefix { $0 != "-" }) ?? -1
    }

    @Test("what one fetch has staged the next one does not fetch again")
    func resumed() async throws {
        try await Store.with { (store) async throws in
            let data = noise(4 * part)
            let object = store.put("k", data)
            store.server.script(Fault(.status(403, code: "AccessDenied"), on: .get, first: 3, times: nil))
            let serial = FetchScheduler(concurrency: 1, partSize: Int64(part))
            let file = try store.file("f", size: data.count)
            let error = try await s3Error { _ = try await serial.fetch(object, from: store.client, into: file) }
            #expect(error.kind == .denied)
            #expect(error.description.contains("grant s3:GetObject on arn:aws:s3:::b/k"))
            #expect(file.missing == [Int64(2 * part)..<Int64(4 * part)])
            store.server.clearScript()
            store.server.forgetRequests()
            let verification = try await serial.fetch(object, from: store.client, into: file)
            #expect(verification.method == .crc64nvme)
            #expect(try store.content(of: file) == data)
            #expect(store.server.requests.map(\.method) == ["HEAD", "GET", "GET"])
        }
    }

    @Test("ranges come while the answer about the whole is on its way, and are compared with what it offers", arguments: offers)
    func ahead(offer: (offered: [ChecksumKind], method: VerificationMethod)) async throws {
        try await Store.with(FixtureOptions(checksums: offer.offered)) { (store) async throws in
            let data = noise(3 * part)
            let object = store.put("k", data)
            store.server.script(Fault(.delay(.seconds(3600)), on: .head))
            let file = try store.file("f", size: data.count)
            let task = Task { try await scheduler.fetch(object, from: store.client, into: file) }
            while !file.missing.isEmpty { await Task.yield() }
            task.cancel()
            #expect(try await s3Error { _ = try await task.value }.cause == .cancelled)
            #expect(store.server.requests.map(\.method).sorted() == ["GET", "GET", "GET", "HEAD"])
            store.server.forgetRequests()
            let verification = try await scheduler.fetch(object, from: store.client, into: file)
            #expect(verification.method == offer.method)
            #expect(store.server.requests.map(\.method) == ["HEAD"])
        }
    }

    @Test("bytes that were staged without the checksum that is offered now are fetched anew")
    func stagedWithout() async throws {
        try await Store.with(FixtureOptions(checksums: [])) { (store) async throws in
            let data = noise(2 * part)
            let object = store.put("k", data)
            let file = try store.file("f", size: data.count)
            _ = try await scheduler.fetch(object, from: store.client, into: file)
            store.server.put(bucket: "b", key: "k", data: data, checksums: ["crc32c": Base64.encode([1, 2, 3, 4])])
            // A wrong CRC-32C: the bytes are fetched anew with it being computed, and it differs then.
            let error = try await s3Error { _ = try await scheduler.fetch(object, from: store.client, into: file) }
            guard case .checksumMismatch(.crc32c, _, _) = error.cause else {
                Issue.record("\(error)")
                return
            }
        }
    }

    /// What makes an object another one, or its answers untrustworthy, while it is fetched in ranges.
    static let changes: [(name: String, fault: Fault)] = [
        ("replaced", Fault(.replace(noise(4 * part, seed: 2)), on: .get, first: 3)),
        ("shortened", Fault(.replace(noise(part, seed: 2)), on: .get, first: 3)),
        ("replaced before", Fault(.replace(noise(4 * part, seed: 2)), on: .head)),
        ("gone", Fault(.status(404, code: "NoSuchKey"), on: .get, first: 3)),
        ("gone before", Fault(.status(404, code: ""), on: .head)),
        ("range ignored", Fault(.ignoreRange, on: .get, first: 2)),
        ("another range", Fault(.header("Content-Range", "bytes 0-65535/\(4 * part)"), on: .get, first: 3)),
        ("another total", Fault(.header("Content-Range", "bytes 65536-131071/\(5 * part)"), on: .get, times: nil)),
        ("no range named", Fault(.header("Content-Range", "nonsense"), on: .get, first: 2)),
        ("a shorter body", Fault(.header("Content-Length", "100"), on: .get, first: 2)),
        ("a longer body", Fault(.header("Content-Length", "70000"), on: .get, first: 2)),
        ("another ETag", Fault(.header("ETag", "\"other\""), on: .get, first: 2)),
    ]

    @Test("an object that changed is dropped: no byte of it stays, and it must be listed anew", arguments: changes)
    func changed(change: (name: String, fault: Fault)) async throws {
        try await Store.with { (store) async throws in
            let object = store.put("k", noise(4 * part))
            store.server.script(change.fault)
            let file = try store.file("f", size: 4 * part)
            let serial = FetchScheduler(concurrency: 1, partSize: Int64(part))
            let error = try await s3Error { _ = try await serial.fetch(object, from: store.client, into: file) }
            #expect(error.isObjectChanged, "\(error)")
            #expect(error.kind == .unavailable && error.isTransient)
            #expect(error.description.contains("listed anew"))
            #expect(file.missing == [0..<Int64(4 * part)])
            #expect(store.telemetry.retries.isEmpty)
            #expect(store.server.requests.allSatisfy { $0.header("if-match") == object.etag })
        }
    }

    @Test("a small object that is not the listed one is not taken")
    func smallChanged() async throws {
        try await Store.with { (store) async throws in
            let object = store.put("k", noise(100))
            _ = store.put("k", noise(100, seed: 2))
            let file = try store.file("f", size: 100)
            let error = try await s3Error { _ = try await scheduler.fetch(object, from: store.client, into: file) }
            #expect(error.isObjectChanged)
            #expect(error.description.contains("412"))
            // A store that lists no ETags: the length tells.
            let unpinned = S3Object(bucket: "b", key: "k", size: 99, etag: "")
            let other = try await s3Error {
                _ = try await scheduler.fetch(unpinned, from: store.client, into: try store.file("g", size: 99))
            }
            #expect(other.isObjectChanged)
            #expect(store.server.requests.last?.header("if-match") == nil)
            // Of an empty one there is only the HEAD to tell by.
            let emptied = S3Object(bucket: "b", key: "k", size: 0, etag: "")
            let filled = try await s3Error {
                _ = try await scheduler.fetch(emptied, from: store.client, into: try store.file("h", size: 0))
            }
            #expect(filled.isObjectChanged)
        }
    }

    @Test("hiccups of single pieces do not disturb the others")
    func hiccups() async throws {
        try await Store.with { (store) async throws in
            let data = noise(12 * part)
            let object = store.put("k", data)
            store.server.script(Fault(.status(503, code: "SlowDown"), on: .get, first: 2, times: 2))
            store.server.script(Fault(.drop(reset: true), on: .get, first: 6))
            store.server.script(Fault(.cut(after: 1_000), on: .get, first: 9))
            store.server.script(Fault(.status(500, code: "InternalError"), on: .head))
            let file = try store.file("f", size: data.count)
            let verification = try await scheduler.fetch(object, from: store.client, into: file)
            #expect(verification.method == .crc64nvme)
            #expect(try store.content(of: file) == data)
            // A drop on a connection that was used before may be mended below us: it counts as a connection closed meanwhile.
            #expect((4...5).contains(store.telemetry.retries.count))
        }
    }

    @Test("an archived object fails at once and says what to do")
    func archived() async throws {
        try await Store.with { (store) async throws in
            store.server.put(bucket: "b", key: "k", data: noise(10), storageClass: "GLACIER")
            let error = try await s3Error {
                _ = try await scheduler.fetch(
                    store.listed("k", size: 10), from: store.client, into: try store.file("f", size: 10))
            }
            #expect(!error.isTransient)
            #expect(error.description.contains("restore it"))
        }
    }

    @Test("a connection that stalls is replaced, from the byte reached, while the others go on")
    func stalled() async throws {
        let limit = StallLimit(bytes: 1, window: .seconds(2))
        try await Store.with(stall: limit) { (store) async throws in
            let data = noise(8 * part)
            let object = store.put("k", data)
            // The second of the ranges; the HEAD is none of them.
            store.server.script(Fault(.stall(after: 1_000), on: .get, first: 2))
            let file = try store.file("f", size: data.count)
            _ = try await FetchScheduler(concurrency: 2, partSize: Int64(part)).fetch(object, from: store.client, into: file)
            #expect(try store.content(of: file) == data)
            #expect(store.telemetry.retries == ["stalled"])
            let ranges = store.server.requests.filter { $0.operation == .get }
            #expect(ranges.count == 9)
            let cut = try #require(ranges.firstIndex { $0.sentBytes == 1_000 })
            let range = try #require(ranges[cut].range)
            let rest = "bytes=\(try start(of: range) + 1_000)-\(try start(of: range) + part - 1)"
            let resumed = try #require(ranges.firstIndex { $0.range == rest }, "\(ranges.map(\.range))")
            // One place of the two stood still for that long; the other did not wait for it.
            #expect(resumed > cut + 2)
            #expect(ranges.map(\.sentBytes).reduce(0, +) == data.count)
        }
    }

    private func start(of range: String) throws -> Int {
        try #require(range.split(separator: "=").last?.split(separator: "-").first.flatMap { Int($0) })
    }

    @Test("a fetch that is cancelled ends soon and keeps what is staged")
    func cancelled() async throws {
        try await Store.with { (store) async throws in
            let object = store.put("k", noise(4 * part))
            store.server.script(Fault(.stall(after: 1_000), on: .get, first: 3, times: nil))
            let file = try store.file("f", size: 4 * part)
            let serial = FetchScheduler(concurrency: 1, partSize: Int64(part))
            let task = Task { try await serial.fetch(object, from: store.client, into: file) }
            while store.server.requests.count < 4 || (file.stagedBytes < 2 * part) { await Task.yield() }
            task.cancel()
            let error = try await s3Error { _ = try await task.value }
            #expect(error.cause == .cancelled)
            #expect(error.kind == .busy)
            #expect(file.stagedBytes >= 2 * part)
        }
    }

    @Test("several objects at once share the window, and each arrives whole")
    func together() async throws {
        try await Store.with { (store) async throws in
            let objects = (0..<6).map { number in (number, noise(3 * part + number, seed: UInt64(number))) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, data) in objects {
                    let object = store.put("k\(number)", data)
                    let file = try store.file("f\(number)", size: data.count)
                    group.addTask {
                        _ = try await scheduler.fetch(object, from: store.client, into: file)
                        #expect(try store.content(of: file) == data)
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}

import Digests
import FileIO
import S3Fixture
import Servables
import Testing

@testable import S3

/// Small parts, so that a small object has many. Requests are for other ranges than the parts that were uploaded.
private let part = 64 << 10
private let uploaded = 50_000

@Suite("Objects that were uploaded in parts")
struct PartsTests {
    private let scheduler = FetchScheduler(partSize: Int64(part))

    /// What a store offers of a multipart upload, and what is compared.
    static let offers: [(offered: [ChecksumKind], isComposite: Bool, method: VerificationMethod)] = [
        ([], false, .md5Multipart), ([.crc32], true, .crc32Composite), ([.crc32c], true, .crc32cComposite),
        ([.sha1], true, .sha1Composite), ([.sha256], true, .sha256Composite),
        ([.crc32, .sha256, .crc32c, .sha1], true, .sha256Composite), ([.crc32c], false, .crc32c),
    ]

    private func options(_ offer: (offered: [ChecksumKind], isComposite: Bool, method: VerificationMethod)) -> FixtureOptions {
        FixtureOptions(checksums: offer.offered, parts: UploadParts(sizes: [uploaded], isComposite: offer.isComposite))
    }

    @Test(
        "are verified by what there is of their parts, in one request or in ranges", arguments: offers,
        [part, 5 * part + 1, 6 * uploaded])
    func verified(offer: (offered: [ChecksumKind], isComposite: Bool, method: VerificationMethod), size: Int) async throws {
        try await Store.with(options(offer)) { (store) async throws in
            let data = noise(size)
            let object = store.put("k", data)
            let file = try store.file("f", size: size)
            let verification = try await scheduler.fetch(object, from: store.client, into: file)
            #expect(verification.method == offer.method)
            #expect(try store.content(of: file) == data)
            let requests = store.server.requests
            #expect(requests.allSatisfy { $0.header("if-match") == object.etag }, "\(requests)")
            let asked = requests.filter { $0.query.contains("partNumber") }
            let isOfParts = offer.method != .crc32c
            #expect(asked.map { "\($0.method) \($0.query)" } == (isOfParts ? ["HEAD partNumber=1"] : []))
        }
    }

    @Test(
        "one wrong bit is found by each kind of checksum, fetched anew once, and then named", arguments: offers, [part, 3 * part])
    func flipped(offer: (offered: [ChecksumKind], isComposite: Bool, method: VerificationMethod), size: Int) async throws {
        try await Store.with(options(offer)) { (store) async throws in
            try await store.expectWrongBit(isFoundBy: offer.method, size: size, scheduler)
        }
    }

    @Test(
        "parts of any sizes are verified too, each being asked for where they are not equal",
        arguments: [[90_000, 40_000, 90_000], [10_000, 90_000, 7], [70_000, 30_000, 70_000, 50_000]], [false, true])
    func unequal(sizes: [Int], isComposite: Bool) async throws {
        try await Store.with(FixtureOptions(checksums: isComposite ? [.crc32c] : [])) { (store) async throws in
            let data = noise(sizes.reduce(0, +))
            store.server.put(
                bucket: "b", key: "k", data: data, parts: UploadParts(sizes: sizes, isComposite: isComposite))
            let object = store.listed("k", size: data.count)
            let file = try store.file("f", size: data.count)
            let mismatches = Box(0)
            let verification = try await scheduler.fetch(object, from: store.client, into: file) { event in
                if case .checksumMismatch = event { mismatches.change { $0 += 1 } }
            }
            #expect(verification.method == (isComposite ? .crc32cComposite : .md5Multipart))
            #expect(mismatches.value == 0)
            let asked = Set(store.server.requests.map(\.query).filter { $0.contains("partNumber") })
            #expect(asked == Set((1...sizes.count).map { "partNumber=\($0)" }))
            // And a wrong bit in them is a wrong bit.
            store.server.script(Fault(.flipBit(at: 5), on: .get, times: nil))
            let error = try await s3Error {
                _ = try await scheduler.fetch(object, from: store.client, into: try store.file("g", size: data.count))
            }
            #expect(error.kind == .badData, "\(error)")
        }
    }

    /// Where nothing can be concluded from the ETag, wrong as it is.
    static let untold: [(name: String, change: @Sendable (Store) -> Void)] = [
        ("partNumber is ignored", { $0.server.script(Fault(.header("Content-Length", "200000"), on: .head, times: nil)) }),
        (
            "partNumber is not known",
            { $0.server.script(Fault(.status(501, code: "NotImplemented"), on: .head, first: 2, times: nil)) }
        ),
        (
            "partNumber is refused",
            { $0.server.script(Fault(.status(400, code: "InvalidArgument"), on: .head, first: 2, times: nil)) }
        ),
        ("other parts", { $0.server.script(Fault(.header("x-amz-mp-parts-count", "5"), on: .head, first: 2, times: nil)) }),
        (
            "a part of another object",
            { $0.server.script(Fault(.header("Content-Range", "bytes 0-49999/123456"), on: .head, first: 2, times: nil)) }
        ),
        ("an answer of another ETag", { $0.server.script(Fault(.header("ETag", "\"other\""), on: .head, first: 2, times: nil)) }),
        (
            "parts that are not the object together",
            {
                $0.server.script(Fault(.header("Content-Length", "1000"), on: .head, first: 2, times: nil))
                $0.server.script(Fault(.header("Content-Range", ""), on: .head, first: 2, times: nil))
            }
        ),
        ("a key of KMS", { $0.server.script(Fault(.header("x-amz-server-side-encryption", "aws:kms"), times: nil)) }),
        (
            "only the first part is told",
            { $0.server.script(Fault(.status(416, code: "InvalidPartNumber"), on: .head, first: 3, times: nil)) }
        ),
    ]

    @Test("whose ETag may be anything are not refused for it: the length has to do", arguments: untold)
    func inconclusive(untold: (name: String, change: @Sendable (Store) -> Void)) async throws {
        try await Store.with(FixtureOptions(checksums: [])) { (store) async throws in
            let data = noise(200_000)
            store.server.put(
                bucket: "b", key: "k", data: data, etag: "9bb58f26192e4ba00f01e2e7b136bbd8-4",
                parts: UploadParts(sizes: [uploaded]))
            untold.change(store)
            let file = try store.file("f", size: data.count)
            let verification = try await scheduler.fetch(store.listed("k", size: data.count), from: store.client, into: file)
            #expect(verification.method == .size)
            #expect(try store.content(of: file) == data)
        }
    }

    @Test("whose sizes the store does not tell are verified if they are of a usual size", arguments: ["ignored", "its own ETag"])
    func guessed(answer: String) async throws {
        let mebibyte = 1 << 20
        try await Store.with(FixtureOptions(checksums: [], parts: UploadParts(sizes: [8 * mebibyte]))) { (store) async throws in
            let object = store.put("k", noise(17 * mebibyte))
            if answer == "ignored" {
                store.server.script(Fault(.header("Content-Length", String(17 * mebibyte)), on: .head, times: nil))
                store.server.script(Fault(.header("Content-Range", ""), on: .head, times: nil))
            } else {
                store.server.script(Fault(.status(412, code: "PreconditionFailed"), on: .head, first: 2))
            }
            let large = FetchScheduler()
            let verification = try await large.fetch(
                object, from: store.client, into: try store.file("f", size: 17 * mebibyte))
            #expect(verification.method == .md5Multipart)
            #expect(store.server.requests.allSatisfy { $0.header("if-match") == object.etag })
        }
    }

    @Test("of which several usual sizes could be are verified by the one that fits, and wrong bytes by none")
    func otherGuess() async throws {
        let mebibyte = 1 << 20
        try await Store.with(FixtureOptions(checksums: [], parts: UploadParts(sizes: [5 * mebibyte]))) { (store) async throws in
            // 8 and 1, or 5 and 4.
            let object = store.put("k", noise(9 * mebibyte))
            store.server.script(Fault(.header("Content-Length", String(9 * mebibyte)), on: .head, times: nil))
            store.server.script(Fault(.header("Content-Range", ""), on: .head, times: nil))
            let file = try store.file("f", size: 9 * mebibyte)
            #expect(try await FetchScheduler().fetch(object, from: store.client, into: file).method == .md5Multipart)
            store.server.script(Fault(.flipBit(at: 6 * mebibyte), on: .get, times: nil))
            let other = try store.file("g", size: 9 * mebibyte)
            #expect(try await FetchScheduler().fetch(object, from: store.client, into: other).method == .size)
        }
    }

    @Test(
        "of one part are verified by an ETag that fits, and not refused for one that does not, as MinIO has it of what is no MD5")
    func onePart() async throws {
        try await Store.with(FixtureOptions(checksums: [], parts: UploadParts(sizes: [100]))) { (store) async throws in
            let object = store.put("k", noise(100))
            #expect(object.etag.hasSuffix("-1\""))
            let file = try store.file("f", size: 100)
            #expect(try await scheduler.fetch(object, from: store.client, into: file).method == .md5Multipart)
            #expect(store.server.requests.count == 1)
            store.server.put(bucket: "b", key: "k", data: noise(100), etag: "9bb58f26192e4ba00f01e2e7b136bbd8-1")
            let other = try await scheduler.fetch(
                store.listed("k", size: 100), from: store.client, into: try store.file("g", size: 100))
            #expect(other.method == .size)
        }
    }

    @Test(
        "--verify size compares nothing that the store offers and asks for no part; what the version's manifest says it compares")
    func sizeOnly() async throws {
        try await Store.with(options(Self.offers[0])) { (store) async throws in
            let object = store.put("k", noise(3 * part))
            store.server.script(Fault(.flipBit(at: 5), on: .get, times: nil))
            let lenient = FetchScheduler(partSize: Int64(part), comparesChecksums: false)
            let file = try store.file("f", size: 3 * part)
            #expect(try await lenient.fetch(object, from: store.client, into: file).method == .size)
            #expect(!store.server.requests.contains { $0.query.contains("partNumber") })
            let stated = S3Object(
                bucket: "b", key: "k", size: object.size, etag: object.etag,
                sha256: DigestKind.sha256.digest(of: noise(3 * part)))
            let error = try await s3Error {
                _ = try await lenient.fetch(stated, from: store.client, into: try store.file("g", size: 3 * part))
            }
            #expect(error.kind == .badData)
            store.server.clearScript()
            #expect(
                try await lenient.fetch(stated, from: store.client, into: try store.file("h", size: 3 * part)).method == .sha256)
        }
    }

    @Test("that are replaced while their parts are asked for are dropped", arguments: [part, 3 * part])
    func replaced(size: Int) async throws {
        try await Store.with(options(Self.offers[0])) { (store) async throws in
            let object = store.put("k", noise(size))
            // A small one has no other HEAD.
            store.server.script(Fault(.replace(noise(size, seed: 2)), on: .head, first: size == part ? 1 : 2))
            let file = try store.file("f", size: size)
            let error = try await s3Error { _ = try await scheduler.fetch(object, from: store.client, into: file) }
            #expect(error.isObjectChanged, "\(error)")
            #expect(error.description.contains("412"))
            #expect(file.missing == [0..<Int64(size)])
        }
    }

    @Test("hiccups of what asks for the parts are tried again")
    func hiccups() async throws {
        try await Store.with(options(Self.offers[0])) { (store) async throws in
            let object = store.put("k", noise(3 * part))
            store.server.script(Fault(.status(503, code: "SlowDown"), on: .head, first: 2))
            let file = try store.file("f", size: 3 * part)
            #expect(try await scheduler.fetch(object, from: store.client, into: file).method == .md5Multipart)
            #expect(store.telemetry.retries.count == 1)
        }
    }

    @Test("on this machine already are compared with what the store says, and one wrong bit is seen", arguments: offers)
    func compared(offer: (offered: [ChecksumKind], isComposite: Bool, method: VerificationMethod)) async throws {
        try await Store.with(options(offer)) { (store) async throws in
            let data = noise(3 * part)
            let object = store.put("k", data)
            let file = try store.file("f", size: data.count)
            _ = try await scheduler.fetch(object, from: store.client, into: file)
            let local = StagedBytes(file: file)
            #expect(try await store.client.compare(object, with: local)?.method == offer.method)
            var wrong = data
            wrong[77_777] ^= 1
            let other = store.put("k", wrong)
            #expect(try await store.client.compare(other, with: local) == nil)
        }
    }

    @Test("on this machine are nothing to go by where the object is another one, they have another length, or nothing is offered")
    func comparedInVain() async throws {
        try await Store.with(FixtureOptions(checksums: [])) { (store) async throws in
            let data = noise(100)
            let object = store.put("k", data)
            let file = try store.file("f", size: 100)
            _ = try await scheduler.fetch(object, from: store.client, into: file)
            let local = StagedBytes(file: file)
            #expect(try await store.client.compare(object, with: local)?.method == .md5)
            // Its digest is asked for as far as the object goes.
            let descriptor = try FileSystem().open(file.path, .readWrite)
            try descriptor.truncate(to: 101)
            #expect(try await store.client.compare(object, with: local) == nil)
            try descriptor.truncate(to: 100)
            store.server.put(bucket: "b", key: "k", data: data, etag: "none")
            let nothing = store.listed("k", size: 100)
            #expect(try await store.client.compare(nothing, with: local) == nil)
            let crc = try #require(file.crc64nvme())
            let offered = ["crc64nvme": Base64.encode(withUnsafeBytes(of: crc.bigEndian) { Array($0) })]
            store.server.put(bucket: "b", key: "k", data: data, etag: "none", checksums: offered)
            #expect(try await store.client.compare(nothing, with: local)?.method == .crc64nvme)
            // A store that does not know If-Match.
            store.server.script(Fault(.header("ETag", "\"other\""), on: .head))
            #expect(try await store.client.compare(nothing, with: local) == nil)
        }
    }
}

/// A file that was fetched, as bytes that are there.
private struct StagedBytes: LocalBytes {
    let file: StagedFile

    func checksums() async throws(FileError) -> Extent {
        let descriptor = try FileSystem().open(file.path, .read)
        var checksum = RunningChecksum(.all)
        try FileSystem().forEachChunk(of: descriptor) { checksum.update($0) }
        return checksum.extent(at: 0)
    }

    func digest(_ digest: FileDigest) async throws(FileError) -> [UInt8] {
        try FileSystem().digest(digest, of: file.path, size: file.size)
    }
}

import Digests
import FileIO
import Servables
import Testing
import Transfer

@testable import S3

@Suite("What an answer is taken for")
struct AnswerTests {
    static let object = S3Object(bucket: "b", key: "k", size: 100, etag: "\"e\"")

    private func verdict(_ status: Int, _ headers: [String: String], range: Range<Int64>? = nil) -> Wanted.Verdict {
        Wanted(object: Self.object, range: range ?? 0..<100, isWhole: range == nil)
            .verdict(on: ResponseHead(status: status, headers: headers.map { HTTPHeader($0.key, $0.value) }))
    }

    private func isChange(_ verdict: Wanted.Verdict) -> Bool {
        if case .refuse(.objectChanged) = verdict { true } else { false }
    }

    @Test("a whole object is a 200 of its length, with or without an ETag")
    func whole() {
        #expect(verdict(200, ["Content-Length": "100", "ETag": "\"e\""]) == .take)
        #expect(verdict(200, [:]) == .take)
        #expect(verdict(200, ["ETag": "e"]) == .take)
        #expect(verdict(200, ["ETag": "W/\"e\""]) == .take)
        #expect(isChange(verdict(200, ["Content-Length": "99"])))
        #expect(isChange(verdict(200, ["Content-Length": "100", "ETag": "\"f\""])))
        #expect(verdict(206, ["Content-Range": "bytes 0-99/100"]) != .take)
        #expect(verdict(204, [:]) != .take)
    }

    @Test("a range is a 206 of exactly the bytes that were asked for, of an object of the listed size")
    func range() {
        #expect(verdict(206, ["Content-Range": "bytes 10-19/100", "Content-Length": "10"], range: 10..<20) == .take)
        #expect(verdict(206, ["Content-Range": "bytes 10-19/100"], range: 10..<20) == .take)
        for wrong in [
            "bytes 10-19/101", "bytes 10-19/*", "bytes 11-20/100", "bytes 10-18/100", "bytes 10-20/100", "bytes */100",
            "10-19/100", "",
        ] {
            #expect(isChange(verdict(206, ["Content-Range": wrong], range: 10..<20)), "\(wrong)")
        }
        #expect(isChange(verdict(206, [:], range: 10..<20)))
        #expect(isChange(verdict(206, ["Content-Range": "bytes 10-19/100", "Content-Length": "9"], range: 10..<20)))
        // rclone's form of a range, and the whole object from a store that ignores ranges.
        #expect(verdict(200, ["Content-Range": "bytes 10-19/100", "Content-Length": "10"], range: 10..<20) == .take)
        #expect(isChange(verdict(200, ["Content-Range": "bytes 10-19/100", "Content-Length": "100"], range: 10..<20)))
        #expect(isChange(verdict(200, ["Content-Length": "100"], range: 10..<20)))
        #expect(isChange(verdict(206, ["Content-Range": "bytes 10-19/100", "ETag": "\"f\""], range: 10..<20)))
    }

    @Test("every request is pinned, with the quotes that a store may have left out")
    func pin() {
        #expect(S3Object(bucket: "b", key: "k", size: 1, etag: "e").pin.map(\.value) == ["\"e\""])
        #expect(S3Object(bucket: "b", key: "k", size: 1, etag: "\"e\"").pin.map(\.value) == ["\"e\""])
        #expect(S3Object(bucket: "b", key: "k", size: 1, etag: "").pin.isEmpty)
    }

    private func offered(_ headers: [String: String], etag: String = "", bucket: String = "b") -> OfferedChecksum {
        OfferedChecksum(
            ResponseHead(status: 200, headers: headers.map { HTTPHeader($0.key, $0.value) }),
            S3Object(bucket: bucket, key: "k", size: 1, etag: etag))
    }

    private static let md5 = "\"900150983cd24fb0d6963f7d28e17f72\""

    @Test("a checksum counts only if it is of the whole object, well-formed, and known; then the strongest")
    func offers() {
        #expect(offered(["x-amz-checksum-crc64nvme": "rosUhgp5mIg="]) == .crc(.crc64nvme, value: 0xAE8B_1486_0A79_9888))
        #expect(offered(["x-amz-checksum-crc64nvme": "rosUhgp5mIg="]).text == "ae8b14860a799888")
        #expect(offered(["x-amz-checksum-crc32": "AAAAAQ==", "x-amz-checksum-crc32c": "AAAAAg=="]) == .crc(.crc32c, value: 2))
        #expect(offered(["x-amz-checksum-crc32": "AAAAAQ==", "x-amz-checksum-type": "FULL_OBJECT"]).text == "00000001")
        #expect(offered(["x-amz-checksum-crc32": "AAAAAQ==", "x-amz-checksum-type": "COMPOSITE"]) == .none)
        // Of the parts: without a number there is none in the ETag either.
        #expect(
            offered(["x-amz-checksum-crc32": "AAAAAQ==-3"])
                == .parts(OfferedParts(hash: .crc32, value: [0, 0, 0, 1], count: 3, isConclusive: true)))
        #expect(offered(["x-amz-checksum-crc32": "AAAA"]) == .none)
        // Of an upload in parts, without a word of what it is of.
        #expect(offered(["x-amz-checksum-crc32": "AAAAAQ==", "ETag": "\"a-3\""]) == .none)
        #expect(
            offered(["x-amz-checksum-crc32": "AAAAAQ==", "x-amz-checksum-type": "FULL_OBJECT"], etag: "\"a-3\"").method == .crc32)
        #expect(offered(["x-amz-checksum-crc64nvme": "rosUhgp5mIg="], etag: "\"a-3\"").method == .crc64nvme)
        #expect(offered(["x-amz-checksum-crc32": "!"]) == .none)
        #expect(offered(["x-amz-checksum-xxhash64": "AAAAAAAAAAA="]) == .none)
        #expect(
            offered(["x-amz-checksum-sha1": "2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "x-amz-checksum-crc32": "AAAAAQ=="]).method == .sha1)
    }

    @Test("an ETag is compared as MD5 only where it is one")
    func etags() {
        let digest = OfferedChecksum.digest(FileDigest(.md5), value: DigestKind.md5.digest(of: Array("abc".utf8)))
        #expect(offered(["ETag": Self.md5]) == digest)
        #expect(offered([:], etag: Self.md5) == digest)
        #expect(offered(["ETag": Self.md5, "x-amz-server-side-encryption": "AES256"]) == digest)
        #expect(offered(["ETag": Self.md5, "x-amz-server-side-encryption": "aws:kms"]) == .none)
        #expect(offered(["ETag": Self.md5, "x-amz-server-side-encryption-customer-algorithm": "AES256"]) == .none)
        #expect(offered(["ETag": Self.md5, "x-amz-storage-class": "EXPRESS_ONEZONE"]) == .none)
        #expect(offered(["ETag": Self.md5], bucket: "b--use1-az4--x-s3") == .none)
        #expect(offered(["ETag": "\"900150983cd24fb0d6963f7d28e17fzz\""]) == .none)
        #expect(offered(["ETag": Self.md5, "x-amz-checksum-crc32": "AAAAAQ=="]).method == .crc32)
    }

    @Test("of an upload in parts the ETag or a composite checksum is compared, the composite one first, and what they agree on")
    func parts() {
        func tag(_ count: String) -> String { "\"900150983cd24fb0d6963f7d28e17f72-\(count)\"" }
        func parts(_ hash: FileDigest.Hash, _ count: Int, isConclusive: Bool = true) -> OfferedChecksum {
            let value = hash == .md5 ? DigestKind.md5.digest(of: Array("abc".utf8)) : [0, 0, 0, 1]
            return .parts(OfferedParts(hash: hash, value: value, count: count, isConclusive: isConclusive))
        }
        let (composite, crc32, crc32c) = ("x-amz-checksum-type", "x-amz-checksum-crc32", "x-amz-checksum-crc32c")
        #expect(offered([:], etag: tag("3")) == parts(.md5, 3))
        // MinIO marks with it what is no MD5 of anything.
        #expect(offered([:], etag: tag("1")) == parts(.md5, 1, isConclusive: false))
        for count in ["0", "", "+3", "x", "3-3", "10001"] { #expect(offered([:], etag: tag(count)) == .none) }
        for encryption in ["aws:kms", "aws:kms:dsse"] {
            #expect(offered(["x-amz-server-side-encryption": encryption], etag: tag("3")) == .none)
        }
        #expect(offered(["x-amz-server-side-encryption-customer-algorithm": "AES256"], etag: tag("3")) == .none)
        #expect(offered([composite: "COMPOSITE", crc32: "AAAAAQ==-3"], etag: tag("3")) == parts(.crc32, 3))
        #expect(
            offered([composite: "COMPOSITE", crc32: "AAAAAQ==-3", crc32c: "AAAAAQ==-3"], etag: tag("3")) == parts(.crc32c, 3))
        // Seen without its mark.
        #expect(offered([composite: "COMPOSITE", crc32: "AAAAAQ=="], etag: tag("3")) == parts(.crc32, 3))
        // Neither what disagrees with the ETag nor what is of nobody knows what.
        #expect(offered([composite: "COMPOSITE", crc32: "AAAAAQ==-4"], etag: tag("3")) == parts(.md5, 3))
        #expect(offered([crc32: "AAAAAQ=="], etag: tag("3")) == parts(.md5, 3))
        // Encrypted by KMS the ETag is nothing, a composite checksum still is one.
        let encrypted = [composite: "COMPOSITE", crc32: "AAAAAQ==-3", "x-amz-server-side-encryption": "aws:kms"]
        #expect(offered(encrypted, etag: tag("3")) == parts(.crc32, 3))
    }

    @Test("parts are taken for equal only where an object of that size would have as many")
    func equalParts() {
        func equal(_ count: Int, first: Int64, of size: Int64) -> [Int64]? {
            OfferedParts(hash: .md5, value: [], count: count, isConclusive: true).equal(first: first, of: size)
        }
        #expect(equal(3, first: 8, of: 17) == [8, 8, 1])
        #expect(equal(3, first: 8, of: 24) == [8, 8, 8])
        for size: Int64 in [0, 7, 16, 25] { #expect(equal(3, first: 8, of: size) == nil, "\(size)") }
        #expect(equal(2, first: 0, of: 1) == nil)
        let three = OfferedParts(hash: .md5, value: [], count: 3, isConclusive: true)
        let mebibyte: Int64 = 1 << 20
        #expect(three.guesses(of: 17 * mebibyte).first == [8 * mebibyte, 8 * mebibyte, mebibyte])
        #expect(three.guesses(of: 12 * mebibyte) == [[5 * mebibyte, 5 * mebibyte, 2 * mebibyte]])
        #expect(three.guesses(of: 3 * mebibyte) == [])
        #expect(three.equal(first: .max, of: .max) == nil)
        #expect(equal(10_000, first: .max, of: .max) == nil)
    }
}

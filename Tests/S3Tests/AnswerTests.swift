import Digests
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

    private func offered(_ headers: [String: String], etag: String = "") -> OfferedChecksum {
        OfferedChecksum(ResponseHead(status: 200, headers: headers.map { HTTPHeader($0.key, $0.value) }), etag: etag)
    }

    private static let md5 = "\"900150983cd24fb0d6963f7d28e17f72\""

    @Test("a checksum counts only if it is of the whole object, well-formed, and known; then the strongest")
    func offers() {
        #expect(offered(["x-amz-checksum-crc64nvme": "rosUhgp5mIg="]) == .crc(.crc64nvme, value: 0xAE8B_1486_0A79_9888))
        #expect(offered(["x-amz-checksum-crc64nvme": "rosUhgp5mIg="]).text == "ae8b14860a799888")
        #expect(offered(["x-amz-checksum-crc32": "AAAAAQ==", "x-amz-checksum-crc32c": "AAAAAg=="]) == .crc(.crc32c, value: 2))
        #expect(offered(["x-amz-checksum-crc32": "AAAAAQ==", "x-amz-checksum-type": "FULL_OBJECT"]).text == "00000001")
        #expect(offered(["x-amz-checksum-crc32": "AAAAAQ==", "x-amz-checksum-type": "COMPOSITE"]) == .none)
        #expect(offered(["x-amz-checksum-crc32": "AAAAAQ==-3"]) == .none)
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
        let digest = OfferedChecksum.digest(.md5, value: DigestKind.md5.digest(of: Array("abc".utf8)))
        #expect(offered(["ETag": Self.md5]) == digest)
        #expect(offered([:], etag: Self.md5) == digest)
        #expect(offered(["ETag": Self.md5, "x-amz-server-side-encryption": "AES256"]) == digest)
        #expect(offered(["ETag": Self.md5, "x-amz-server-side-encryption": "aws:kms"]) == .none)
        #expect(offered(["ETag": Self.md5, "x-amz-server-side-encryption-customer-algorithm": "AES256"]) == .none)
        #expect(offered(["ETag": "\"900150983cd24fb0d6963f7d28e17f72-1\""]) == .none)
        #expect(offered(["ETag": "\"900150983cd24fb0d6963f7d28e17fzz\""]) == .none)
        #expect(offered(["ETag": Self.md5, "x-amz-checksum-crc32": "AAAAAQ=="]).method == .crc32)
    }
}

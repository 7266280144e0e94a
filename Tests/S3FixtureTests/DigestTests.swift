import NIOCore
import Testing

@testable import S3Fixture

@Suite("Digests agree with published vectors")
struct DigestTests {
    @Test(
        "MD5, RFC 1321 appendix A.5",
        arguments: [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
            (
                "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                "57edf4a22be3c955ac49da2e2107b67a"
            ),
        ])
    func md5(text: String, expected: String) {
        #expect(hex(Digester<MD5>.digest(text.utf8)) == expected)
    }

    @Test(
        "SHA-256, FIPS 180-4 examples",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func sha256(text: String, expected: String) {
        #expect(hex(Digester<SHA256>.digest(text.utf8)) == expected)
    }

    @Test(
        "SHA-1, FIPS 180-4 examples",
        arguments: [
            ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
        ])
    func sha1(text: String, expected: String) {
        #expect(hex(Digester<SHA1>.digest(text.utf8)) == expected)
    }

    @Test("HMAC-SHA-256, RFC 4231 test cases 2 and 6")
    func hmac() {
        #expect(
            hex(hmacSHA256(key: Array("Jefe".utf8), "what do ya want for nothing?".utf8))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        #expect(
            hex(
                hmacSHA256(
                    key: [UInt8](repeating: 0xaa, count: 131), "Test Using Larger Than Block-Size Key - Hash Key First".utf8))
                == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    @Test(
        "The check values of the CRC catalogue",
        arguments: [
            (ChecksumKind.crc64nvme, UInt64(0xae8b_1486_0a79_9888), "rosUhgp5mIg="),
            (.crc32, 0xcbf4_3926, "y/Q5Jg=="),
            (.crc32c, 0xe306_9283, "4waSgw=="),
        ])
    func crcCheckValues(kind: ChecksumKind, expected: UInt64, header: String) throws {
        let code = try #require(kind.code)
        var crc = CRC(code)
        Array("123456789".utf8).withUnsafeBytes { crc.update($0) }
        #expect(crc.value == expected)
        #expect(kind.text(ofCRC: crc.value) == header)
    }

    @Test("Digests do not depend on how the bytes are cut", arguments: [1, 3, 7, 63, 64, 65, 200])
    func cuts(size: Int) {
        let bytes = SyntheticContent(size: 1000, seed: 5).bytes(in: 0..<1000)
        var whole = ContentDigester(ChecksumKind.allCases)
        bytes.withUnsafeBytes { whole.update($0) }
        var pieces = ContentDigester(ChecksumKind.allCases)
        for start in stride(from: 0, to: bytes.count, by: size) {
            bytes[start..<min(bytes.count, start + size)].withUnsafeBytes { pieces.update($0) }
        }
        let (left, right) = (whole.finish(), pieces.finish())
        #expect(left.md5 == right.md5)
        #expect(left.checksums == right.checksums)
        #expect(left.checksums.count == 5)
    }

    @Test("Synthetic content has the checksum of its bytes", arguments: ChecksumKind.allCases.filter { $0.code != nil })
    func synthetic(kind: ChecksumKind) throws {
        let code = try #require(kind.code)
        for size in [0, 5, 16, (2 << 20) + 345] {
            let content = SyntheticContent(size: size, seed: 42)
            var crc = CRC(code)
            content.bytes(in: 0..<size).withUnsafeBytes { crc.update($0) }
            #expect(content.crc(code) == crc.value)
        }
    }

    @Test("Any range of synthetic content is the same bytes, and blocks and seeds differ")
    func syntheticRanges() {
        let content = SyntheticContent(size: 3 << 20, seed: 1)
        let all = content.bytes(in: 0..<content.size)
        #expect(all.count == content.size)
        for range in [0..<3, 10..<20, (1 << 20) - 5..<(1 << 20) + 40, (2 << 20)..<(2 << 20) + 100] {
            #expect(fingerprint(content.bytes(in: range)) == fingerprint(all[range]))
        }
        #expect(fingerprint(all[..<(1 << 20)]) != fingerprint(all[(1 << 20)..<(2 << 20)]))
        #expect(SyntheticContent(size: 100, seed: 2).bytes(in: 0..<100) != Array(all[..<100]))
    }

    @Test(
        "Base64, RFC 4648 section 10",
        arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")])
    func base64Vectors(text: String, expected: String) {
        #expect(base64(text.utf8) == expected)
    }

    @Test("Dates are written and read as S3 does")
    func dates() throws {
        let time = try #require(UnixTime(amzDate: "20130524T010203Z"))
        #expect(time.httpDate == "Fri, 24 May 2013 01:02:03 GMT")
        #expect(UnixTime(milliseconds: time.milliseconds + 45).listingDate == "2013-05-24T01:02:03.045Z")
        #expect(time.amzDate == "20130524T010203Z")
        #expect(UnixTime(amzDate: "2013-05-24") == nil)
    }
}

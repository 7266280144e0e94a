import Digests
import Testing

@Suite("Digests equal the published vectors")
struct DigestTests {
    @Test(
        "MD5: the test suite of RFC 1321, appendix A.5",
        arguments: [
            ("", "d41d8cd98f00b204e9800998ecf8427e"), ("a", "0cc175b9c0f1b6a831c399e269772661"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
            ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"),
            (String(repeating: "1234567890", count: 8), "57edf4a22be3c955ac49da2e2107b67a"),
        ])
    func md5(message: String, expected: String) {
        #expect(Hex.encode(DigestKind.md5.digest(of: message.utf8)) == expected)
    }

    @Test(
        "SHA-1: NIST's examples for FIPS 180",
        arguments: [
            ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"), ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
        ])
    func sha1(message: String, expected: String) {
        #expect(Hex.encode(DigestKind.sha1.digest(of: message.utf8)) == expected)
    }

    @Test(
        "SHA-256: NIST's examples for FIPS 180",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func sha256(message: String, expected: String) {
        #expect(Hex.encode(DigestKind.sha256.digest(of: message.utf8)) == expected)
    }

    @Test("NIST's message of a million a's, in pieces of every length up to some blocks")
    func pieces() {
        var sha1 = MessageDigest(.sha1)
        var sha256 = MessageDigest(.sha256)
        var left = 1_000_000
        var length = 0
        while left > 0 {
            let piece = [UInt8](repeating: UInt8(ascii: "a"), count: min(length, left))
            sha1.update(piece)
            piece.withUnsafeBytes { sha256.update($0) }
            left -= piece.count
            length = (length + 1) % 200
        }
        let results = [sha1.finish(), sha256.finish()].map { Hex.encode($0) }
        #expect(results[0] == "34aa973cd4c4daa4f61eeb2bdbad27316534016f")
        #expect(results[1] == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test("bytes that lie in no one piece count as those that do", arguments: DigestKind.allCases)
    func scattered(kind: DigestKind) {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        #expect(kind.digest(of: bytes.lazy.map { $0 }) == kind.digest(of: bytes))
        #expect(kind.digest(of: bytes[10..<500]) == kind.digest(of: Array(bytes[10..<500])))
        #expect(kind.digest(of: bytes).count == kind.byteCount)
    }

    @Test("every digest is available on a machine that is not in FIPS mode", arguments: DigestKind.allCases)
    func availability(kind: DigestKind) {
        #expect(kind.isAvailable)
    }

    @Test("two digests at once do not disturb each other, and one may be dropped unfinished")
    func independence() {
        var first = MessageDigest(.sha256)
        first.update("a".utf8)
        do {
            var second = MessageDigest(.sha256)
            second.update("zzz".utf8)
        }
        var third = MessageDigest(.sha256)
        third.update("ab".utf8)
        first.update("bc".utf8)
        third.update("c".utf8)
        let results = [first.finish(), third.finish()]
        #expect(results == Array(repeating: DigestKind.sha256.digest(of: "abc".utf8), count: 2))
    }

    @Test("a digest is handed from thread to thread between pieces")
    func transfer() async {
        var digest = MessageDigest(.sha256)
        digest.update("a".utf8)
        let result = await Self.finish(digest)
        #expect(result == DigestKind.sha256.digest(of: "abc".utf8))
    }

    @concurrent
    private static func finish(_ digest: consuming MessageDigest) async -> [UInt8] {
        digest.update("bc".utf8)
        return digest.finish()
    }
}

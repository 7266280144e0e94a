import Digests
import Testing

@Suite("HMAC-SHA256 equals the published vectors")
struct HMACTests {
    struct Vector: Sendable {
        let key: [UInt8]
        let message: [UInt8]
        let expected: String
    }

    /// RFC 4231 section 4, test cases 1 to 7.
    static let vectors = [
        Vector(
            key: bytes(0x0B, 20), message: Array("Hi There".utf8),
            expected: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        Vector(
            key: Array("Jefe".utf8), message: Array("what do ya want for nothing?".utf8),
            expected: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        Vector(
            key: bytes(0xAA, 20), message: bytes(0xDD, 50),
            expected: "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        Vector(
            key: Array(0x01...0x19), message: bytes(0xCD, 50),
            expected: "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
        Vector(
            key: bytes(0x0C, 20), message: Array("Test With Truncation".utf8), expected: "a3b6167473100ee06e0c796c2955552b"),
        Vector(
            key: bytes(0xAA, 131), message: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            expected: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
        Vector(
            key: bytes(0xAA, 131),
            message: Array(
                ("This is a test using a larger than block-size key and a larger than block-size data. "
                    + "The key needs to be hashed before being used by the HMAC algorithm.").utf8),
            expected: "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
    ]

    @Test("RFC 4231, test cases 1 to 7", arguments: vectors)
    func rfc4231(vector: Vector) {
        let code = Hex.encode(HMAC.sha256(of: vector.message, key: vector.key))
        // Case 5 is published truncated to 128 bits.
        #expect(code.prefix(vector.expected.count) == vector.expected)
        #expect(code.count == 64)
    }

    @Test("a key of exactly one block is not hashed, a longer one is")
    func blockSizedKeys() {
        // Computed with Python's hmac module.
        #expect(
            Hex.encode(HMAC.sha256(of: "m".utf8, key: Self.bytes(0x6B, 64)))
                == "3b7a8d453e76edb519238a515105a57508d0f169f480ebeee120a9e7803289fa")
        #expect(
            Hex.encode(HMAC.sha256(of: "m".utf8, key: Self.bytes(0x6B, 65)))
                == "c2d7d4c2256ddb097409ec0c67e1d58fa1a007fc6932cac0d892a525d08af7cc")
        #expect(
            Hex.encode(HMAC.sha256(of: [], key: []))
                == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }

    private static func bytes(_ byte: UInt8, _ count: Int) -> [UInt8] { [UInt8](repeating: byte, count: count) }
}

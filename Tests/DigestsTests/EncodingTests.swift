import Digests
import Testing

@Suite("Bytes as text")
struct EncodingTests {
    @Test("hexadecimal digits are written in lower case and read in both")
    func hex() {
        #expect(Hex.encode([0x00, 0x09, 0xAF, 0xFF]) == "0009afff")
        #expect(Hex.encode([]) == "")
        #expect(Hex.decode("0009afff") == [0x00, 0x09, 0xAF, 0xFF])
        #expect(Hex.decode("0009AfFf") == [0x00, 0x09, 0xAF, 0xFF])
        #expect(Hex.decode("") == [])
    }

    @Test(
        "what is not pairs of hexadecimal digits is refused",
        arguments: ["0", "0g", "000", " 00", "0x00", "é0", "/0", ":0", "@0", "`0"])
    func notHex(text: String) {
        #expect(Hex.decode(text) == nil)
    }

    @Test(
        "base 64: the test vectors of RFC 4648, section 10, and every digit",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func base64(text: String, expected: String) {
        #expect(Base64.encode(text.utf8) == expected)
        #expect(Base64.decode(expected) == Array(text.utf8))
    }

    @Test("base 64 of all digits, and of a checksum as S3 sends it")
    func base64Digits() {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        let bytes = Base64.decode(alphabet)
        #expect(bytes?.first == 0x00 && bytes?.last == 0xBF && bytes?.count == 48)
        #expect(bytes.map { Base64.encode($0) } == alphabet)
        #expect(Base64.decode("rosUhgp5mIg=") == [0xAE, 0x8B, 0x14, 0x86, 0x0A, 0x79, 0x98, 0x88])
    }

    @Test("every length and byte comes back from base 64")
    func base64RoundTrip() {
        for length in 0..<70 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 151 + length * 37) }
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        }
    }

    @Test(
        "what is not strict base 64 is refused",
        arguments: [
            "Z", "Zg", "Zg=", "Zm8", "Zg===", "Zg==Zg==", "Zg==\n", " Zg==", "Zm9v=", "Zm9v====", "====", "=", "Z===", "Zm=v",
            "Zm-_", "Zh==", "Zm9=",
            "Zgé=",
        ])
    func notBase64(text: String) {
        #expect(Base64.decode(text) == nil)
    }
}

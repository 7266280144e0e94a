/// Base 64 with the standard alphabet and padding (RFC 4648 section 4): what `x-amz-checksum-*` and `Content-MD5` carry.
public enum Base64 {
    public static func encode(_ bytes: some Collection<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        // The bits that no whole digit was made of yet are the lowest `pending` ones.
        var bits: UInt32 = 0
        var pending = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            pending += 8
            while pending >= 6 {
                pending -= 6
                text.append(alphabet[Int(bits >> pending & 0x3F)])
            }
        }
        if pending > 0 {
            text.append(alphabet[Int(bits << (6 - pending) & 0x3F)])
            text += repeatElement(padding, count: pending == 2 ? 2 : 1)
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes that a text stands for.
    ///
    /// Strict, so that one value has one text: `nil` if the padding is missing or wrong, if bits that padding makes superfluous are
    /// not zero, or for any character outside the alphabet, white space included.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? { decode(Array(text.utf8)) }

    private static func decode(_ text: [UInt8]) -> [UInt8]? {
        let digits = text.prefix { $0 != padding }
        let paddings = text.dropFirst(digits.count)
        guard paddings.allSatisfy({ $0 == padding }), paddings.count <= 2 else { return nil }
        guard (digits.count + paddings.count).isMultiple(of: 4) else { return nil }

        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 4 * 3 + 2)
        var bits: UInt32 = 0
        var pending = 0
        for character in digits {
            guard let digit = value(of: character) else { return nil }
            bits = bits << 6 | digit
            pending += 6
            if pending >= 8 {
                pending -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> pending))
            }
        }
        return bits & (1 << pending - 1) == 0 ? bytes : nil
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let padding = UInt8(ascii: "=")

    private static func value(of character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}

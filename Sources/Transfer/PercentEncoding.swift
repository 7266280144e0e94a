/// Percent-encoding (RFC 3986) as Signature Version 4 defines it, too: every byte outside `A-Z a-z 0-9 - . _ ~` becomes `%XX` in upper
/// case. What is encoded here is sent as it is, so the signed bytes are the sent bytes.
public enum PercentEncoding {
    /// Encodes a key for the path: `/` separates and stays, nothing is normalised (`//`, `/./` and `/../` are part of a key).
    public static func path(_ key: String) -> String { encode(key, keepingSlash: true) }

    /// Encodes the name or value of a query parameter, or one component of a path: `/` is encoded too.
    public static func query(_ text: String) -> String { encode(text, keepingSlash: false) }

    /// Decodes what a listing with `encoding-type=url` holds, where `+` means a space and a plus arrives as `%2B`.
    /// - Returns: `nil` where a `%` has no two hexadecimal digits behind it or the bytes are no UTF-8.
    public static func decodeForm(_ text: String) -> String? { decode(text, plusIsSpace: true) }

    /// Decodes the percent-encoding of a URI, where a plus is a plus.
    /// - Returns: `nil` as ``decodeForm(_:)``.
    public static func decodePath(_ text: String) -> String? { decode(text, plusIsSpace: false) }

    private static func encode(_ text: String, keepingSlash: Bool) -> String {
        var text = text
        func staysAsItIs(_ byte: UInt8) -> Bool { isUnreserved(byte) || keepingSlash && byte == UInt8(ascii: "/") }
        if text.withUTF8({ $0.allSatisfy(staysAsItIs) }) { return text }
        var encoded: [UInt8] = []
        encoded.reserveCapacity(text.utf8.count + 16)
        for byte in text.utf8 {
            if staysAsItIs(byte) {
                encoded.append(byte)
            } else {
                encoded.append(UInt8(ascii: "%"))
                encoded.append(hexDigit(byte >> 4))
                encoded.append(hexDigit(byte & 0x0F))
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    private static func decode(_ text: String, plusIsSpace: Bool) -> String? {
        var text = text
        let hasEscapes = text.withUTF8 { $0.contains { $0 == UInt8(ascii: "%") || plusIsSpace && $0 == UInt8(ascii: "+") } }
        guard hasEscapes else { return text }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.utf8.count)
        var bytes = text.utf8.makeIterator()
        while let byte = bytes.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = bytes.next().flatMap(hexValue), let low = bytes.next().flatMap(hexValue) else { return nil }
                decoded.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace:
                decoded.append(UInt8(ascii: " "))
            default:
                decoded.append(byte)
            }
        }
        return String(validating: decoded, as: UTF8.self)
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
            true
        default:
            false
        }
    }

    private static func hexDigit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "A") + nibble - 10
    }

    private static func hexValue(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}

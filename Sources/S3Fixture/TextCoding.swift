/// Lower-case hexadecimal.
func hex(_ bytes: some Sequence<UInt8>) -> String {
    var text: [UInt8] = []
    for byte in bytes {
        text.append(hexDigit(byte >> 4, base: UInt8(ascii: "a")))
        text.append(hexDigit(byte & 15, base: UInt8(ascii: "a")))
    }
    return String(decoding: text, as: UTF8.self)
}

/// The bytes of hexadecimal text, or `nil` if it is none.
func bytes(hex text: some Collection<UInt8>) -> [UInt8]? {
    guard text.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    var high: UInt8?
    for digit in text {
        guard let value = hexValue(digit) else { return nil }
        if let upper = high {
            bytes.append(upper << 4 | value)
            high = nil
        } else {
            high = value
        }
    }
    return bytes
}

/// Base64 with padding (RFC 4648 section 4).
func base64(_ bytes: some Sequence<UInt8>) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    var (bits, count) = (UInt32(0), 0)
    for byte in bytes {
        bits = bits << 8 | UInt32(byte)
        count += 8
        while count >= 6 {
            count -= 6
            text.append(alphabet[Int(bits >> UInt32(count) & 63)])
        }
    }
    if count > 0 { text.append(alphabet[Int(bits << UInt32(6 - count) & 63)]) }
    while text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
    return String(decoding: text, as: UTF8.self)
}

/// The bytes behind percent-encoded text; `+` stays a plus. `nil` where a `%` is not followed by two digits.
func percentDecoded(_ text: some StringProtocol) -> [UInt8]? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "%") else {
            bytes.append(byte)
            continue
        }
        guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else { return nil }
        bytes.append(high << 4 | low)
    }
    return bytes
}

/// Percent-encodes all but RFC 3986's unreserved characters, digits in upper case: the encoding that SigV4 signs.
///
/// The characters of `keeping` stay as they are too (`/` in a path).
func percentEncoded(_ bytes: some Sequence<UInt8>, keeping: String = "") -> String {
    encoded(bytes, keeping: "-._~" + keeping)
}

/// `application/x-www-form-urlencoded` with slashes kept, as S3 writes keys under `encoding-type=url`:
/// `a b/c+` is `a+b/c%2B`.
func formEncoded(_ bytes: some Sequence<UInt8>) -> String {
    String(encoded(bytes, keeping: "-._*/ ").map { $0 == " " ? "+" : $0 })
}

private func encoded(_ bytes: some Sequence<UInt8>, keeping: String) -> String {
    let kept = Set(keeping.utf8)
    var text: [UInt8] = []
    for byte in bytes {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            text.append(byte)
        case _ where kept.contains(byte):
            text.append(byte)
        default:
            text.append(UInt8(ascii: "%"))
            text.append(hexDigit(byte >> 4, base: UInt8(ascii: "A")))
            text.append(hexDigit(byte & 15, base: UInt8(ascii: "A")))
        }
    }
    return String(decoding: text, as: UTF8.self)
}

private func hexDigit(_ value: UInt8, base: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : base + value - 10 }

private func hexValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
}

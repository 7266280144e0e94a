/// A reflected cyclic redundancy check of 32 or 64 bits, table-driven, eight bytes a step.
///
/// The initial value and the final exclusive-or are all ones in every check that S3 knows. A 32-bit check runs in the low half of
/// the same 64-bit register.
struct CRC: Sendable {
    private let code: CRCCode
    private var register: UInt64

    init(_ code: CRCCode) {
        self.code = code
        register = code.mask
    }

    var value: UInt64 { register ^ code.mask }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var current = register
        code.tables.withUnsafeBufferPointer { table in
            var offset = 0
            while offset &+ 8 <= bytes.count {
                let word = current ^ UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                let low =
                    table[0x700 | Int(word & 0xff)] ^ table[0x600 | Int((word >> 8) & 0xff)]
                    ^ table[0x500 | Int((word >> 16) & 0xff)] ^ table[0x400 | Int((word >> 24) & 0xff)]
                let high =
                    table[0x300 | Int((word >> 32) & 0xff)] ^ table[0x200 | Int((word >> 40) & 0xff)]
                    ^ table[0x100 | Int((word >> 48) & 0xff)] ^ table[Int(word >> 56)]
                current = low ^ high
                offset &+= 8
            }
            while offset < bytes.count {
                current = table[Int((current ^ UInt64(bytes[offset])) & 0xff)] ^ (current >> 8)
                offset &+= 1
            }
        }
        register = current
    }
}

/// One polynomial with its tables, and the arithmetic to join checks of adjacent pieces.
struct CRCCode: Sendable {
    /// `crc(b followed by k zero bytes)` at `k * 256 + b`.
    let tables: [UInt64]
    let mask: UInt64
    private let polynomial: UInt64
    private let width: Int

    static let crc64NVME = CRCCode(reflected: 0x9a6c_9329_ac4b_c9b5, width: 64)
    static let crc32 = CRCCode(reflected: 0xedb8_8320, width: 32)
    static let crc32C = CRCCode(reflected: 0x82f6_3b78, width: 32)

    private init(reflected polynomial: UInt64, width: Int) {
        self.polynomial = polynomial
        self.width = width
        mask = width == 64 ? .max : (1 << UInt64(width)) - 1
        var tables = [UInt64](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var value = UInt64(byte)
            for _ in 0..<8 { value = value & 1 == 0 ? value >> 1 : (value >> 1) ^ polynomial }
            tables[byte] = value
        }
        for index in 256..<(8 * 256) {
            let shorter = tables[index - 256]
            tables[index] = tables[Int(shorter & 0xff)] ^ (shorter >> 8)
        }
        self.tables = tables
    }

    /// The factor that moves a check past `count` bytes: x^(8·count) modulo the polynomial.
    func shift(byBytes count: Int) -> UInt64 {
        var result: UInt64 = 1 << UInt64(width - 1)
        var power = result >> 8
        var rest = count
        while rest > 0 {
            if rest & 1 == 1 { result = product(result, power) }
            power = product(power, power)
            rest >>= 1
        }
        return result
    }

    /// The check of two pieces in a row, `shift` being `shift(byBytes:)` of the second one's length.
    func combined(_ first: UInt64, _ second: UInt64, shift: UInt64) -> UInt64 { product(first, shift) ^ second }

    private func product(_ left: UInt64, _ right: UInt64) -> UInt64 {
        var bit: UInt64 = 1 << UInt64(width - 1)
        var (sum, factor): (UInt64, UInt64) = (0, right)
        while bit != 0 {
            if left & bit != 0 { sum ^= factor }
            factor = factor & 1 == 0 ? factor >> 1 : (factor >> 1) ^ polynomial
            bit >>= 1
        }
        return sum
    }
}

import CChecksum
import Testing

/// One of the three checksums, its 32-bit forms widened, so that each test can be written once.
struct Algorithm: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let width: Int
    /// As standards write it: the highest power first.
    let polynomial: UInt64
    let update: @Sendable (UInt64, UnsafeRawBufferPointer) -> UInt64
    let updateByTable: @Sendable (UInt64, UnsafeRawBufferPointer) -> UInt64
    let combine: @Sendable (_ a: UInt64, _ b: UInt64, _ lengthOfB: UInt64) -> UInt64

    static let crc64nvme = Algorithm(
        testDescription: "CRC-64/NVME", width: 64, polynomial: 0xAD93_D235_94C9_3659,
        update: { aspired_crc64nvme($0, $1.baseAddress, $1.count) },
        updateByTable: { aspired_crc64nvme_table($0, $1.baseAddress, $1.count) },
        combine: { aspired_crc64nvme_combine($0, $1, $2) })

    static let crc32c = Algorithm(
        testDescription: "CRC-32C", width: 32, polynomial: 0x1EDC_6F41,
        update: { UInt64(aspired_crc32c(UInt32($0), $1.baseAddress, $1.count)) },
        updateByTable: { UInt64(aspired_crc32c_table(UInt32($0), $1.baseAddress, $1.count)) },
        combine: { UInt64(aspired_crc32c_combine(UInt32($0), UInt32($1), $2)) })

    static let crc32 = Algorithm(
        testDescription: "CRC-32", width: 32, polynomial: 0x04C1_1DB7,
        update: { UInt64(aspired_crc32(UInt32($0), $1.baseAddress, $1.count)) },
        updateByTable: { UInt64(aspired_crc32_table(UInt32($0), $1.baseAddress, $1.count)) },
        combine: { UInt64(aspired_crc32_combine(UInt32($0), UInt32($1), $2)) })

    static let all = [crc64nvme, crc32c, crc32]
}

extension Algorithm {
    func checksum(_ bytes: some Collection<UInt8>) -> UInt64 {
        Array(bytes).withUnsafeBytes { update(0, $0) }
    }

    /// The checksum by its definition, bit by bit and not reflected: it shares no idea with the code under test.
    func checksumByDefinition(_ bytes: some Collection<UInt8>) -> UInt64 {
        let highest = UInt64(1) << (width - 1)
        let ones = highest | (highest - 1)
        var remainder = ones
        for byte in bytes {
            for bit in 0..<8 {
                let overflows = (remainder & highest != 0) != (byte >> bit & 1 != 0)
                remainder = remainder << 1 & ones
                if overflows { remainder ^= polynomial }
            }
        }
        var reflected: UInt64 = 0
        for bit in 0..<width where remainder >> bit & 1 != 0 { reflected |= highest >> bit }
        return reflected ^ ones
    }
}

/// Repeatable randomness (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        let words = (0..<(count + 7) / 8).map { _ in next() }
        return words.withUnsafeBytes { Array($0.prefix(count)) }
    }
}

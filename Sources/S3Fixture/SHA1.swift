/// SHA-1 (FIPS 180-4), for checksums.
struct SHA1: BlockHash {
    static let countIsBigEndian = true
    private var state: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]

    var digest: [UInt8] { state.flatMap(bigEndianBytes) }

    mutating func compress(_ blocks: UnsafeRawBufferPointer) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { words in
            for start in stride(from: 0, to: blocks.count, by: 64) {
                for index in 0..<16 {
                    words[index] = UInt32(bigEndian: blocks.loadUnaligned(fromByteOffset: start + index * 4, as: UInt32.self))
                }
                block(words)
            }
        }
    }

    private mutating func block(_ words: UnsafeMutableBufferPointer<UInt32>) {
        for index in 16..<80 {
            words[index] = rotatedLeft(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1)
        }
        var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
        func step(_ mixed: UInt32, _ constant: UInt32, _ word: UInt32) {
            let next = rotatedLeft(a, 5) &+ mixed &+ e &+ constant &+ word
            (e, d, c, b, a) = (d, c, rotatedLeft(b, 30), a, next)
        }
        for index in 0..<20 { step((b & c) | (~b & d), 0x5a82_7999, words[index]) }
        for index in 20..<40 { step(b ^ c ^ d, 0x6ed9_eba1, words[index]) }
        for index in 40..<60 { step((b & c) | (b & d) | (c & d), 0x8f1b_bcdc, words[index]) }
        for index in 60..<80 { step(b ^ c ^ d, 0xca62_c1d6, words[index]) }
        for (index, value) in [a, b, c, d, e].enumerated() { state[index] &+= value }
    }
}

private func rotatedLeft(_ word: UInt32, _ bits: UInt32) -> UInt32 { (word << bits) | (word >> (32 &- bits)) }

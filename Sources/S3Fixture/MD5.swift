/// MD5 (RFC 1321), for ETags and `Content-MD5`.
struct MD5: BlockHash {
    static let countIsBigEndian = false
    private var state: (a: UInt32, b: UInt32, c: UInt32, d: UInt32) = (0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476)

    var digest: [UInt8] {
        [state.a, state.b, state.c, state.d].flatMap { bigEndianBytes($0.byteSwapped) }
    }

    mutating func compress(_ blocks: UnsafeRawBufferPointer) {
        let constants = MD5.constants
        constants.withUnsafeBufferPointer { constant in
            for start in stride(from: 0, to: blocks.count, by: 64) {
                block(UnsafeRawBufferPointer(rebasing: blocks[start..<start + 64]), constant)
            }
        }
    }

    /// The four rounds are four loops, so that each has its function and its word order fixed and is unrolled.
    private mutating func block(_ block: UnsafeRawBufferPointer, _ constant: UnsafeBufferPointer<UInt32>) {
        func word(_ index: Int) -> UInt32 {
            UInt32(littleEndian: block.loadUnaligned(fromByteOffset: (index & 15) &* 4, as: UInt32.self))
        }
        var (a, b, c, d) = state
        func step(_ mixed: UInt32, _ shift: UInt32) {
            let rotated = (mixed << shift) | (mixed >> (32 &- shift))
            (a, d, c, b) = (d, c, b, b &+ rotated)
        }
        for index in stride(from: 0, to: 16, by: 4) {
            step(a &+ (d ^ (b & (c ^ d))) &+ constant[index] &+ word(index), 7)
            step(a &+ (d ^ (b & (c ^ d))) &+ constant[index &+ 1] &+ word(index &+ 1), 12)
            step(a &+ (d ^ (b & (c ^ d))) &+ constant[index &+ 2] &+ word(index &+ 2), 17)
            step(a &+ (d ^ (b & (c ^ d))) &+ constant[index &+ 3] &+ word(index &+ 3), 22)
        }
        for index in stride(from: 16, to: 32, by: 4) {
            step(a &+ (c ^ (d & (b ^ c))) &+ constant[index] &+ word(5 &* index &+ 1), 5)
            step(a &+ (c ^ (d & (b ^ c))) &+ constant[index &+ 1] &+ word(5 &* index &+ 6), 9)
            step(a &+ (c ^ (d & (b ^ c))) &+ constant[index &+ 2] &+ word(5 &* index &+ 11), 14)
            step(a &+ (c ^ (d & (b ^ c))) &+ constant[index &+ 3] &+ word(5 &* index &+ 16), 20)
        }
        for index in stride(from: 32, to: 48, by: 4) {
            step(a &+ (b ^ c ^ d) &+ constant[index] &+ word(3 &* index &+ 5), 4)
            step(a &+ (b ^ c ^ d) &+ constant[index &+ 1] &+ word(3 &* index &+ 8), 11)
            step(a &+ (b ^ c ^ d) &+ constant[index &+ 2] &+ word(3 &* index &+ 11), 16)
            step(a &+ (b ^ c ^ d) &+ constant[index &+ 3] &+ word(3 &* index &+ 14), 23)
        }
        for index in stride(from: 48, to: 64, by: 4) {
            step(a &+ (c ^ (b | ~d)) &+ constant[index] &+ word(7 &* index), 6)
            step(a &+ (c ^ (b | ~d)) &+ constant[index &+ 1] &+ word(7 &* index &+ 7), 10)
            step(a &+ (c ^ (b | ~d)) &+ constant[index &+ 2] &+ word(7 &* index &+ 14), 15)
            step(a &+ (c ^ (b | ~d)) &+ constant[index &+ 3] &+ word(7 &* index &+ 21), 21)
        }
        state = (state.a &+ a, state.b &+ b, state.c &+ c, state.d &+ d)
    }

    /// The integer parts of 2^32 · |sin(i + 1)|.
    private static let constants: [UInt32] = [
        0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee, 0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501,
        0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be, 0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821,
        0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa, 0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
        0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed, 0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a,
        0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c, 0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70,
        0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05, 0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
        0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039, 0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1,
        0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1, 0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
    ]
}

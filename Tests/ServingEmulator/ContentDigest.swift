/// A file's size and a hash of its bytes: enough to tell contents apart that nobody made alike on purpose.
public struct ContentDigest: Hashable, Sendable {
    /// In bytes.
    public private(set) var size = 0
    private var hash: UInt64 = 0xcbf2_9ce4_8422_2325

    init() {}

    public init(of bytes: [UInt8]) {
        self.init()
        bytes.withUnsafeBytes { update($0) }
    }

    /// Takes in the next bytes. All pieces but the last have to be of a size that 8 divides.
    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        size += bytes.count
        let whole = bytes.count & ~7
        for offset in stride(from: 0, to: whole, by: 8) {
            mix(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
        }
        for byte in bytes[whole...] { mix(UInt64(byte)) }
    }

    private mutating func mix(_ word: UInt64) {
        hash = (hash ^ word) &* 0x0000_0100_0000_01b3
        // Else a difference in a word's high bits would stay in the high bits.
        hash ^= hash >> 29
    }
}

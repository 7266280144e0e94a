/// A hash over blocks of 64 bytes that ends with the bit count (MD5, SHA-256).
protocol BlockHash: Sendable {
    static var countIsBigEndian: Bool { get }
    /// Takes in a whole number of blocks.
    mutating func compress(_ blocks: UnsafeRawBufferPointer)
    var digest: [UInt8] { get }
    init()
}

/// Feeds bytes of any length to a hash, block by block.
struct Digester<Hash: BlockHash>: Sendable {
    private var hash = Hash()
    private var pending: [UInt8] = []
    private var count: UInt64 = 0

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        count &+= UInt64(bytes.count)
        var rest = bytes
        if !pending.isEmpty {
            let taken = min(64 - pending.count, rest.count)
            pending.append(contentsOf: rest.prefix(taken))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(taken))
            guard pending.count == 64 else { return }
            pending.withUnsafeBytes { hash.compress($0) }
            pending.removeAll(keepingCapacity: true)
        }
        let whole = rest.count & ~63
        if whole > 0 { hash.compress(UnsafeRawBufferPointer(rebasing: rest.prefix(whole))) }
        pending.append(contentsOf: rest.dropFirst(whole))
    }

    mutating func finish() -> [UInt8] {
        let bits = count &* 8
        pending.append(0x80)
        while pending.count % 64 != 56 { pending.append(0) }
        for byte in 0..<8 {
            let shift = UInt64(Hash.countIsBigEndian ? 7 - byte : byte) * 8
            pending.append(UInt8(truncatingIfNeeded: bits >> shift))
        }
        pending.withUnsafeBytes { hash.compress($0) }
        return hash.digest
    }

    static func digest(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var digester = Digester()
        let whole: Void? = bytes.withContiguousStorageIfAvailable { digester.update(UnsafeRawBufferPointer($0)) }
        if whole == nil { Array(bytes).withUnsafeBytes { digester.update($0) } }
        return digester.finish()
    }
}

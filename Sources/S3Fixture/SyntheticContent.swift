import NIOCore

/// Content of any size that no file and no memory holds: the same size and seed give the same bytes.
///
/// It is cut into blocks of 1 MiB. A block begins with the seed and its own number, eight bytes each in network order, so that a
/// piece in the wrong place shows; the rest is the same noise in every block.
public struct SyntheticContent: Hashable, Sendable {
    /// Bytes.
    public let size: Int
    public let seed: UInt64

    public init(size: Int, seed: UInt64 = 0) {
        precondition(size >= 0, "a size is not negative")
        self.size = size
        self.seed = seed
    }

    /// The bytes of `range`, which lies within the content.
    public func bytes(in range: Range<Int>) -> [UInt8] {
        var bytes: [UInt8] = []
        var start = range.lowerBound
        while start < range.upperBound {
            var part = part(start..<range.upperBound)
            start += part.readableBytes
            bytes.append(contentsOf: part.readBytes(length: part.readableBytes) ?? [])
        }
        return bytes
    }

    static let blockSize = 1 << 20
    private static let headerSize = 16

    /// The beginning of `range`, at most up to the end of a header or block; shares memory with all other parts.
    func part(_ range: Range<Int>) -> ByteBuffer {
        let block = range.lowerBound / Self.blockSize
        let offset = range.lowerBound % Self.blockSize
        let limit = offset < Self.headerSize ? Self.headerSize : Self.blockSize
        let length = min(range.count, limit - offset)
        let source = offset < Self.headerSize ? ByteBuffer(bytes: header(block)) : Self.noise
        return source.getSlice(at: offset, length: length) ?? ByteBuffer()
    }

    /// The check over all content, from one check over the noise that is in every block.
    func crc(_ code: CRCCode) -> UInt64 {
        func check(_ bytes: [UInt8]) -> UInt64 {
            var crc = CRC(code)
            bytes.withUnsafeBytes { crc.update($0) }
            return crc.value
        }
        let noise = Array(Self.noise.readableBytesView.dropFirst(Self.headerSize))
        let noiseCheck = check(noise)
        let noiseShift = code.shift(byBytes: noise.count)
        let blockShift = code.shift(byBytes: Self.blockSize)
        var total: UInt64 = 0
        for block in 0..<(size / Self.blockSize) {
            let blockCheck = code.combined(check(header(block)), noiseCheck, shift: noiseShift)
            total = code.combined(total, blockCheck, shift: blockShift)
        }
        let rest = bytes(in: (size - size % Self.blockSize)..<size)
        return code.combined(total, check(rest), shift: code.shift(byBytes: rest.count))
    }

    /// Shaped like a multipart upload's, so that no reader takes it for an MD5 of the content.
    var etag: String {
        hex(Digester<MD5>.digest(bigEndianBytes(seed) + bigEndianBytes(UInt64(size)))) + "-\(size / (8 << 20) + 1)"
    }

    private func header(_ block: Int) -> [UInt8] { bigEndianBytes(seed) + bigEndianBytes(UInt64(block)) }

    /// One block of SplitMix64's output.
    private static let noise: ByteBuffer = {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(blockSize)
        var state: UInt64 = 0
        for _ in 0..<(blockSize / 8) {
            state &+= 0x9e37_79b9_7f4a_7c15
            var word = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
            word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
            buffer.writeInteger(word ^ (word >> 31))
        }
        return buffer
    }()
}

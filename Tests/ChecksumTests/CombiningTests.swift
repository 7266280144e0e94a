import CChecksum
import Testing

@Suite("Combined checksums")
struct CombiningTests {
    @Test("of two parts are that of the whole, empty parts included", arguments: Algorithm.all)
    func splits(algorithm: Algorithm) {
        var generator = SeededGenerator(seed: 4)
        let bytes = generator.bytes(3000)
        let whole = algorithm.checksum(bytes)
        let random = (0..<50).map { _ in Int.random(in: 0...bytes.count, using: &generator) }
        for split in [0, 1, bytes.count - 1, bytes.count] + random {
            let a = algorithm.checksum(bytes[..<split])
            let b = algorithm.checksum(bytes[split...])
            #expect(algorithm.combine(a, b, UInt64(bytes.count - split)) == whole)
        }
        #expect(algorithm.combine(0, 0, 0) == 0)
    }

    @Test("of many parts are that of the whole, in whatever order neighbours are joined", arguments: Algorithm.all)
    func parts(algorithm: Algorithm) {
        var generator = SeededGenerator(seed: 5)
        let bytes = generator.bytes(10_000)
        var parts: [(crc: UInt64, length: Int)] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = rest.prefix(Int.random(in: 0...700, using: &generator))
            parts.append((algorithm.checksum(part), part.count))
            rest = rest.dropFirst(part.count)
        }
        while parts.count > 1 {
            let index = Int.random(in: 0..<parts.count - 1, using: &generator)
            let (a, b) = (parts[index], parts.remove(at: index + 1))
            parts[index] = (algorithm.combine(a.crc, b.crc, UInt64(b.length)), a.length + b.length)
        }
        #expect(parts.map(\.crc) == [algorithm.checksum(bytes)])
    }

    /// No such file can be read here, but joining to the left and to the right must agree.
    @Test("of parts longer than any file agree whichever neighbours are joined first", arguments: Algorithm.all)
    func enormousLengths(algorithm: Algorithm) {
        var generator = SeededGenerator(seed: 6)
        for shift in 1..<40 {
            let (a, b, c) = (random(), random(), random())
            let (lengthOfB, lengthOfC) = (generator.next() >> shift, generator.next() >> shift)
            let left = algorithm.combine(algorithm.combine(a, b, lengthOfB), c, lengthOfC)
            let right = algorithm.combine(a, algorithm.combine(b, c, lengthOfC), lengthOfB + lengthOfC)
            #expect(left == right)
        }
        func random() -> UInt64 { generator.next() >> (64 - algorithm.width) }
    }

    @Test("of 8 GiB of zeros, doubled from a block, are those that zlib computes by reading them")
    func doubling() {
        var crc = Algorithm.crc32.checksum([UInt8](repeating: 0, count: 1 << 16))
        for exponent in 16..<33 { crc = Algorithm.crc32.combine(crc, crc, 1 << exponent) }
        #expect(crc == 0x41D9_12FF)
    }
}

import CChecksum
import Glibc
import Testing

@Suite("Checksums")
struct ChecksumTests {
    @Test(
        "equal the published check values, of the digits 1 to 9",
        arguments: zip(Algorithm.all, [0xAE8B_1486_0A79_9888, 0xE306_9283, 0xCBF4_3926] as [UInt64]))
    func checkValues(algorithm: Algorithm, expected: UInt64) {
        #expect(algorithm.checksum("123456789".utf8) == expected)
        #expect(algorithm.checksumByDefinition("123456789".utf8) == expected)
        #expect(algorithm.checksum([]) == 0)
    }

    @Test("CRC-32C equals the examples of RFC 3720, appendix B.4")
    func rfc3720() {
        #expect(Algorithm.crc32c.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(Algorithm.crc32c.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(Algorithm.crc32c.checksum(0..<32) == 0x46DD_794E)
        #expect(Algorithm.crc32c.checksum((0..<32).reversed()) == 0x113F_DB5C)
    }

    @Test("CRC-64/NVME equals the examples of the NVM Express specification, of 4 KiB blocks")
    func nvme() {
        #expect(Algorithm.crc64nvme.checksum([UInt8](repeating: 0, count: 4096)) == 0x6482_D367_EB22_B64E)
        #expect(Algorithm.crc64nvme.checksum([UInt8](repeating: 0xFF, count: 4096)) == 0xC0DD_BA73_02EC_A3AC)
        #expect(Algorithm.crc64nvme.checksum((0..<4096).map { UInt8(truncatingIfNeeded: $0) }) == 0x3E72_9F5F_6750_449C)
        #expect(Algorithm.crc64nvme.checksum((0..<4096).map { ~UInt8(truncatingIfNeeded: $0) }) == 0x9A2D_F64B_8E9E_517E)
    }

    @Test("with a copy in the same pass it is the same, and the copy is the bytes and no byte more, at any length and alignment")
    func copies() {
        var generator = SeededGenerator(seed: 3)
        let bytes = generator.bytes(70_000)
        for length in Array(0...2_100) + [4_096, 16_384, 65_535] {
            let (from, to) = (Int.random(in: 0..<64, using: &generator), Int.random(in: 1..<64, using: &generator))
            var copy = [UInt8](repeating: 0xA5, count: length + 128)
            let crc = bytes.withUnsafeBytes { bytes in
                copy.withUnsafeMutableBytes { copy -> UInt64 in
                    guard let source = bytes.baseAddress, let target = copy.baseAddress else { return 0 }
                    return aspired_crc64nvme_copy(7, target + to, source + from, length)
                }
            }
            let piece = bytes[from..<(from + length)]
            #expect(piece.withUnsafeBytes { aspired_crc64nvme(7, $0.baseAddress, length) } == crc)
            #expect(Array(copy[to..<(to + length)]) == Array(piece))
            #expect(copy[..<to].allSatisfy { $0 == 0xA5 } && copy[(to + length)...].allSatisfy { $0 == 0xA5 })
        }
    }

    @Test("follow their definition at every length up to 300", arguments: Algorithm.all)
    func definition(algorithm: Algorithm) {
        var generator = SeededGenerator(seed: 1)
        let bytes = generator.bytes(300)
        for length in 0...bytes.count {
            #expect(algorithm.checksum(bytes[..<length]) == algorithm.checksumByDefinition(bytes[..<length]))
        }
    }

    @Test(
        "are the same by table and by carry-less multiplication, at any length, alignment and beginning", arguments: Algorithm.all
    )
    func methods(algorithm: Algorithm) {
        var generator = SeededGenerator(seed: 2)
        let bytes = generator.bytes(1 << 20)
        var differing: [String] = []
        func compare(_ length: Int, at offset: Int) {
            let crc = generator.next() >> (64 - algorithm.width)
            bytes.withUnsafeBytes { bytes in
                let piece = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])
                if algorithm.update(crc, piece) != algorithm.updateByTable(crc, piece) {
                    differing.append("\(length) at \(offset)")
                }
            }
        }
        for length in 0...2600 { compare(length, at: Int.random(in: 0..<64, using: &generator)) }
        for offset in 0..<64 {
            compare(777, at: offset)
            compare(1777, at: offset)
        }
        for _ in 0..<30 {
            compare(Int.random(in: 1024...100_000, using: &generator), at: Int.random(in: 0..<4096, using: &generator))
        }
        compare(bytes.count - 4, at: 3)
        #expect(differing.isEmpty)
    }

    @Test("of pieces one after the other are that of the whole", arguments: Algorithm.all)
    func chaining(algorithm: Algorithm) {
        var generator = SeededGenerator(seed: 3)
        let bytes = generator.bytes(50_000)
        let whole = algorithm.checksum(bytes)
        for longest in [1, 7, 130, 5000] {
            var crc: UInt64 = 0
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 0...longest, using: &generator))
                crc = piece.withUnsafeBytes { algorithm.update(crc, $0) }
                rest = rest.dropFirst(piece.count)
            }
            #expect(crc == whole)
        }
        #expect(algorithm.update(whole, UnsafeRawBufferPointer(start: nil, count: 0)) == whole)
        #expect(algorithm.updateByTable(whole, UnsafeRawBufferPointer(start: nil, count: 0)) == whole)
    }

    /// Without this, a processor's multiplication that is not found would make the comparison of both methods one of a table with
    /// itself.
    @Test("are computed by carry-less multiplication on a processor that has it")
    func method() {
        let method = String(cString: aspired_crc_method())
        let words = processorFeatures()
        if words.isSuperset(of: ["avx512f", "vpclmulqdq", "pclmulqdq"]) {
            #expect(method == "vpclmulqdq")
        } else if words.contains("pclmulqdq") {
            #expect(method == "pclmulqdq")
        } else if words.contains("pmull") {
            #expect(method == "pmull")
        } else {
            #expect(method == "table")
        }
    }

    /// What the kernel says of the processor: the words of /proc/cpuinfo.
    private func processorFeatures() -> Set<Substring> {
        var text: [UInt8] = []
        guard let file = fopen("/proc/cpuinfo", "r") else { return [] }
        defer { fclose(file) }
        while case let byte = fgetc(file), byte != EOF { text.append(UInt8(truncatingIfNeeded: byte)) }
        return Set(String(decoding: text, as: UTF8.self).split { $0 == " " || $0 == "\n" })
    }
}

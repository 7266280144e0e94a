import Servables
import Testing

@testable import FileIO

@Suite("Extents")
struct ExtentMapTests {
    @Test("a map of random extents agrees with a naive one, in what it takes, misses and sums up", arguments: 0..<40)
    func property(seed: Int) {
        var dice = Dice(seed: UInt64(seed))
        let content = dice.bytes(Int.random(in: 1...96, using: &dice))
        var map = ExtentMap()
        var isCovered = [Bool](repeating: false, count: content.count)
        for _ in 0..<60 {
            let start = Int.random(in: 0..<content.count, using: &dice)
            let end = Int.random(in: (start + 1)...min(content.count, start + 12), using: &dice)
            let isFree = !isCovered[start..<end].contains(true)
            let isTaken = map.insert(extent(of: content, start..<end))
            #expect(isTaken == isFree)
            if isFree { for index in start..<end { isCovered[index] = true } }

            #expect(map.bytes == isCovered.count { $0 })
            #expect(covered(by: map.missing(of: Int64(content.count)), content.count) == isCovered.map { !$0 })
            for (one, next) in zip(map.extents, map.extents.dropFirst()) { #expect(one.end < next.offset) }
            for extent in map.extents { #expect(extent == self.extent(of: content, Int(extent.offset)..<Int(extent.end))) }
        }
        #expect((map.whole(of: Int64(content.count)) != nil) == !isCovered.contains(false))
    }

    @Test("any random split of a whole, taken in any order, has the checksums of the whole", arguments: 0..<20)
    func splits(seed: Int) {
        var dice = Dice(seed: UInt64(seed))
        let content = dice.bytes(10_000)
        var cuts = Set((0..<seed).map { _ in Int.random(in: 1..<content.count, using: &dice) }).sorted()
        cuts = [0] + cuts + [content.count]
        var map = ExtentMap()
        for (start, end) in zip(cuts, cuts.dropFirst()).shuffled(using: &dice) {
            _ = map.insert(extent(of: content, start..<end))
        }
        #expect(map.extents == [extent(of: content, 0..<content.count)])
    }

    @Test("a checksum that one of the extents lacks is none of the whole")
    func missingChecksum() {
        let content = [UInt8](repeating: 3, count: 10)
        var map = ExtentMap()
        let first = extent(of: content, 0..<4)
        _ = map.insert(Extent(offset: 0, length: 4, crc64nvme: first.crc64nvme, crc32c: nil, crc32: first.crc32))
        _ = map.insert(extent(of: content, 4..<10))
        let whole = map.whole(of: 10)
        #expect(
            whole?.crc32c == nil && whole?.crc32 == extent(of: content, 0..<10).crc32 && whole?.crc64nvme == checksum(content))
    }

    @Test("an empty file is whole from the start")
    func emptyFile() {
        #expect(ExtentMap().whole(of: 0)?.crc64nvme == 0)
        #expect(ExtentMap().missing(of: 0).isEmpty)
        #expect(ExtentMap().whole(of: 1) == nil)
    }

    private func extent(of content: [UInt8], _ range: Range<Int>) -> Extent {
        var running = RunningChecksum(.all)
        content[range].withUnsafeBytes { running.update($0) }
        return running.extent(at: Int64(range.lowerBound))
    }

    private func covered(by ranges: [Range<Int64>], _ count: Int) -> [Bool] {
        (0..<count).map { position in ranges.contains { $0.contains(Int64(position)) } }
    }
}

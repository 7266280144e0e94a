import Servables
import Testing

@testable import Agent

@Suite("Files that wait to be fetched")
struct FileQueueTests {
    private static func table(_ sizes: [Int64]) -> FileTable {
        var table = FileTable()
        for (index, size) in sizes.enumerated() {
            table.append(
                FileEntry(path: "f\(index)", size: size, tag: "", modified: Timestamp(secondsSinceEpoch: 0)))
        }
        return table
    }

    @Test("Small ones begin until every place is taken; then one takes the place of another, and the last ones none")
    func small() {
        let places = AgentSettings.filesAtOnce
        let queue = FileQueue(Array(0..<(places + 2)), of: Self.table(Array(repeating: 1, count: places + 2)))
        #expect(queue.begin() == 0)
        #expect(queue.replace(0) == nil, "there are places besides")
        #expect((1..<places).map { _ in queue.begin() } == (1..<places).map { $0 })
        #expect(queue.begin() == nil)
        #expect(queue.replace(5) == places)
        #expect(queue.begin() == nil)
        #expect(queue.replace(0) == places + 1)
        #expect(queue.replace(1) == nil, "nothing waits")
        queue.end(1)
        #expect(queue.begin() == nil)
    }

    @Test("A large one does not take the place of a small one beside which it may not begin")
    func large() {
        let places = AgentSettings.filesAtOnce
        var sizes = Array(repeating: Int64(1), count: places)
        sizes.append(AgentSettings.bytesAtOnce)
        let queue = FileQueue(Array(sizes.indices), of: Self.table(sizes))
        for index in 0..<places { #expect(queue.begin() == index) }
        #expect(queue.replace(0) == nil)
        queue.end(0)
        #expect(queue.begin() == nil)
        for index in 1..<(places - AgentSettings.largeFilesAtOnce) { queue.end(index) }
        #expect(queue.begin() == nil)
        queue.end(places - 1)
        #expect(queue.begin() == places)
    }

    @Test("However they end, each has its turn once, in order, and never more are under way than may be")
    func order() {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<50 {
            let sizes = (0..<400).map { _ in
                Bool.random(using: &random)
                    ? Int64.random(in: 0...1_000, using: &random) : .random(in: 0...(90 << 20), using: &random)
            }
            let queue = FileQueue(Array(sizes.indices), of: Self.table(sizes))
            var running: [Int] = []
            var begun: [Int] = []
            func check(_ index: Int) {
                let bytes = running.reduce(0) { $0 + sizes[$1] }
                #expect(AgentSettings.mayBegin(sizes[index], besides: running.count, of: bytes))
                running.append(index)
                begun.append(index)
            }
            repeat {
                while let index = queue.begin() { check(index) }
                let ended = running.remove(at: Int.random(in: running.indices, using: &random))
                if let next = queue.replace(ended) { check(next) } else { queue.end(ended) }
            } while !running.isEmpty
            #expect(begun == Array(sizes.indices))
        }
    }
}

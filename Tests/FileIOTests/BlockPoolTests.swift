import Testing

@testable import FileIO

@Suite("Blocks that go from one user to the next")
struct BlockPoolTests {
    private static let kiB = 1 << 10

    private func take(_ pool: BlockPool, _ kiB: Int) throws -> UnsafeMutableRawBufferPointer {
        try #require(pool.take { _ in kiB * Self.kiB })
    }

    private func give(_ pool: BlockPool, _ block: UnsafeMutableRawBufferPointer) throws {
        #expect(pool.give(try #require(block.baseAddress)))
    }

    @Test("A block that was given back is the next one of its size; two users never have the same")
    func reuse() throws {
        let pool = BlockPool(limit: 1024 * Self.kiB)
        let (first, second) = (try take(pool, 64), try take(pool, 64))
        #expect(first.baseAddress != second.baseAddress)
        #expect(first.count == 64 * Self.kiB)
        try give(pool, first)
        #expect(try take(pool, 64).baseAddress == first.baseAddress)
        #expect(try take(pool, 64).baseAddress != first.baseAddress)
    }

    @Test(
        "It fits where it is large enough and less than so many times as large",
        arguments: [(2, 64, true), (2, 33, true), (2, 32, false), (2, 65, false), (16, 5, true), (16, 4, false), (16, 65, false)])
    func fit(largerBy: Int, kiB: Int, isUsed: Bool) throws {
        let pool = BlockPool(limit: 1024 * Self.kiB, largerBy: largerBy)
        let block = try take(pool, 64)
        try give(pool, block)
        let next = try take(pool, kiB)
        #expect(next.count >= kiB * Self.kiB)
        #expect((next.baseAddress == block.baseAddress) == isUsed)
    }

    @Test("What is idle and what is used stay within the limit together, the newest idle ones being kept")
    func limit() throws {
        let pool = BlockPool(limit: 256 * Self.kiB)
        let blocks = try (0..<4).map { _ in try take(pool, 64) }
        for block in blocks { try give(pool, block) }
        #expect(pool.idleBytes == 256 * Self.kiB)
        // A block of another size, for which the oldest idle one goes.
        let other = try take(pool, 128)
        #expect(pool.idleBytes == 128 * Self.kiB)
        for index in [3, 2] { #expect(try take(pool, 64).baseAddress == blocks[index].baseAddress) }
        // Users may have more than the limit; nothing is kept then.
        let more = try take(pool, 1024)
        try give(pool, other)
        #expect(pool.idleBytes == 0)
        try give(pool, more)
        #expect(pool.idleBytes == 0)
        try give(pool, blocks[2])
        #expect(pool.idleBytes == 64 * Self.kiB)
        pool.drain()
        #expect(pool.idleBytes == 0)
    }

    @Test("Who asks knows what others hold")
    func usage() throws {
        let pool = BlockPool(limit: 0)
        let first = try take(pool, 64)
        _ = try take(pool, 128)
        _ = pool.take { others in
            #expect(others.count == 2 && others.bytes == 192 * Self.kiB)
            return 1
        }
        try give(pool, first)
        _ = pool.take { others in
            #expect(others.count == 2 && others.bytes == 128 * Self.kiB + 1)
            return 1
        }
    }

    @Test("What is none of its blocks it does not take")
    func foreign() throws {
        let pool = BlockPool(limit: 1024 * Self.kiB)
        let block = try take(pool, 64)
        let address = try #require(block.baseAddress)
        #expect(!pool.give(address + 1))
        #expect(pool.give(address))
        #expect(!pool.give(address))
        #expect(pool.idleBytes == 64 * Self.kiB)
    }
}

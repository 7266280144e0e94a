import Glibc

/// Large blocks of memory that go from one user to the next: one that comes from the system costs a fault a page, which is 3 to 7 % of
/// the processor time with large objects, where each request has a block of its own.
public final class BlockPool: Sendable {
    /// What users hold: blocks, and the bytes of all of them.
    public struct Usage: Sendable {
        public let count: Int
        public let bytes: Int
    }

    // A block is held by one user or by the pool, never by both.
    private struct State: @unchecked Sendable {
        /// By the address, how large those are that users hold.
        var held: [UnsafeMutableRawPointer: Int] = [:]
        var heldBytes = 0
        /// Oldest first.
        var idle: [UnsafeMutableRawBufferPointer] = []
        var idleBytes = 0

        var usage: Usage { Usage(count: held.count, bytes: heldBytes) }

        mutating func takeIdle(_ size: Int, largerBy: Int) -> UnsafeMutableRawBufferPointer? {
            guard let index = idle.lastIndex(where: { $0.count >= size && $0.count / largerBy < size }) else { return nil }
            idleBytes -= idle[index].count
            return idle.remove(at: index)
        }

        /// Takes out what is beyond the limit: the oldest, since of the sizes that are asked for now there are some among the others.
        mutating func surplus(over limit: Int) -> Idle {
            var count = 0
            while heldBytes + idleBytes > limit, count < idle.count {
                idleBytes -= idle[count].count
                count += 1
            }
            defer { idle.removeFirst(count) }
            return Idle(blocks: Array(idle[..<count]))
        }
    }

    private struct Idle: @unchecked Sendable {
        let blocks: [UnsafeMutableRawBufferPointer]

        func free() { for block in blocks { Glibc.free(block.baseAddress) } }
    }

    /// What bodies are received into, as far as that leaves each 64 KiB.
    public static let receiving = BlockPool(limit: 6 << 20)
    /// What is written is gathered in these, as far as that leaves each what makes a write worth its while. What one has more than its
    /// share it uses, too.
    static let gathering = BlockPool(limit: 6 << 20, largerBy: 16)

    /// Bytes of all blocks, as far as users leave some of it for idle ones.
    public let limit: Int
    /// An idle block serves for a size if it is less than so many times as large: what it has more is wasted.
    private let largerBy: Int
    private let state = Lock(State())

    init(limit: Int, largerBy: Int = 2) {
        self.limit = limit
        self.largerBy = largerBy
    }

    /// What users hold now.
    public var usage: Usage { state.withLock { $0.usage } }

    /// Of blocks that nobody holds.
    var idleBytes: Int { state.withLock { $0.idleBytes } }

    /// Takes a block, which must be given back.
    /// - Parameter size: makes of what others hold the bytes that are wanted; the block may have more.
    /// - Returns: `nil` if there is no memory.
    public func take(_ size: (Usage) -> Int) -> UnsafeMutableRawBufferPointer? {
        let (taken, surplus): (Idle, Idle) = state.withLock { state in
            let size = size(state.usage)
            guard let block = state.takeIdle(size, largerBy: largerBy) ?? Self.allocate(size), let address = block.baseAddress
            else {
                return (Idle(blocks: []), Idle(blocks: []))
            }
            state.held[address] = block.count
            state.heldBytes += block.count
            return (Idle(blocks: [block]), state.surplus(over: limit))
        }
        surplus.free()
        return taken.blocks.first
    }

    private static func allocate(_ size: Int) -> UnsafeMutableRawBufferPointer? {
        var address: UnsafeMutableRawPointer?
        guard posix_memalign(&address, 4096, size) == 0 else { return nil }
        return UnsafeMutableRawBufferPointer(start: address, count: size)
    }

    /// Takes back a block.
    /// - Returns: `false` if it is none of the pool's.
    @discardableResult
    public func give(_ address: UnsafeMutableRawPointer) -> Bool {
        let surplus: Idle? = state.withLock { state in
            guard let size = state.held.removeValue(forKey: address) else { return nil }
            state.heldBytes -= size
            state.idle.append(UnsafeMutableRawBufferPointer(start: address, count: size))
            state.idleBytes += size
            return state.surplus(over: limit)
        }
        surplus?.free()
        return surplus != nil
    }

    /// Gives the idle blocks back to the system.
    public func drain() {
        state.withLock { state in
            defer { (state.idle, state.idleBytes) = ([], 0) }
            return Idle(blocks: state.idle)
        }.free()
    }
}

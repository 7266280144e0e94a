import Testing

@testable import Transfer

@Suite("Which thread carries a request")
struct ThreadChoiceTests {
    private final class File {}
    private let one = File()
    private let other = File()
    private let third = File()
    private var choice = ThreadChoice(threads: 2)

    private mutating func take(_ file: File?, _ count: Int = 1) -> [Int] {
        (0..<count).map { _ in choice.take(for: file.map { ObjectIdentifier($0) }) }
    }

    @Test("what writes to no file, or to the only one, goes where the fewest are")
    mutating func alone() {
        #expect(take(nil, 3) == [0, 1, 0])
        #expect(take(one, 4) == [1, 0, 1, 0])
    }

    @Test("of two files each has a thread of its own, also where the first had both before")
    mutating func apart() {
        #expect(take(one, 4) == [0, 1, 0, 1])
        #expect(take(other) == [1])
        #expect(take(one) == [0])
        #expect(take(other, 2) == [1, 1])
        #expect(take(one, 2) == [0, 0])
    }

    @Test("a file that has much more in flight than the others has the other threads, too")
    mutating func imbalance() {
        _ = (take(one), take(other))
        // Three more than the thread that has the fewest, and then there.
        #expect(take(one, 8) == [0, 0, 0, 0, 1, 0, 1, 0])
    }

    @Test("a new file has the thread of the one that has ended, and what is given back counts no more")
    mutating func ends() {
        #expect((take(one), take(other)) == ([0], [1]))
        choice.giveBack(1, for: ObjectIdentifier(other))
        #expect(take(third, 3) == [1, 1, 1])
        choice.giveBack(0, for: ObjectIdentifier(one))
        #expect(take(nil, 3) == [0, 0, 0])
        #expect(choice.requests == 6)
        // Alone again.
        #expect(take(third, 2) == [0, 1])
    }
}

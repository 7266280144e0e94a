import FileIO
import Synchronization
import Testing

@Suite("A value that a thread hands to a task")
struct HandoverTests {
    private final class Made: Sendable {
        let round: Int
        init(_ round: Int) { self.round = round }
    }

    /// Whether the value has been given; relaxed, so that it orders nothing for ThreadSanitizer that the hand-over does not.
    private final class Flag: Sendable {
        let isUp = Atomic(false)
        func raise() { isUp.store(true, ordering: .relaxed) }
        func spin() { while !isUp.load(ordering: .relaxed) {} }
    }

    @Test("may be given before the task waits, and later; what it holds is read without a race", arguments: [true, false])
    func given(beforeItWaits isEarly: Bool) async {
        for round in 0..<100 {
            let goes = Flag()
            let made = await withHandover { (handover: Handover<Made>) in
                let isGiven = Flag()
                spawnThread(name: "test-giver") {
                    if !isEarly { goes.spin() }
                    handover.give(Made(round))
                    isGiven.raise()
                }
                if isEarly { isGiven.spin() } else { goes.raise() }
            }
            #expect(made.round == round)
        }
    }
}

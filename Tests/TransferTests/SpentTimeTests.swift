import Testing

@testable import Transfer

@Suite("How a thread spends its time")
struct SpentTimeTests {
    @Test("between two waits it works, and what it was not up to the network for it waits for the processor")
    func shares() {
        var spent = SpentTime()
        spent.noteWait(from: 1_000, to: 1_300, asked: 500)
        #expect((spent.waited, spent.worked) == (300, 0))
        spent.noteWait(from: 2_000, to: 2_900, asked: 500)
        #expect((spent.waited, spent.worked) == (800, 700 + 400))
        #expect(spent.whole == 1_900)
        spent.noteWait(from: 3_000, to: 3_010, asked: 0)
        #expect((spent.waited, spent.worked) == (800, 1_100 + 100 + 10))
    }

    @Test("what is told is forgotten, and what comes while nobody listens does not count")
    func told() {
        var spent = SpentTime()
        spent.noteWait(from: 0, to: 100, asked: 100)
        spent.forget()
        #expect(spent.whole == 0)
        spent.noteWait(from: 250, to: 300, asked: 100)
        #expect((spent.waited, spent.worked) == (50, 150))
        spent.pause()
        spent.noteWait(from: 9_000, to: 9_001, asked: 100)
        #expect((spent.waited, spent.worked) == (51, 150))
    }
}

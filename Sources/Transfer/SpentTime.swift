/// How a thread spends its time: waiting for the network, or working on what came of it. By the machine's clock, in nanoseconds.
struct SpentTime {
    private(set) var waited: NetworkClock.Instant = 0
    private(set) var worked: NetworkClock.Instant = 0
    /// The end of the last wait; `nil` if what was done since does not count.
    private var wokenUp: NetworkClock.Instant?

    var whole: NetworkClock.Instant { waited + worked }

    /// The thread has waited, for `asked` at most if it had been up to the network. What it waited beyond that it was ready to work, and
    /// the processor was another's.
    mutating func noteWait(from began: NetworkClock.Instant, to ended: NetworkClock.Instant, asked: NetworkClock.Instant) {
        let wait = min(ended - began, asked)
        waited += wait
        worked += ended - began - wait
        if let wokenUp { worked += began - wokenUp }
        wokenUp = ended
    }

    /// What comes until the next wait does not count.
    mutating func pause() { wokenUp = nil }

    /// Begins to count anew, from the last wait on.
    mutating func forget() { (waited, worked) = (0, 0) }
}

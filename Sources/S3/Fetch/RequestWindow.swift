import FileIO
import Servables

/// Whom a request is made for, where several share the window.
public struct FetchParty: Hashable, Sendable {
    /// The model's.
    public let name: String
    /// Readiness waits for it: it goes before all that are not urgent.
    public let isUrgent: Bool

    public init(_ name: String, isUrgent: Bool = false) {
        self.name = name
        self.isUrgent = isUrgent
    }
}

/// The requests in flight over everything that is fetched, as many as `WindowControl` lets. Who comes when that is reached waits: the
/// urgent ones go first, then the party that has the fewest in flight, then the longest waiting; small ones fill the gap where a large
/// one must wait for the line. Nothing polls.
final class RequestWindow: Sendable {
    private struct Waiter {
        let number: UInt64
        let party: FetchParty
        let bytes: Int64
        let handover: Handover<Bool>
    }

    private struct State {
        var control: WindowControl
        var running = 0
        /// Of those that are not small.
        var runningBytes: Int64 = 0
        /// By the names of the parties that have any.
        var runningOf: [String: Int] = [:]
        var nextNumber: UInt64 = 0
        /// In the order in which they came.
        var waiting: [Waiter] = []
        /// Cancelled before they began to wait.
        var cancelled: Set<UInt64> = []

        var isCountBound: Bool { running >= control.count }

        func lets(_ bytes: Int64) -> Bool {
            !isCountBound && (bytes <= WindowControl.smallBytes || runningBytes < control.bytes)
        }

        mutating func begin(_ bytes: Int64, _ party: FetchParty) {
            running += 1
            runningOf[party.name, default: 0] += 1
            if bytes > WindowControl.smallBytes { runningBytes += bytes }
        }

        mutating func end(_ bytes: Int64, _ party: FetchParty) {
            running -= 1
            let left = runningOf[party.name, default: 1] - 1
            runningOf[party.name] = left > 0 ? left : nil
            if bytes > WindowControl.smallBytes { runningBytes -= bytes }
        }

        /// Takes out those that may go now.
        mutating func released() -> [Waiter] {
            var released: [Waiter] = []
            while !isCountBound, let index = next() {
                let waiter = waiting.remove(at: index)
                begin(waiter.bytes, waiter.party)
                released.append(waiter)
            }
            return released
        }

        /// The first of those that wait, among those that may go.
        private func next() -> Int? {
            var best: (index: Int, isUrgent: Bool, running: Int)?
            for (index, waiter) in waiting.enumerated() where lets(waiter.bytes) {
                let running = runningOf[waiter.party.name] ?? 0
                if let best, best.isUrgent != waiter.party.isUrgent ? best.isUrgent : best.running <= running { continue }
                best = (index, waiter.party.isUrgent, running)
            }
            return best?.index
        }
    }

    /// How a request ended, as far as it counts here.
    enum Ending {
        /// So many bytes came.
        case done(Int64)
        case failed
        case throttled
    }

    private let state: Lock<State>
    private let time: any TimeSource

    /// - Parameters:
    ///   - limit: requests at once, at most.
    ///   - partSize: bytes of a request that carries much.
    ///   - time: its clock that does not jump counts.
    init(limit: Int, partSize: Int64, time: any TimeSource) {
        state = Lock(State(control: WindowControl(limit: limit, partSize: partSize)))
        self.time = time
    }

    /// Who waits for a place.
    var waiting: Int { state.withLock { $0.waiting.count } }

    /// Takes a place for a party's request of so many bytes, which must be given back.
    /// - Returns: `false`, without a place, where the task was cancelled while it waited.
    func take(for party: FetchParty, bytes: Int64) async -> Bool {
        let number = state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        // Once the handler is gone nobody else can have left the number behind.
        defer { state.withLock { _ = $0.cancelled.remove(number) } }
        return await withTaskCancellationHandler {
            await withHandover { handover in
                let answer: Bool? = state.withLock { state in
                    if state.cancelled.remove(number) != nil { return false }
                    if state.lets(bytes) {
                        state.begin(bytes, party)
                        return true
                    }
                    state.waiting.append(Waiter(number: number, party: party, bytes: bytes, handover: handover))
                    return nil
                }
                if let answer { handover.give(answer) }
            }
        } onCancel: {
            let waiter: Waiter? = state.withLock { state in
                guard let index = state.waiting.firstIndex(where: { $0.number == number }) else {
                    state.cancelled.insert(number)
                    return nil
                }
                return state.waiting.remove(at: index)
            }
            waiter?.handover.give(false)
        }
    }

    /// Gives back a place that a party took for so many bytes.
    func giveBack(for party: FetchParty, bytes: Int64, _ ending: Ending) {
        let now = time.uptime()
        let released: [Waiter] = state.withLock { state in
            let isCountBound = state.isCountBound && !state.waiting.isEmpty
            let isByteBound = state.runningBytes >= state.control.bytes && !state.waiting.isEmpty
            switch ending {
            case .done(let carried):
                state.control.ended(carried, isCountBound: isCountBound, isByteBound: isByteBound, now: now)
            case .failed: break
            case .throttled: state.control.throttled(now: now)
            }
            state.end(bytes, party)
            return state.released()
        }
        for waiter in released { waiter.handover.give(true) }
    }
}

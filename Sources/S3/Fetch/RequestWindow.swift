import FileIO
import Servables
import Synchronization
import Transfer

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
/// urgent ones go first, then the party that has the fewest in flight, then by turns the two objects that were begun first, as many as
/// there are transfer threads: each has a file of its own to write to, objects end one after the other, and the next ones are asked about while
/// others still keep the line busy. Small ones fill the gap where a large one must wait for the line. Nothing polls.
final class RequestWindow: Sendable {
    private struct Waiter {
        let number: UInt64
        /// Of the object.
        let turn: UInt64
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

        /// Who goes now, if anybody may. Of the two objects that were begun first it is the one whose request came first.
        private func next() -> Int? {
            guard let first = first(but: nil) else { return nil }
            guard let second = self.first(but: waiting[first].turn), precedence(of: second) == precedence(of: first) else {
                return first
            }
            return min(first, second)
        }

        /// The first one by precedence, then by when its object was begun, of those that may go and are not of this object.
        private func first(but turn: UInt64?) -> Int? {
            waiting.indices.lazy.filter { waiting[$0].turn != turn && lets(waiting[$0].bytes) }.min { one, other in
                let (of, than) = (precedence(of: one), precedence(of: other))
                return (of.0, of.1, waiting[one].turn) < (than.0, than.1, waiting[other].turn)
            }
        }

        /// The less the sooner.
        private func precedence(of index: Int) -> (Int, Int) {
            let party = waiting[index].party
            return (party.isUrgent ? 0 : 1, runningOf[party.name] ?? 0)
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
    /// Whether somebody waits because of the line.
    private let hasSpareWork = Atomic(false)

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

    /// The turn of an object that is begun now.
    func nextTurn() -> UInt64 {
        state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
    }

    /// Takes a place for a party's request of so many bytes, which must be given back.
    /// - Parameters:
    ///   - party: who asks.
    ///   - turn: of the object, as `nextTurn` gave it; `nil`: it begins with this request.
    ///   - bytes: of the answer's body.
    /// - Returns: `false`, without a place, where the task was cancelled while it waited.
    func take(for party: FetchParty, turn: UInt64? = nil, bytes: Int64) async -> Bool {
        let number = nextTurn()
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
                    state.waiting.append(
                        Waiter(number: number, turn: turn ?? number, party: party, bytes: bytes, handover: handover))
                    listen(state)
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
                defer { listen(state) }
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
            return release(&state)
        }
        for waiter in released { waiter.handover.give(true) }
    }

    private func release(_ state: inout State) -> [Waiter] {
        defer { listen(state) }
        return state.released()
    }

    private func listen(_ state: State) {
        let isWaitedFor = !state.waiting.isEmpty && state.runningBytes >= state.control.bytes
        hasSpareWork.store(isWaitedFor, ordering: .relaxed)
    }
}

extension RequestWindow: WaitListener {
    var isListening: Bool { hasSpareWork.load(ordering: .relaxed) }

    func threadSpent(waiting waited: Duration, working worked: Duration) {
        let released: [Waiter] = state.withLock { state in
            let before = state.control.bytes
            state.control.threadSpent(waiting: waited, working: worked)
            return state.control.bytes > before ? release(&state) : []
        }
        for waiter in released { waiter.handover.give(true) }
    }
}

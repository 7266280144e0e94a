import NIOCore

/// The connections that are open, so that a shutdown can end them, and how many there have been.
final class ConnectionRegistry: Sendable {
    private struct State {
        var open: [Int: any Channel] = [:]
        var accepted = 0
    }

    private let state = Lock(State())

    var accepted: Int { state.withLock { $0.accepted } }
    var open: Int { state.withLock { $0.open.count } }

    /// - Returns: the connection's number, counted from 1.
    func add(_ channel: any Channel) -> Int {
        state.withLock { state in
            state.accepted += 1
            state.open[state.accepted] = channel
            return state.accepted
        }
    }

    func remove(_ number: Int) { state.withLock { $0.open[number] = nil } }

    func closeAll() {
        for channel in state.withLock({ Array($0.open.values) }) { channel.close(promise: nil) }
    }
}

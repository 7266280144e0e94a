import NIOCore

/// The connections that are open, so that a shutdown can end them, and how many there have been.
final class ConnectionRegistry: Sendable {
    private struct State {
        var open: [Int: any Channel] = [:]
        var accepted = 0
        var isClosing = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Lock(State())

    var accepted: Int { state.withLock { $0.accepted } }
    var open: Int { state.withLock { $0.open.count } }

    /// Closes it at once where all others were.
    /// - Returns: the connection's number, counted from 1.
    func add(_ channel: any Channel) -> Int {
        let (number, isLate) = state.withLock { state in
            state.accepted += 1
            state.open[state.accepted] = state.isClosing ? nil : channel
            return (state.accepted, state.isClosing)
        }
        if isLate { channel.close(promise: nil) }
        return number
    }

    func remove(_ number: Int) {
        let released = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.open[number] = nil
            guard state.open.isEmpty else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in released { continuation.resume() }
    }

    /// Returns as soon as none is open.
    func allClosed() async {
        await withCheckedContinuation { continuation in
            let isNow = state.withLock { state in
                if !state.open.isEmpty { state.waiting.append(continuation) }
                return state.open.isEmpty
            }
            if isNow { continuation.resume() }
        }
    }

    /// Closes those that are open, and those that come.
    func closeAll() {
        let open = state.withLock { state in
            state.isClosing = true
            return Array(state.open.values)
        }
        for channel in open { channel.close(promise: nil) }
    }
}

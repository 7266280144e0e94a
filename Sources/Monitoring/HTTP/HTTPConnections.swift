import FileIO
import NIOCore

/// All open connections. Lives on the event loop.
final class HTTPConnections {
    let gate: LoopGate

    private let limit: Int
    /// Whose last answer, or beginning, is longest ago comes first.
    private var open: [HTTPConnection] = []
    private var drained: EventLoopPromise<Void>?

    init(limit: Int, gate: LoopGate) {
        self.limit = limit
        self.gate = gate
    }

    func add(_ connection: HTTPConnection) {
        open.append(connection)
        if drained != nil {
            connection.close()
        } else if open.count > limit {
            // A probe must get through whoever else keeps connections open.
            (open.dropLast().first { !$0.isAnswering } ?? connection).close()
        }
    }

    func answered(_ connection: HTTPConnection) {
        guard let index = open.firstIndex(where: { $0 === connection }) else { return }
        open.append(open.remove(at: index))
    }

    func remove(_ connection: HTTPConnection) {
        open.removeAll { $0 === connection }
        if open.isEmpty { drained?.succeed() }
    }

    /// Closes every connection, those that are being answered `patience` later at the latest.
    /// - Returns: when none is left.
    func drain(within patience: TimeAmount, on loop: any EventLoop) -> EventLoopFuture<Void> {
        let promise = loop.makePromise(of: Void.self)
        drained = promise
        if open.isEmpty { promise.succeed() }
        for connection in open { connection.closeWhenAnswered() }
        loop.assumeIsolated().scheduleTask(in: patience) {
            for connection in self.open { connection.close() }
        }
        return promise.futureResult
    }
}

/// The way back onto the event loop, until the loop is shut down: an answer that comes later is forgotten.
final class LoopGate: Sendable {
    private let loop: any EventLoop
    private let isOpen = Lock(true)

    init(loop: any EventLoop) { self.loop = loop }

    func execute(_ work: @escaping @Sendable () -> Void) {
        isOpen.withLock { isOpen in
            if isOpen { loop.execute(work) }
        }
    }

    func close() { isOpen.withLock { $0 = false } }
}

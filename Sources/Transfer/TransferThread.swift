import CCurl
import FileIO
import Glibc
import Synchronization

/// A thread that carries exchanges, and its mailbox. All members may be called from any thread.
final class TransferThread: Sendable {
    private struct Mailbox {
        var starts: [Exchange] = []
        var cancels: [Exchange] = []
        var isStopping = false
        /// Whether the loop was woken and has not looked yet.
        var isWoken = false
        /// The handle that the loop waits on; `nil` once the thread has ended.
        var multi: MultiHandle?
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let mailbox: Lock<Mailbox>
    private let configuration: HTTPClientConfiguration
    private let name: String
    private let load = Atomic<Int>(0)

    /// Starts the thread, which lives until `stop`.
    init(_ configuration: HTTPClientConfiguration, number: Int) throws(TransportError) {
        guard let multi = MultiHandle(configuration) else {
            throw TransportError(.library(reason: "no memory or no descriptors for a multi handle"), host: "")
        }
        self.configuration = configuration
        name = "aspired-xfer-\(number)"
        mailbox = Lock(Mailbox(multi: multi))
        try spawn()
    }

    /// Exchanges that were started and have not ended.
    var inFlight: Int { load.load(ordering: .relaxed) }

    /// Carries an exchange; its continuation is resumed exactly once.
    func start(_ exchange: Exchange) {
        load.add(1, ordering: .relaxed)
        let isAccepted = mailbox.withLock { mailbox in
            guard !mailbox.isStopping else { return false }
            mailbox.starts.append(exchange)
            Self.wake(&mailbox)
            return true
        }
        if !isAccepted { finish(exchange, exchange.conclude(.shutDown)) }
    }

    /// Ends an exchange as soon as the thread gets to it, even one that is not started yet.
    func cancel(_ exchange: Exchange) {
        mailbox.withLock { mailbox in
            guard !mailbox.isStopping else { return }
            mailbox.cancels.append(exchange)
            Self.wake(&mailbox)
        }
    }

    /// Has the thread end all its exchanges and itself; does not wait for it.
    func stop() {
        mailbox.withLock { mailbox in
            mailbox.isStopping = true
            Self.wake(&mailbox)
        }
    }

    /// Returns once the thread has given back all it had; `stop` must have been called.
    func ended() async {
        await withCheckedContinuation { continuation in
            let isEnded = mailbox.withLock { mailbox in
                if mailbox.multi != nil { mailbox.waiters.append(continuation) }
                return mailbox.multi == nil
            }
            if isEnded { continuation.resume() }
        }
    }

    private static func wake(_ mailbox: inout Mailbox) {
        if !mailbox.isWoken { mailbox.multi?.wakeUp() }
        mailbox.isWoken = true
    }

    private func finish(_ exchange: Exchange, _ outcome: Exchange.Outcome) {
        load.subtract(1, ordering: .relaxed)
        exchange.resume(outcome)
    }
}

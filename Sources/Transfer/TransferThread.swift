import FileIO
import Glibc

/// A thread that carries exchanges, and its mailbox. All members may be called from any thread.
final class TransferThread: Sendable {
    private struct Mail {
        let starts: [Exchange]
        let cancels: [Exchange]
        let isStopping: Bool
    }

    private struct Mailbox {
        var starts: [Exchange] = []
        var cancels: [Exchange] = []
        var isStopping = false
        /// Whether the loop waits, or is about to; else it looks here before it does.
        var isWaiting = false
        /// What the loop waits on; `nil` once it is about to be closed.
        var poller: SocketPoller?
        var hasEnded = false
        var waiters: [Handover<Void>] = []
    }

    private let mailbox: Lock<Mailbox>
    private let configuration: HTTPClientConfiguration

    /// Starts the thread, which lives until `stop`.
    init(
        _ configuration: HTTPClientConfiguration, _ pacer: Pacer?, _ listener: (any WaitListener)?, number: Int
    ) throws(TransportError) {
        guard let poller = SocketPoller() else { throw Self.lacking("descriptors to wait with") }
        guard let made = TransferLoop(configuration, poller, pacer, listener) else {
            poller.close()
            throw Self.lacking("memory for a multi handle")
        }
        nonisolated(unsafe) let loop = made
        self.configuration = configuration
        mailbox = Lock(Mailbox(poller: poller))
        spawnThread(name: "aspired-xfer-\(number)") { [self] in
            Self.blockSignals()
            run(loop)
            loop.close()
            end()
        }
    }

    private static func lacking(_ what: String) -> TransportError {
        TransportError(.library(reason: "the system has no \(what)"), host: "transfer")
    }

    /// Carries an exchange; its caller is given an outcome exactly once.
    func start(_ exchange: Exchange) {
        let isAccepted = mailbox.withLock { mailbox in
            guard !mailbox.isStopping else { return false }
            mailbox.starts.append(exchange)
            Self.wake(&mailbox)
            return true
        }
        if !isAccepted { exchange.resume(exchange.conclude(.shutDown)) }
    }

    /// Ends an exchange as soon as the thread gets to it, even one that is yet to be started.
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

    /// Returns once the thread has given back all that it had; only after `stop`.
    func ended() async {
        await withHandover { handover in
            let isEnded = mailbox.withLock { mailbox in
                if !mailbox.hasEnded { mailbox.waiters.append(handover) }
                return mailbox.hasEnded
            }
            if isEnded { handover.give(()) }
        }
    }

    private static func wake(_ mailbox: inout Mailbox) {
        if mailbox.isWaiting { mailbox.poller?.wakeUp() }
        mailbox.isWaiting = false
    }

    // MARK: On the thread

    private func run(_ loop: TransferLoop) {
        let host = TaskHost()
        host.open()
        defer { host.close() }
        var isPristine = true
        while true {
            let mail = takeMail()
            if mail.isStopping {
                for exchange in mail.starts { exchange.resume(exchange.conclude(.shutDown)) }
                loop.cancelAll(.shutDown)
                return
            }
            for exchange in mail.starts { loop.start(exchange) }
            for exchange in mail.cancels { loop.cancel(exchange) }
            if !mail.starts.isEmpty { isPristine = false }
            if !isPristine, let idle = loop.idleTime, idle >= configuration.idleThreadLifetime {
                loop.release()
                isPristine = true
            }
            loop.turn()
            if !host.isEmpty { loop.exclude { host.run() } }
            guard host.isEmpty, mayWait() else { continue }
            // An idle thread that has nothing to give back sleeps until it is woken.
            let idle = isPristine ? nil : loop.idleTime
            loop.wait(atMost: idle.map { max(.zero, configuration.idleThreadLifetime - $0) } ?? .seconds(1 << 20))
        }
    }

    /// Whether there is nothing to look at. From now on whoever has something wakes the loop.
    private func mayWait() -> Bool {
        mailbox.withLock { mailbox in
            mailbox.isWaiting = mailbox.starts.isEmpty && mailbox.cancels.isEmpty && !mailbox.isStopping
            return mailbox.isWaiting
        }
    }

    private func takeMail() -> Mail {
        mailbox.withLock { mailbox in
            defer {
                mailbox.starts = []
                mailbox.cancels = []
                mailbox.isWaiting = false
            }
            return Mail(starts: mailbox.starts, cancels: mailbox.cancels, isStopping: mailbox.isStopping)
        }
    }

    private func end() {
        mailbox.withLock { $0.poller.take() }?.close()  // now that no one can wake it any more
        let waiters = mailbox.withLock { mailbox in
            mailbox.hasEnded = true
            return mailbox.waiters
        }
        for waiter in waiters { waiter.give(()) }
    }

    /// Signals are for others; SIGPIPE above all, which OpenSSL's writes to a closed connection raise (with `NOSIGNAL` libcurl
    /// leaves it to us). Those that a fault of our own raises stay.
    private static func blockSignals() {
        var signals = sigset_t()
        sigfillset(&signals)
        for fault in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT] { sigdelset(&signals, fault) }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }
}

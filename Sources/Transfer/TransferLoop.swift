import CCurl
import FileIO
import Glibc

/// The multi handle and all that runs on it. Owned by one thread (`TransferThread`), which calls it in turns.
final class TransferLoop {
    private let configuration: HTTPClientConfiguration
    private let poller: SocketPoller
    private var multi: MultiHandle
    private var active: [UnsafeMutableRawPointer: (handle: EasyHandle, exchange: Exchange)] = [:]
    private var spare: [EasyHandle] = []
    private var clock = NetworkClock()
    /// No deadline lies before this one. Deadlines that move on do not move it, so that bytes that arrive cost nothing here.
    private var nextDeadline = NetworkClock.Instant.max
    private var idleSince = NetworkClock.monotonic()
    private let pacer: Pacer?
    private let listener: (any WaitListener)?
    /// What the listener was not told yet.
    private var spent = SpentTime()
    /// Whose body came last in this turn.
    private var receiving: Exchange?
    /// Those whose file refused what had come; libcurl must not be told while it calls us.
    private var refused: [Exchange] = []
    /// Bytes of bodies since the pacer was told.
    private var taken: Int64 = 0
    /// Until when nothing is taken from the network, by the machine's clock.
    private var heldUntil: NetworkClock.Instant = 0
    /// Whoever cancels or stops waits no longer than this.
    private static let longestHold: NetworkClock.Instant = 50_000_000
    /// Milliseconds: whoever listens hears of a long wait before it is over.
    private static let listenedWait = 2
    /// The listener has more to do than to count.
    private static let betweenReports: NetworkClock.Instant = 1_000_000

    /// `nil` if there is no memory.
    init?(_ configuration: HTTPClientConfiguration, _ poller: SocketPoller, _ pacer: Pacer?, _ listener: (any WaitListener)?) {
        guard let multi = MultiHandle(configuration, poller) else { return nil }
        self.configuration = configuration
        self.multi = multi
        self.poller = poller
        self.pacer = pacer
        self.listener = listener
    }

    /// For how long there was nothing to do, by the machine's clock; `nil` while there is. A wait may end sooner than it was to.
    var idleTime: Duration? { active.isEmpty ? .nanoseconds(Int64(NetworkClock.monotonic() - idleSince)) : nil }

    /// Begins an exchange, or ends it at once if that cannot be.
    func start(_ exchange: Exchange) {
        func refuse(_ reason: TransportError.Kind) { exchange.resume(exchange.conclude(reason)) }
        if exchange.isCancelled { return refuse(.cancelled) }
        if let fault = exchange.request.fault { return refuse(.invalidRequest(reason: fault)) }
        if let proxy = configuration.proxies.route(to: exchange.request.url).proxy {
            exchange.detour = " (through the proxy \(proxy.authority) of \(proxy.origin))"
        }
        let handle: EasyHandle
        do throws(CurlError) {
            if let used = spare.popLast() {
                handle = used
            } else {
                handle = try EasyHandle(CurlOption.lasting(configuration), Self.callbacks)
            }
            try handle.prepare(
                CurlOption.own(exchange.request, configuration, among: exchange.underWay),
                context: Unmanaged.passUnretained(exchange).toOpaque())
            try multi.add(handle)
        } catch {
            return refuse(.library(reason: error.code.text))
        }
        exchange.loop = self
        exchange.started = clock.now
        active[handle.raw] = (handle, exchange)
    }

    /// Ends an exchange that someone no longer wants; one that has ended is left alone, one that comes later is not begun.
    func cancel(_ exchange: Exchange) {
        exchange.isCancelled = true
        end(exchange, .cancelled)
    }

    /// Ends every exchange.
    func cancelAll(_ reason: TransportError.Kind) {
        for (handle, _) in active.values { end(handle, reason) }
    }

    /// Moves every transfer as far as it goes without waiting, and ends those that are through or too slow.
    func turn() {
        guard heldUntil <= NetworkClock.monotonic() else { return }
        let seesAll = multi.perform()
        rest()
        for exchange in refused { end(exchange, nil) }
        refused = []
        if let pacer, taken > 0 {
            heldUntil = pacer.took(taken, at: NetworkClock.monotonic())
            taken = 0
        }
        while let (raw, code) = multi.nextResult() {
            guard let (handle, exchange) = active[raw] else { continue }
            if code == CURLE_OPERATION_TIMEDOUT, wasHeldUp(exchange) {
                restart(handle, exchange)
            } else {
                end(handle, code == CURLE_OK ? nil : TransportError.Kind(code, handle, configuration))
            }
        }
        if !seesAll { cancelAll(.library(reason: "the system refuses to watch one more socket")) }
        if nextDeadline <= clock.now { checkDeadlines() }
    }

    /// Does work that is none of the network's.
    func exclude(_ work: () -> Void) { clock.exclude(work) }

    /// Waits until a socket is ready, a time-out is due, someone calls `SocketPoller.wakeUp`, or `limit` is over.
    func wait(atMost limit: Duration) {
        let left = Int64(bitPattern: heldUntil &- NetworkClock.monotonic())
        guard left <= 0 else {
            // It is not the network that is slow.
            return clock.exclude { sleepBriefly(nanoseconds: min(left, Int64(Self.longestHold))) }
        }
        let toDeadline = Self.milliseconds(to: nextDeadline, from: clock.now)
        let toTimer = Self.milliseconds(to: multi.timer, from: NetworkClock.monotonic())
        let longest = min(toDeadline, toTimer, limit.wholeMilliseconds)
        guard let listener, !active.isEmpty, listener.isListening else {
            spent.pause()
            return poller.wait(milliseconds: longest)
        }
        let asked = min(longest, Self.listenedWait)
        let began = NetworkClock.monotonic()
        poller.wait(milliseconds: asked)
        spent.noteWait(from: began, to: NetworkClock.monotonic(), asked: NetworkClock.Instant(asked) * 1_000_000)
        guard spent.whole >= Self.betweenReports else { return }
        listener.threadSpent(waiting: .nanoseconds(Int64(spent.waited)), working: .nanoseconds(Int64(spent.worked)))
        spent.forget()
    }

    /// Rounded up, so that what is waited for has come.
    private static func milliseconds(to end: NetworkClock.Instant, from now: NetworkClock.Instant) -> Int {
        end > now ? Int(clamping: (end - now) / 1_000_000 + 1) : 0
    }

    /// Gives back connections, handles, names and parsed authorities of an idle loop, by taking a new multi handle.
    func release() {
        guard active.isEmpty, let fresh = MultiHandle(configuration, poller) else { return }
        spare = []
        multi.close()
        multi = fresh
        ReceiveBuffers.pool.drain()
    }

    /// Gives back everything; the last thing that is called.
    func close() {
        spare = []
        multi.close()
    }

    private func end(_ exchange: Exchange, _ reported: TransportError.Kind?) {
        guard let handle = active.values.first(where: { $0.exchange === exchange })?.handle else { return }
        end(handle, reported)
    }

    private func end(_ handle: EasyHandle, _ reported: TransportError.Kind?) {
        guard let exchange = active.removeValue(forKey: handle.raw)?.exchange else { return }
        multi.remove(handle)
        // A transfer that fails before it is connected leaves a receive buffer behind, with which libcurl (7.88) lets no size be set: what
        // failed is not used again.
        if reported == nil {
            handle.forget()
            spare.append(handle)
        }
        exchange.loop = nil
        if active.isEmpty {
            nextDeadline = .max
            idleSince = NetworkClock.monotonic()
        }
        exchange.resume(clock.exclude { exchange.conclude(reported) })
    }

    // MARK: Time

    /// Whether libcurl's clock ran out while connecting though the network had hardly any time, because this thread was busy.
    private func wasHeldUp(_ exchange: Exchange) -> Bool {
        exchange.phase == .connecting && (clock.now - exchange.started) / 9 * 10 < configuration.connectTimeout.nanoseconds
    }

    private func restart(_ handle: EasyHandle, _ exchange: Exchange) {
        multi.remove(handle)
        do { try multi.add(handle) } catch { end(handle, .library(reason: error.code.text)) }
    }

    private func checkDeadlines() {
        let now = clock.now
        for (handle, exchange) in active.values where exchange.deadline <= now {
            switch exchange.phase {
            case .connecting: break
            case .waitingForHead:
                let sent = handle.offset(CURLINFO_SIZE_UPLOAD_T)
                if sent - exchange.sent >= configuration.stall.bytes {
                    exchange.sent = sent
                    exchange.deadline = now + configuration.responseHeaderTimeout.nanoseconds
                } else {
                    end(handle, .timeout(.responseHeader, after: configuration.responseHeaderTimeout))
                }
            case .receivingBody: end(handle, .stalled(configuration.stall, received: exchange.received))
            }
        }
        nextDeadline = active.values.lazy.map { $0.exchange.deadline }.min() ?? .max
    }

    private func setDeadline(of exchange: Exchange, _ phase: Exchange.Phase, _ time: Duration) {
        exchange.phase = phase
        exchange.deadline = clock.now + time.nanoseconds
        exchange.receivedInWindow = 0
        nextDeadline = min(nextDeadline, exchange.deadline)
    }

    private func rest() {
        guard let exchange = receiving.take() else { return }
        if !clock.exclude({ exchange.rest() }) { refused.append(exchange) }
    }

    // MARK: What libcurl calls

    private func connected(_ exchange: Exchange) {
        setDeadline(of: exchange, .waitingForHead, configuration.responseHeaderTimeout)
    }

    private func header(_ exchange: Exchange, _ line: UnsafeRawBufferPointer) -> Bool {
        let goesOn = clock.exclude { exchange.takeHeader(line) }
        if exchange.phase != .receivingBody, exchange.hasHead {
            setDeadline(of: exchange, .receivingBody, configuration.stall.window)
        }
        return goesOn
    }

    private func body(_ exchange: Exchange, _ bytes: UnsafeRawBufferPointer) -> Bool {
        if receiving !== exchange {
            rest()
            receiving = exchange
        }
        let goesOn = exchange.takeBody(bytes, &clock)
        taken += Int64(bytes.count)
        if exchange.receivedInWindow >= configuration.stall.bytes {
            exchange.receivedInWindow = 0
            exchange.deadline = clock.now + configuration.stall.window.nanoseconds
        }
        return goesOn
    }

    private static let callbacks = EasyHandle.Callbacks(
        header: { bytes, size, count, context in
            deliver(bytes, size * count, context) { $0.header($1, $2) }
        },
        body: { bytes, size, count, context in
            deliver(bytes, size * count, context) { $0.body($1, $2) }
        },
        connected: { context, _, _, _, _ in
            guard let exchange = exchange(context) else { return CURL_PREREQFUNC_ABORT }
            exchange.loop?.connected(exchange)
            return CURL_PREREQFUNC_OK
        })

    private static func exchange(_ context: UnsafeMutableRawPointer?) -> Exchange? {
        context.map { Unmanaged<Exchange>.fromOpaque($0).takeUnretainedValue() }
    }

    /// - Returns: the number of bytes taken; any other than `count` ends the transfer.
    private static func deliver(
        _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int, _ context: UnsafeMutableRawPointer?,
        _ take: (TransferLoop, Exchange, UnsafeRawBufferPointer) -> Bool
    ) -> Int {
        guard let exchange = exchange(context), let loop = exchange.loop else { return 0 }
        return take(loop, exchange, UnsafeRawBufferPointer(start: bytes, count: count)) ? count : 0
    }
}

private func sleepBriefly(nanoseconds: Int64) {
    var time = timespec(tv_sec: 0, tv_nsec: Int(nanoseconds))
    nanosleep(&time, nil)
}

import CCurl

/// A libcurl multi handle: its connections, names and authorities. Owned by one thread.
///
/// It is told which sockets are ready, and tells which ones to wait for: libcurl's own waiting asks the system about each of a
/// hundred connections whenever one of them has something (12 % of the processor time with small objects).
final class MultiHandle {
    private let raw: UnsafeMutableRawPointer
    private let poller: SocketPoller
    /// When libcurl wants to be called though no socket is ready.
    private(set) var timer = NetworkClock.Instant.max
    /// Whether the system refused to watch a socket, so that whoever uses it would wait for ever.
    private var isBlind = false

    /// `nil` if there is no memory.
    init?(_ configuration: HTTPClientConfiguration, _ poller: SocketPoller) {
        guard let raw = curl_multi_init() else { return nil }
        self.raw = raw
        self.poller = poller
        ccurl_multi_set_long(raw, CURLMOPT_MAXCONNECTS, max(1, configuration.maxConnections))
        ccurl_multi_set_long(raw, CURLMOPT_PIPELINING, 0)
        let context = Unmanaged.passUnretained(self).toOpaque()
        ccurl_multi_set_socket_callback(raw, Self.watch, context)
        ccurl_multi_set_timer_callback(raw, Self.setTimer, context)
    }

    /// Closes its connections and frees it; to be called once, at the end, when no easy handle is in it.
    func close() {
        curl_multi_cleanup(raw)
    }

    func add(_ handle: EasyHandle) throws(CurlError) {
        guard curl_multi_add_handle(raw, handle.raw) == CURLM_OK else { throw CurlError(code: CURLE_OUT_OF_MEMORY) }
    }

    func remove(_ handle: EasyHandle) {
        curl_multi_remove_handle(raw, handle.raw)
    }

    /// Moves the transfers whose sockets were found ready, and those whose time has come.
    /// - Returns: `false` if a socket cannot be watched.
    func perform() -> Bool {
        var running: CInt = 0
        poller.takeReady { socket, interest in
            var bits: CInt = 0
            if interest.contains(.readable) { bits |= CURL_CSELECT_IN }
            if interest.contains(.writable) { bits |= CURL_CSELECT_OUT }
            curl_multi_socket_action(raw, socket, bits, &running)
        }
        if timer <= NetworkClock.monotonic() {
            timer = .max
            curl_multi_socket_action(raw, CURL_SOCKET_TIMEOUT, 0, &running)
        }
        defer { isBlind = false }
        return !isBlind
    }

    /// A transfer that has ended since, by its easy handle.
    func nextResult() -> (UnsafeMutableRawPointer, CURLcode)? {
        var remaining: CInt = 0
        while let message = curl_multi_info_read(raw, &remaining) {
            if message.pointee.msg == CURLMSG_DONE { return (message.pointee.easy_handle, ccurl_message_result(message)) }
        }
        return nil
    }

    // MARK: What libcurl calls

    private static let watch: curl_socket_callback = { _, socket, what, context, _ in
        guard let multi = of(context) else { return -1 }
        switch what {
        case CURL_POLL_IN: multi.watch(socket, .readable)
        case CURL_POLL_OUT: multi.watch(socket, .writable)
        case CURL_POLL_INOUT: multi.watch(socket, [.readable, .writable])
        default: multi.poller.forget(socket)
        }
        return 0
    }

    private static let setTimer: curl_multi_timer_callback = { _, milliseconds, context in
        guard let multi = of(context) else { return -1 }
        multi.timer = milliseconds < 0 ? .max : NetworkClock.monotonic() + UInt64(milliseconds) * 1_000_000
        return 0
    }

    private func watch(_ socket: CInt, _ interest: SocketPoller.Interest) {
        if !poller.watch(socket, interest) { isBlind = true }
    }

    private static func of(_ context: UnsafeMutableRawPointer?) -> MultiHandle? {
        context.map { Unmanaged<MultiHandle>.fromOpaque($0).takeUnretainedValue() }
    }
}

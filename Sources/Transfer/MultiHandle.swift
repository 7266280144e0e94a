import CCurl

/// A libcurl multi handle: its connections, names and authorities. One thread drives it; `wakeUp` alone may be called from
/// others, as long as it is open, which `TransferThread` sees to (hence `@unchecked Sendable`).
final class MultiHandle: @unchecked Sendable {
    private let raw: UnsafeMutableRawPointer

    /// `nil` if there is no memory, or no descriptor for waking it.
    init?(_ configuration: HTTPClientConfiguration) {
        guard let raw = curl_multi_init() else { return nil }
        self.raw = raw
        ccurl_multi_set_long(raw, CURLMOPT_MAXCONNECTS, max(1, configuration.maxConnections))
        ccurl_multi_set_long(raw, CURLMOPT_PIPELINING, 0)
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

    func perform() {
        var running: CInt = 0
        curl_multi_perform(raw, &running)
    }

    /// A transfer that has ended since, by its easy handle.
    func nextResult() -> (UnsafeMutableRawPointer, CURLcode)? {
        var remaining: CInt = 0
        while let message = curl_multi_info_read(raw, &remaining) {
            if message.pointee.msg == CURLMSG_DONE { return (message.pointee.easy_handle, ccurl_message_result(message)) }
        }
        return nil
    }

    /// Blocks until a socket is ready, a timer of libcurl's is due, `wakeUp` is called, or the time is over.
    func poll(milliseconds: Int) {
        curl_multi_poll(raw, nil, 0, CInt(clamping: milliseconds), nil)
    }

    func wakeUp() {
        curl_multi_wakeup(raw)
    }
}

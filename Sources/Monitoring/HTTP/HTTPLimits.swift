import NIOCore
import NIOHTTP1

/// What one client may use up.
struct HTTPLimits: Sendable {
    /// Connections at once; beyond it the one that has been idle longest makes room.
    var connections = 64
    /// From a connection's beginning to the end of its first request.
    var firstRequest = TimeAmount.seconds(10)
    /// From an answer to the end of the next request: above Prometheus' usual scrape interval of a minute.
    var nextRequest = TimeAmount.seconds(75)
    /// To make an answer and have it taken.
    var answer = TimeAmount.seconds(10)
    /// How long a client may go on sending after it was answered for the last time, so that a reset does not overtake the answer.
    var linger = TimeAmount.seconds(1)
    /// How long requests that are being answered hold up a shutdown.
    var shutdown = TimeAmount.milliseconds(500)
    /// Bytes of a request's line and fields.
    var headBytes = 16 * 1024
    /// Fields of a request.
    var headFields = 100

    var decoding: NIOHTTPDecoderLimitConfiguration {
        var decoding = NIOHTTPDecoderLimitConfiguration()
        decoding.maxHeaderFieldSize = headBytes
        decoding.maxHeaderListSize = headBytes
        decoding.maxHeaderFieldCount = headFields
        return decoding
    }
}

/// A scripted misbehaviour: which requests it meets, and what it does to them.
///
/// Several faults may meet one request; each then adds its part, and of two of one kind the later scripted one wins.
public struct Fault: Sendable {
    public enum Action: Sendable {
        /// Waits before anything is answered.
        case delay(Duration)
        /// Answers with this status in place of the real answer.
        /// - Parameters:
        ///   - code: S3's error code; empty for a body of `bodySize` spaces without XML.
        ///   - bodySize: pads the body to this many bytes.
        case status(Int, code: String, bodySize: Int? = nil)
        /// Ends the connection after this many bytes of the body, properly (FIN) or by a reset (RST).
        case cut(after: Int, reset: Bool = false)
        /// Sends nothing more after this many bytes of the body, until the client closes the connection.
        case stall(after: Int)
        /// Inverts the lowest bit of the object's byte at this offset, in whichever range it is sent.
        case flipBit(at: Int)
        /// Answers the whole object with status 200 to a ranged request.
        case ignoreRange
        /// Sets a header of the answer (a wrong `Content-Range`, a hostile `ETag`, …).
        case header(String, String)
        /// Ends the connection without an answer.
        case drop(reset: Bool = false)
        /// Sends the first half of a listing's document as if it were all.
        case truncateListing
        /// Says that the listing goes on, with the continuation token that the request came with.
        case repeatContinuationToken
        /// Bytes a second of the body at most.
        case rate(Int)
        /// Replaces the object in memory before the request is looked at: new content, ETag and time.
        case replace([UInt8])
    }

    public var action: Action
    /// `nil` meets every operation.
    public var operation: Operation?
    /// `nil` meets every method.
    public var method: String?
    /// A pattern over `bucket/key` (for a listing `bucket/prefix`), with `*` and `?`.
    public var key: String
    /// The first of the matching requests that is met, counted from 1.
    public var first: Int
    /// How many matching requests in a row are met; `nil` for all that follow.
    public var times: Int?

    public init(
        _ action: Action, on operation: Operation? = nil, method: String? = nil, key: String = "*", first: Int = 1,
        times: Int? = 1
    ) {
        self.action = action
        self.operation = operation
        self.method = method
        self.key = key
        self.first = first
        self.times = times
    }
}

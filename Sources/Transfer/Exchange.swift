import FileIO
import Servables

/// One request and what becomes of its answer.
///
/// Made by the caller, handed to a `TransferThread`, and from then on touched by that thread alone, until the caller is resumed:
/// exactly once, by whoever ends it (hence `@unchecked Sendable`).
final class Exchange: @unchecked Sendable {
    /// Where a body goes.
    enum Sink {
        /// Into memory; more than `limit` bytes is an error.
        case collect(limit: Int)
        /// Slice by slice to a closure, which returns whether it wants more.
        case stream(@Sendable (UnsafeRawBufferPointer) -> Bool)
        /// Where `accept` says.
        case download(StagedFile, accept: @Sendable (ResponseHead) -> DownloadDecision)

        /// What is written to, if anything is.
        var file: ObjectIdentifier? {
            guard case .download(let file, _) = self else { return nil }
            return ObjectIdentifier(file)
        }
    }

    struct Answer {
        let head: ResponseHead
        /// What was collected.
        let body: [UInt8]
        /// Whether the body went into the file.
        let isWritten: Bool
    }

    typealias Outcome = Result<Answer, TransportError>

    /// What libcurl is about; each has a time-out of its own.
    enum Phase {
        case connecting
        case waitingForHead
        case receivingBody
    }

    /// What of an error's body is kept when the caller did not ask for bodies.
    private static let errorBodyLimit = 64 * 1024

    let request: HTTPRequest
    /// Requests of the client that are under way, this one included.
    let underWay: Int
    /// For messages: through which proxy it goes; empty without one.
    var detour = ""
    var phase = Phase.connecting
    /// When the request was handed to libcurl.
    var started: NetworkClock.Instant = 0
    /// When this phase is given up; libcurl minds the time while connecting.
    var deadline: NetworkClock.Instant = .max
    /// Bytes of the request's body that were out when the deadline was set.
    var sent: Int64 = 0
    /// Bytes of the body since the deadline was set.
    var receivedInWindow: Int64 = 0
    /// Cancelled before it was started.
    var isCancelled = false
    var caller: Handover<Outcome>?
    /// Set while the exchange is under way.
    var loop: TransferLoop?
    /// Whether the final headers are there.
    var hasHead: Bool { head != nil }
    /// For messages: where it goes.
    var host: String { request.authority + detour }

    private enum Mode {
        case none
        case collect(limit: Int, isErrorBody: Bool)
        case stream
        case write(expected: Int64)
    }

    private let sink: Sink
    private let chunk: @Sendable (UnsafeRawBufferPointer) -> Bool
    private var parser = HeadParser()
    private var head: ResponseHead?
    private var mode = Mode.none
    private var body: [UInt8] = []
    private var writer: RangeWriter?
    private(set) var received: Int64 = 0
    /// The first thing that went wrong here, rather than in libcurl.
    private var failure: TransportError.Kind?
    /// The rest of the body is not wanted.
    private var hasEnough = false

    init(_ request: HTTPRequest, _ sink: Sink, underWay: Int) {
        self.request = request
        self.underWay = underWay
        self.sink = sink
        if case .stream(let chunk) = sink { self.chunk = chunk } else { chunk = { _ in false } }
    }

    /// Takes one header line.
    /// - Returns: whether the transfer goes on.
    func takeHeader(_ line: UnsafeRawBufferPointer) -> Bool {
        guard head == nil else { return true }  // a trailer
        switch parser.take(line) {
        case .more: return true
        case .tooLarge:
            failure = .malformed(reason: "more than \(HeadParser.limit / 1024) KiB of headers")
            return false
        case .complete(let head):
            self.head = head
            begin(head)
            return true
        }
    }

    /// The final headers are there: decides where the body goes.
    private func begin(_ head: ResponseHead) {
        switch sink {
        case .collect(let limit): mode = .collect(limit: limit, isErrorBody: false)
        case .stream: mode = head.isSuccess ? .stream : .collect(limit: Self.errorBodyLimit, isErrorBody: true)
        case .download(let file, let accept):
            switch accept(head) {
            case .collect(let limit): mode = .collect(limit: limit, isErrorBody: true)
            case .write(let range, let checksums):
                writer = file.writer(for: range, checksums: checksums)
                mode = .write(expected: Int64(range.count))
            }
        }
    }

    /// Takes the next bytes of the body; called up to 64,000 times a second. The clock stands still for what may take time.
    /// - Returns: whether the transfer goes on.
    func takeBody(_ bytes: UnsafeRawBufferPointer, _ clock: inout NetworkClock) -> Bool {
        guard failure == nil else { return false }
        received += Int64(bytes.count)
        receivedInWindow += Int64(bytes.count)
        if writer?.gather(bytes) == true { return true }
        return clock.exclude { place(bytes) }
    }

    private func place(_ bytes: UnsafeRawBufferPointer) -> Bool {
        switch mode {
        case .write(let expected):
            do {
                if try writer?.append(bytes) == true { return true }
                failure = .bodyTooLong(expected: expected)
            } catch {
                // What the writer holds is not what the file holds: nothing of it is recorded.
                writer = nil
                failure = .write(error)
            }
            return false
        case .stream:
            hasEnough = !chunk(bytes)
            return !hasEnough
        case .collect(let limit, let isErrorBody):
            let room = limit - body.count
            if bytes.count <= room {
                body.append(contentsOf: bytes)
                return true
            }
            if isErrorBody {
                body.append(contentsOf: bytes.prefix(room))
                hasEnough = true
            } else {
                failure = .bodyTooLarge(limit: limit)
            }
            return false
        case .none:
            failure = .malformed(reason: "a body without headers")
            return false
        }
    }

    /// The body's next bytes are not there yet.
    /// - Returns: whether the transfer goes on.
    func rest() -> Bool {
        do {
            try writer?.rest()
            return true
        } catch {
            writer = nil
            failure = .write(error)
            return false
        }
    }

    /// Closes what is open and says how it went.
    /// - Parameter reported: what ended the transfer, `nil` if libcurl took the answer for complete.
    /// - Returns: what the caller is told.
    func conclude(_ reported: TransportError.Kind?) -> Outcome {
        var failure = self.failure ?? (hasEnough ? nil : reported)
        if let writer = writer.take() {
            // What came of a cut body is kept.
            let written = writer.written
            do { try writer.finish() } catch { failure = failure ?? .write(error) }
            if case .write(let expected) = mode {
                if case .bodyTooShort? = failure { failure = .bodyTooShort(expected: expected, received: written) }
                if failure == nil, written < expected { failure = .bodyTooShort(expected: expected, received: written) }
            }
        } else if case .bodyTooShort? = failure {
            failure = .bodyTooShort(expected: head?.contentLength, received: received)
        }
        if let failure { return .failure(TransportError(failure, host: host)) }
        guard let head else { return .failure(TransportError(.closed, host: host)) }
        if case .write = mode { return .success(Answer(head: head, body: [], isWritten: true)) }
        return .success(Answer(head: head, body: body, isWritten: false))
    }

    /// Hands the outcome to the caller.
    func resume(_ outcome: Outcome) {
        caller.take()?.give(outcome)
    }
}

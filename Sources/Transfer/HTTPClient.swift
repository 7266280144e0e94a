public import FileIO

/// Sends HTTP requests, one connection each, on threads of its own: no retry, no redirect, no policy (a request on a reused
/// connection that turns out to be closed already goes out once more on a new one, as RFC 9112, section 9.3.1, has it).
///
/// Each call ends exactly once: with an answer, or with a `TransportError`. Cancelling the task ends it at once. The
/// environment is not read: a proxy is one of the configuration's.
public final class HTTPClient: Sendable {
    private let threads: [TransferThread]
    private let choice: Lock<ThreadChoice>

    /// Starts the threads.
    /// - Parameters:
    ///   - configuration: what they carry requests with.
    ///   - listener: hears how much they wait.
    /// - Throws: `.library` if the system gives no thread or no memory.
    public init(_ configuration: HTTPClientConfiguration, listener: (any WaitListener)? = nil) throws(TransportError) {
        guard ReceiveBuffers.isLibraryReady else {
            throw TransportError(.library(reason: "it cannot be initialised"), host: "transfer")
        }
        var threads: [TransferThread] = []
        let pacer = configuration.maxBandwidth.map { Pacer(bytesPerSecond: $0) }
        for number in 0..<max(1, configuration.threads) {
            do throws(TransportError) {
                threads.append(try TransferThread(configuration, pacer, listener, number: number))
            } catch {
                for thread in threads { thread.stop() }
                throw error
            }
        }
        self.threads = threads
        choice = Lock(ThreadChoice(threads: threads.count))
    }

    deinit {
        for thread in threads { thread.stop() }
    }

    /// Ends the threads: calls under way, and all that follow, fail with `.shutDown`. Returns when all is given back.
    public func shutdown() async {
        for thread in threads { thread.stop() }
        for thread in threads { await thread.ended() }
    }

    /// Sends a request and collects its body, whatever the status.
    /// - Parameters:
    ///   - request: what is sent.
    ///   - limit: bytes of body, at most.
    /// - Returns: head and body.
    /// - Throws: `.bodyTooLarge` beyond the limit.
    public func send(_ request: HTTPRequest, limit: Int) async throws(TransportError) -> HTTPResponse {
        let answer = try await perform(request, .collect(limit: limit))
        return HTTPResponse(head: answer.head, body: answer.body)
    }

    /// Sends a request and hands the body of a 2xx answer to a closure as it comes.
    /// - Parameters:
    ///   - request: what is sent.
    ///   - chunk: called on the client's thread, never twice at once, and not after this call has returned. It must neither keep
    ///     the bytes nor block. `false` wants no more: the call returns, and the connection is closed.
    /// - Returns: the head; of an answer other than 2xx also the body's first 64 KiB.
    /// - Throws: `.bodyTooShort` where the body breaks off after some of it was handed over.
    public func stream(
        _ request: HTTPRequest, chunk: @escaping @Sendable (_ bytes: UnsafeRawBufferPointer) -> Bool
    ) async throws(TransportError) -> HTTPResponse {
        let answer = try await perform(request, .stream(chunk))
        return HTTPResponse(head: answer.head, body: answer.body)
    }

    /// Sends a request and writes its body to a file. Whatever ends the call, what came until then is recorded in the file when
    /// it returns, unless the file refused it.
    /// - Parameters:
    ///   - request: what is sent.
    ///   - file: where `accept` may have ranges written to.
    ///   - accept: called once on the client's thread, after the final headers and before the body's first byte; must not block.
    /// - Returns: what `accept` asked for.
    /// - Throws: `.bodyTooShort` and `.bodyTooLong` where the body does not fill the range, `.write` if the file refuses it.
    public func download(
        _ request: HTTPRequest, into file: StagedFile, accept: @escaping @Sendable (ResponseHead) -> DownloadDecision
    ) async throws(TransportError) -> DownloadOutcome {
        let answer = try await perform(request, .download(file, accept: accept))
        if answer.isWritten { return .written(answer.head) }
        return .collected(HTTPResponse(head: answer.head, body: answer.body))
    }

    private func perform(_ request: HTTPRequest, _ sink: Exchange.Sink) async throws(TransportError) -> Exchange.Answer {
        let (number, underWay) = choice.withLock { ($0.take(for: sink.file), $0.requests) }
        defer { choice.withLock { $0.giveBack(number, for: sink.file) } }
        let exchange = Exchange(request, sink, underWay: underWay)
        let thread = threads[number]
        let outcome = await withTaskCancellationHandler {
            await withHandover { caller in
                exchange.caller = caller
                thread.start(exchange)
            }
        } onCancel: {
            thread.cancel(exchange)
        }
        return try outcome.get()
    }
}

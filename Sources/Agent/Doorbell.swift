import FileIO
import Servables

/// Wakes one waiting task; rings while nobody waits are not lost, and several count as one.
final class Doorbell: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func ring() { continuation.yield() }

    /// Suspends until somebody rings, `longest` has passed, or the task is cancelled.
    func wait(atMost longest: Duration, time: any TimeSource) async {
        let timer = Task {
            try await time.sleep(for: longest)
            ring()
        }
        var iterator = stream.makeAsyncIterator()
        _ = await iterator.next()
        timer.cancel()
    }
}

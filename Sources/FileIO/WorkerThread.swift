import CLinux
import Glibc

/// A thread of its own for calls that block: syncs, large reads, hashing, deletion. Runs one job after another, in order.
///
/// The cooperative pool has as many threads as there are cores; one `fsync` on it could stop every task (DESIGN, hard rule 2).
public final class WorkerThread: Sendable {
    private struct Queue {
        var jobs: [@Sendable () -> Void] = []
        var isClosed = false
    }

    private let queue: Monitor<Queue>

    /// - Parameter name: what `top -H` shows; 15 bytes at most.
    public init(name: String) {
        let queue = Monitor(Queue())
        self.queue = queue
        spawnThread(name: name) {
            while true {
                let jobs = queue.wait { (queue: inout Queue) -> [@Sendable () -> Void]? in
                    guard !queue.jobs.isEmpty || queue.isClosed else { return nil }
                    defer { queue.jobs = [] }
                    return queue.jobs
                }
                if jobs.isEmpty { return }
                for job in jobs { job() }
            }
        }
    }

    /// The thread ends when its jobs are done and nobody can give it more.
    deinit { queue.signal { $0.isClosed = true } }

    /// Runs `job` on the thread, after all that was given before, and suspends until it is done.
    public func run<Result: Sendable, Failure: Error>(
        _ job: @escaping @Sendable () throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        let outcome: Swift.Result<Result, Failure> = await withCheckedContinuation { continuation in
            queue.signal { queue in
                queue.jobs.append {
                    do throws(Failure) {
                        continuation.resume(returning: .success(try job()))
                    } catch {
                        continuation.resume(returning: .failure(error))
                    }
                }
            }
        }
        return try outcome.get()
    }
}

/// Starts a detached thread with a small stack and a name.
public func spawnThread(name: String, _ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    pthread_attr_setstacksize(&attributes, 512 << 10)
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(Box(name: name, body: body)).toOpaque()
    let result = pthread_create(
        &thread, &attributes,
        { argument in
            guard let argument else { return nil }
            let box = Unmanaged<Box>.fromOpaque(argument).takeRetainedValue()
            aspired_name_thread(box.name)
            box.body()
            return nil
        }, argument)
    precondition(result == 0, "no thread could be started: raise the limit on processes (ulimit -u, pids.max)")
}

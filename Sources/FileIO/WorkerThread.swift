import CLinux
import Glibc

/// Threads of their own for calls that block: syncs, large reads, hashing, deletion. Jobs begin in the order given.
///
/// The cooperative pool has as many threads as there are cores; one `fsync` on it could stop every task (DESIGN, hard rule 2).
public final class WorkerThread: Sendable {
    private struct Queue {
        /// Newest first, so that the oldest is taken off the end.
        var jobs: [@Sendable () -> Void] = []
        var threads = 0
        var idle = 0
    }

    private let name: String
    private let limit: Int
    private let staysWhereResumed: Bool
    private let queue = Lock(Queue())
    /// As many as there are jobs in the queue.
    private let waiting = Semaphore()

    /// - Parameters:
    ///   - name: what `top -H` shows; 15 bytes at most.
    ///   - threads: how many jobs may run at once. A thread starts when there is work for it, and stays.
    ///   - staysWhereResumed: a task that prefers these threads goes on on the one that has what it waited for, if that is a `TaskHost`.
    public init(name: String, threads: Int = 1, staysWhereResumed: Bool = false) {
        self.name = name
        limit = threads
        self.staysWhereResumed = staysWhereResumed
    }

    /// The threads end when their jobs are done and nobody can give them more.
    deinit { for _ in 0..<queue.withLock({ $0.threads }) { waiting.signal() } }

    /// Runs `job` on a thread and suspends until it is done. A task that prefers these threads is on one of them: there it runs at once.
    @inlinable public func run<Result: Sendable, Failure: Error>(
        _ job: @escaping @Sendable () throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        if withUnsafeCurrentTask(body: { $0?.unownedTaskExecutor }) == asUnownedTaskExecutor() { return try job() }
        let outcome: Swift.Result<Result, Failure> = await withHandover { handover in
            enqueue {
                do throws(Failure) {
                    handover.give(.success(try job()))
                } catch {
                    handover.give(.failure(error))
                }
            }
        }
        return try outcome.get()
    }

    @usableFromInline func enqueue(_ job: @escaping @Sendable () -> Void) {
        let startsThread = queue.withLock { queue in
            queue.jobs.insert(job, at: 0)
            guard queue.jobs.count > queue.idle, queue.threads < limit else { return false }
            queue.threads += 1
            queue.idle += 1
            return true
        }
        waiting.signal()
        if startsThread { WorkerThread.start(name, queue, waiting) }
    }

    private static func start(_ name: String, _ queue: Lock<Queue>, _ waiting: Semaphore) {
        spawnThread(name: name) {
            while true {
                waiting.wait()
                let job = queue.withLock { queue in
                    queue.idle -= 1
                    return queue.jobs.popLast()
                }
                // Nobody can give it more.
                guard let job else { return }
                job()
                queue.withLock { $0.idle += 1 }
            }
        }
    }
}

/// Where tasks run whose calls that block are many and short: nothing is handed over for them, which takes longer than they do.
extension WorkerThread: TaskExecutor {
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if staysWhereResumed, let host = TaskHost.current { return host.add(job, of: self) }
        enqueue { [self] in job.runSynchronously(on: asUnownedTaskExecutor()) }
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

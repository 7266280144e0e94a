import CLinux

/// A thread of another kind that, between its own work, goes on with the tasks that it has itself let go on, where these prefer a
/// `WorkerThread` that allows it: nothing is handed over for them, and no other thread is woken. Owned by its thread.
public final class TaskHost {
    private var jobs: [(job: UnownedJob, worker: WorkerThread)] = []

    public init() {}

    /// Whether there is nothing to run.
    public var isEmpty: Bool { jobs.isEmpty }

    /// Makes the calling thread one that hosts, until `close`.
    public func open() { aspired_set_task_host(Unmanaged.passUnretained(self).toOpaque()) }

    /// Runs what has come until now. What comes meanwhile is for the next time, so that the thread's own work has its turn.
    public func run() {
        let now = jobs
        jobs = []
        for (job, worker) in now { job.runSynchronously(on: worker.asUnownedTaskExecutor()) }
    }

    /// Runs everything that is left and what comes of it. From then on tasks go on by their worker's own threads.
    public func close() {
        while !isEmpty { run() }
        aspired_set_task_host(nil)
    }

    /// The calling thread's.
    static var current: TaskHost? {
        aspired_task_host().map { Unmanaged<TaskHost>.fromOpaque($0).takeUnretainedValue() }
    }

    func add(_ job: UnownedJob, of worker: WorkerThread) { jobs.append((job, worker)) }
}

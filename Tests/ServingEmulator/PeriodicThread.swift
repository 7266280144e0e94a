import Glibc

/// A thread that does something again and again.
final class PeriodicThread: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let wakeUp = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let interval: Duration
    private let body: @Sendable () -> Void
    private var isStopping = false
    private var hasEnded = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// - Parameters:
    ///   - interval: between the beginnings of two rounds; a round that takes longer is followed at once. Zero for one round only.
    ///   - body: one round. The first begins at once.
    init(every interval: Duration, _ body: @escaping @Sendable () -> Void) {
        self.interval = interval
        self.body = body
        mutex.initialize(to: pthread_mutex_t())
        wakeUp.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(wakeUp, &attributes)
        pthread_condattr_destroy(&attributes)

        var thread = pthread_t()
        let error = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<PeriodicThread>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        precondition(error == 0, "pthread_create: \(error)")
        pthread_detach(thread)
    }

    deinit {
        pthread_cond_destroy(wakeUp)
        pthread_mutex_destroy(mutex)
        wakeUp.deallocate()
        mutex.deallocate()
    }

    /// Returns when the thread does nothing any more.
    func stop() async {
        await withCheckedContinuation { continuation in
            pthread_mutex_lock(mutex)
            isStopping = true
            pthread_cond_signal(wakeUp)
            let hasEnded = self.hasEnded
            if !hasEnded { waiting.append(continuation) }
            pthread_mutex_unlock(mutex)
            if hasEnded { continuation.resume() }
        }
    }

    private func run() {
        var deadline = ContinuousClock.now
        pthread_mutex_lock(mutex)
        while !isStopping {
            pthread_mutex_unlock(mutex)
            body()
            pthread_mutex_lock(mutex)
            if interval == .zero { break }
            deadline = max(deadline + interval, ContinuousClock.now)
            sleep(until: deadline)
        }
        hasEnded = true
        let waiting = self.waiting
        pthread_mutex_unlock(mutex)
        for continuation in waiting { continuation.resume() }
    }

    /// Called with the mutex locked, which it leaves while it sleeps.
    private func sleep(until deadline: ContinuousClock.Instant) {
        while !isStopping {
            let left = deadline - ContinuousClock.now
            guard left > .zero else { return }
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            let (seconds, attoseconds) = left.components
            let nanoseconds = time.tv_nsec + Int(attoseconds / 1_000_000_000)
            time.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
            time.tv_nsec = nanoseconds % 1_000_000_000
            pthread_cond_timedwait(wakeUp, mutex, &time)
        }
    }
}

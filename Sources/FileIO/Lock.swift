public import Glibc

/// A value that only one thread at a time may touch: `Mutex`'s interface over `pthread_mutex_t`.
///
/// ThreadSanitizer knows pthread's mutexes; it reports false races on `Synchronization.Mutex` (DESIGN, hard rule 12).
public final class Lock<State: ~Copyable>: @unchecked Sendable {
    @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>
    /// Behind a pointer: of a property Swift would check at each access that there is no other, which the mutex sees to.
    @usableFromInline let state: UnsafeMutablePointer<State>

    // What is inlinable here is compiled for the type at hand in other modules, too: without, each use looks its types up.
    @inlinable public init(_ state: consuming sending State) {
        mutex = .allocate(capacity: 1)
        let result = pthread_mutex_init(mutex, nil)
        precondition(result == 0, "a default mutex needs no resource that could be missing")
        self.state = .allocate(capacity: 1)
        self.state.initialize(to: state)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// Runs `body` with the value, alone. Must not be called from within itself.
    @inlinable public func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout State) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state.pointee)
    }

    /// As `withLock`, unless another thread has the value.
    /// - Returns: whether `body` ran.
    public func withLockIfAvailable<Failure: Error>(_ body: (inout State) throws(Failure) -> Void) throws(Failure) -> Bool {
        guard pthread_mutex_trylock(mutex) == 0 else { return false }
        defer { pthread_mutex_unlock(mutex) }
        try body(&state.pointee)
        return true
    }
}

/// A `Lock` whose holder can wait for another thread to change the value.
final class Monitor<State>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var state: State

    init(_ state: sending State) {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        let results = (pthread_mutex_init(mutex, nil), pthread_cond_init(condition, nil))
        precondition(results == (0, 0), "a default mutex and condition need no resource that could be missing")
        self.state = state
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Changes the value in a way that nobody waits for.
    func change<Result>(_ change: (inout State) -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return change(&state)
    }

    /// Changes the value and wakes one waiter; behind the lock, which the waiter would otherwise run into.
    func signal(_ change: (inout State) -> Void) {
        self.change(change)
        pthread_cond_signal(condition)
    }

    /// Blocks until `take` returns something.
    func wait<Result>(_ take: (inout State) -> Result?) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = take(&state) { return result }
            pthread_cond_wait(condition, mutex)
        }
    }
}

/// Counts what is there to be taken, and has whoever takes wait for it (sem_overview(7)): a third of the system calls of a `Monitor`.
final class Semaphore: @unchecked Sendable {
    private let raw: UnsafeMutablePointer<sem_t>

    init() {
        raw = .allocate(capacity: 1)
        let result = sem_init(raw, 0, 0)
        precondition(result == 0, "a semaphore of one process needs no resource that could be missing")
    }

    deinit {
        sem_destroy(raw)
        raw.deallocate()
    }

    func signal() { sem_post(raw) }

    func wait() {
        while sem_wait(raw) != 0 {}  // a signal came
    }
}

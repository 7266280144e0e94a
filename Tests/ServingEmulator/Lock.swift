import Glibc

/// State that several threads share, behind a `pthread_mutex_t`.
///
/// Not `Synchronization.Mutex`: ThreadSanitizer does not see that one's ordering and reports false races.
final class Lock<State>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var slot: Slot

    /// Never of no size: a state that is would lie over the object's own header, whose reads ThreadSanitizer would take for races.
    private struct Slot {
        var state: State
        private let filler: UInt8 = 0

        init(_ state: State) { self.state = state }
    }

    init(_ state: sending State) {
        slot = Slot(state)
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    func withLock<R, E: Error>(_ body: (inout State) throws(E) -> R) throws(E) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&slot.state)
    }
}

/// What a task waits for, and who has it gives it from any thread: exactly once.
///
/// A continuation that carries its value in a lock. ThreadSanitizer is told nothing of a continuation that is resumed before its task
/// waits (Swift 6.3), and would report as a race whatever is read of a value that was made on the other thread.
public struct Handover<Value: Sendable>: Sendable {
    @usableFromInline let slot: Lock<Value?>
    @usableFromInline let continuation: CheckedContinuation<Void, Never>

    @usableFromInline init(slot: Lock<Value?>, continuation: CheckedContinuation<Void, Never>) {
        self.slot = slot
        self.continuation = continuation
    }

    /// Has the task go on with a value.
    @inlinable public func give(_ value: Value) {
        slot.withLock { $0 = value }
        continuation.resume()
    }
}

/// Suspends until a value is given.
/// - Parameter body: called at once, before the task waits; sees to it that the value is given, maybe before it returns.
/// - Returns: what was given.
@inlinable public func withHandover<Value: Sendable>(_ body: (Handover<Value>) -> Void) async -> Value {
    let slot = Lock<Value?>(nil)
    await withCheckedContinuation { body(Handover(slot: slot, continuation: $0)) }
    guard let value = slot.withLock({ $0 }) else { preconditionFailure("the task goes on only once a value was given") }
    return value
}

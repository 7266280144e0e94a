import Testing

@testable import ServingEmulator

/// The tests of the original's `availability_preserving_policy_test.cc`, by their names there.
@Suite("AvailabilityPreservingPolicyTest")
struct AvailabilityPreservingPolicyTests {
    private func next(_ versions: (Int64, HarnessState, isAspired: Bool)...) -> PolicyAction? {
        AvailabilityPreservingPolicy.nextAction(
            versions.map { VersionSnapshot(version: $0.0, state: $0.1, isAspired: $0.isAspired) })
    }

    @Test("LoadsNewAspired")
    func loadsNewAspired() {
        #expect(next((1, .unloading, false), (2, .error, false), (3, .ready, true), (4, .new, true), (5, .new, true)) == .load(5))
        #expect(next((5, .new, true), (4, .new, true), (6, .new, false)) == .load(5))
    }

    @Test("UnloadsNonAspiredFirst")
    func unloadsNonAspiredFirst() {
        #expect(
            next((1, .unloading, false), (2, .error, false), (3, .ready, false), (4, .ready, true), (5, .new, true)) == .unload(3)
        )
    }

    @Test("UnloadsFirstNonAspiredWhenNoAspired")
    func unloadsFirstNonAspiredWhenNoAspired() {
        #expect(next((1, .disabled, false), (2, .ready, false), (3, .error, false)) == .unload(2))
    }

    @Test("ReturnsNoActionWhenNone")
    func returnsNoActionWhenNone() {
        #expect(
            next((1, .ready, true), (2, .error, true), (3, .loading, true), (4, .unloading, false), (5, .disabled, false)) == nil)
        #expect(next() == nil)
    }

    @Test("DoesNotUnloadWhenOtherNotReady")
    func doesNotUnloadWhenOtherNotReady() {
        #expect(next((1, .ready, false), (2, .loading, true)) == nil)
    }

    @Test("DoesNotUnloadWhenOtherInError")
    func doesNotUnloadWhenOtherInError() {
        #expect(next((1, .ready, false), (2, .error, true)) == nil)
    }

    @Test("UnloadIfOtherReadyEvenIfLoading")
    func unloadIfOtherReadyEvenIfLoading() {
        #expect(next((1, .ready, false), (2, .loading, true), (3, .ready, true)) == .unload(1))
    }

    @Test("UnloadIfOtherReadyEvenIfError")
    func unloadIfOtherReadyEvenIfError() {
        #expect(next((1, .ready, false), (2, .error, true), (3, .ready, true)) == .unload(1))
    }

    @Test("UnloadIfNoAspiredVersionsReady")
    func unloadIfNoAspiredVersionsReady() {
        #expect(next((2, .ready, false), (1, .ready, false), (3, .error, true), (4, .loading, true)) == .unload(1))
    }
}

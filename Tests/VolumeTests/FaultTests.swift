import FileIO
import Servables
import SystemPackage
import Testing

@testable import Volume

/// How it fails.
private enum Fault: String, CaseIterable, Sendable {
    case noSpace, ioError
    case denied, readOnly, tooManyFiles, quota
    /// Nothing is done from that call on: what a kill at that instant leaves.
    case kill

    /// The first call that fails so in the short form, in which each third one does: another for each fault.
    var first: Int {
        switch self {
        case .kill: 1
        case .ioError: 2
        case .noSpace: 3
        case .denied: 4
        case .readOnly: 5
        case .tooManyFiles: 6
        case .quota: 7
        }
    }

    /// Which calls further the next one is in the short form: what the system answers matters less than that it answers.
    var step: Int { [.noSpace, .ioError, .kill].contains(self) ? 3 : 17 }

    var error: Errno {
        switch self {
        case .noSpace: .noSpace
        case .ioError, .kill: .ioError
        case .denied: .permissionDenied
        case .readOnly: .readOnlyFileSystem
        case .tooManyFiles: .tooManyOpenFiles
        case .quota: .diskQuotaExceeded
        }
    }
}

/// All of both, but for a full disk where an error of the device says the same, and for the whole way, which is that of its parts.
private let cases: [(VolumeOperation, Fault)] = VolumeOperation.allCases.flatMap { operation in
    Fault.allCases.filter { fault in
        switch operation {
        case .stage, .reuse, .publish, .prune, .recover: true
        case .resume, .publishUnsynced, .bringBack, .adopt, .release, .syncLate: fault != .noSpace
        case .whole: fault == .kill
        }
    }.map { (operation, $0) }
}

@Suite("The n-th call fails")
struct FaultTests {
    @Test(
        "whichever call fails, nothing partial is visible, nothing published is harmed, and the next attempt converges",
        arguments: cases)
    fileprivate func everyCall(operation: VolumeOperation, fault: Fault) async throws {
        // The whole way makes the same calls as its parts: there some are enough.
        try await EveryCall.fails(
            of: "\(operation)", first: fault.first, step: operation == .whole ? 7 : fault.step, limit: 1_000,
            setUp: { try operation.setUp($0) }, attempt: { try attempt(operation, fault, $0, $1) })
    }

    @Test("whichever write takes little at a time, the operation comes to its end", arguments: VolumeOperation.allCases)
    func shortWrites(operation: VolumeOperation) async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try operation.setUp(bench)
            let writes = Lock(0)
            let probe = Probe { _, call in
                guard call.operation == .write else { return .proceed }
                writes.withLock { $0 += 1 }
                return .shorten(7)
            }
            let (whole, error) = try operation.act(bench, bench.volume(probe)) {}
            #expect(error == nil)
            try operation.check(bench, "\(operation), short writes", isOver: true)
            try operation.converge(bench, "\(operation), short writes", mustNotFetch: whole)
            if [.stage, .publish, .adopt, .whole].contains(operation) { #expect(writes.withLock { $0 } > 20) }
        }
    }

    @Test("a version that is made in place is noticed, and what stays open")
    func notices() async throws {
        try await isNoticed("a version that is made in place") { wasNoticed in
            try await EveryCall.fails(
                of: "in place", first: 1, step: 1, limit: 100, setUp: { try VolumeOperation.publish.setUp($0) },
                attempt: { number, bench in
                    let call = FailingCall(number, isLast: true, .ioError)
                    let (fileSystem, version) = (FileSystem(probe: call.probe), bench.base.appending("8"))
                    call.arm()
                    do {
                        try fileSystem.makeDirectory(version, mode: 0o755)
                        for name in ["f", "g"] { try fileSystem.replaceFile(version.appending(name), with: [8], mode: 0o644) }
                    } catch is FileError {}
                    if !wasNoticed() { try VolumeOperation.publish.check(bench, "in place, \(call.description)") }
                    return call.failed == nil
                })
        }
        try await isNoticed("a file that stays open") { wasNoticed in
            var open: Descriptor?
            try await EveryCall.fails(of: "left open", first: 1, step: 1, limit: 20, setUp: { _ in }) { number, bench in
                open = wasNoticed() ? nil : try FileSystem().open(bench.directory.appending("left"), .createNew)
                return number > 10
            }
            _ = consume open
        }
    }

    /// - Returns: whether the operation was over before its call of this number.
    private func attempt(_ operation: VolumeOperation, _ fault: Fault, _ number: Int, _ bench: Bench) throws -> Bool {
        let call = FailingCall(number, isLast: fault == .kill, fault.error)
        let (whole, error) = try operation.act(bench, bench.volume(call.probe)) { call.arm() }
        let place = "\(operation), \(call.description) ended by \(fault)"
        if fault != .kill, let failed = call.failed, let error { check(error, failed, fault, place) }
        try operation.check(bench, place)
        try operation.converge(bench, place, mustNotFetch: fault == .kill ? whole : [])
        return call.failed == nil
    }

    /// It says which call failed, and how.
    private func check(_ error: VolumeError, _ failed: FileCall, _ fault: Fault, _ place: String) {
        switch error {
        case .file(let error, let doing):
            #expect(error == FileError(failed.operation.rawValue, failed.path, fault.error) && !doing.isEmpty, "\(place)")
        default: Issue.record("\(place): \(error)")
        }
    }
}

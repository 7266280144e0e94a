import FileIO
import Servables
import SystemPackage
import Testing

@testable import Volume

/// What is done while a call fails.
private enum Operation: String, CaseIterable, Sendable {
    case park, unpark, unparkGone, refuse, readmit, readmitGone, publishOverRefused, publishOverGivenUp, publishOverParked, prune
    case forget, giveUp, recover, retire

    var needsBasePath: Bool { self != .unparkGone && self != .readmitGone && self != .retire }
}

/// How it fails, and how it goes on.
private enum Fault: String, CaseIterable, Sendable {
    /// One call fails, and the same is tried again at once.
    case once
    /// Nothing is done from that call on: what a kill at that instant leaves. The next start recovers.
    case kill

    /// The first call that fails so in the short form, in which each third one does.
    var first: Int { self == .kill ? 1 : 2 }
}

private let cases = Operation.allCases.flatMap { operation in Fault.allCases.map { (operation, $0) } }

extension FaultTests {
    @Suite("while a version is set aside")
    struct SetAside {
        private let seven = Content(files: [("f", [7, 7], "\"7\"")])
        private let old = Content(files: [("f", [8], "\"8\""), ("d/g", [9, 9, 9, 9], "\"9\"")])
        private let new = Content(files: [("f", [8, 8, 8], "\"88\""), ("d/h", [], "\"9\"")])

        @Test(
            "whichever call fails, nothing is lost, in doubt or in two places, and the next attempt converges", arguments: cases)
        fileprivate func everyCall(operation: Operation, fault: Fault) async throws {
            try await EveryCall.fails(
                of: "\(operation)", first: fault.first, step: 3, limit: 500, setUp: { try setUp(operation, $0) },
                attempt: { try attempt(operation, fault, $0, $1) })
        }

        @Test(
            "whatever the file system has kept when the power goes, the next start finds nothing lost, in doubt or in two places",
            arguments: Operation.allCases)
        fileprivate func powerLoss(operation: Operation) async throws {
            let tried = try await PowerLoss.lose(
                during: "\(operation)", limit: PowerLossTests.limit ?? 5, setUp: { try setUp(operation, $0) },
                act: { try act(operation, $0, $1, arm: $2) }
            ) { bench, place, isOver in
                let volume = bench.volume(boot: "boot after")
                try volume.recover(models: ["m"])
                try check(operation, bench, place, isRecovered: true)
                // What is over stays so; manifests without a version, which a retired model may leave, go with the next start.
                if !isOver || operation == .retire { try act(operation, bench, volume) {} }
                try volume.sweep()
                try checkEnd(operation, bench, place)
            }
            print("power loss during \(operation): \(tried.calls) calls, \(tried.instants) instants, \(tried.states) states")
            #expect(tried.states >= tried.instants / 3)
        }

        /// - Returns: whether the operation was over before its call of this number.
        private func attempt(_ operation: Operation, _ fault: Fault, _ number: Int, _ bench: Bench) throws -> Bool {
            let call = FailingCall(number, isLast: fault == .kill, .ioError)
            let heard = Lock(0)
            let wasThere = try isPresent(bench.base.appending("8"))
            do {
                let volume = bench.volume(call.probe) { _ in heard.withLock { $0 += 1 } }
                try act(operation, bench, volume) { call.arm() }
            } catch is VolumeError {
            } catch is FileError {
            }
            let place = "\(operation), \(call.description) ended by \(fault)"
            let isThere = try isPresent(bench.base.appending("8"))
            switch operation {
            // The event of a publication comes once it is durable.
            case .publishOverRefused, .publishOverGivenUp, .publishOverParked, .retire: break
            default: #expect(heard.withLock { $0 } == (wasThere == isThere ? 0 : 1), "\(place): one event a change")
            }
            try check(operation, bench, place)
            if fault == .kill {
                try bench.volume().recover(models: ["m"])
                try check(operation, bench, "\(place), recovered", isRecovered: true)
            }
            try act(operation, bench, bench.volume()) {}
            try bench.volume().sweep()
            try checkEnd(operation, bench, place)
            return call.failed == nil
        }

        private func setUp(_ operation: Operation, _ bench: Bench) throws {
            let volume = bench.volume()
            try volume.prepare()
            try volume.recover(models: nil)
            try volume.ensureBasePath("m")
            try bench.publish(.seven, seven, on: volume)
            try bench.publish(.eight, old, on: volume)
            switch operation {
            case .park, .refuse: break
            case .unpark, .unparkGone, .publishOverParked, .prune, .recover: try volume.park("m", .eight)
            case .readmit, .readmitGone, .publishOverRefused, .forget, .giveUp, .retire:
                try volume.refuse("m", .eight, reason: "words")
            case .publishOverGivenUp:
                try volume.refuse("m", .eight, reason: "words")
                _ = try volume.giveUpRefused()
            }
            switch operation {
            case .unparkGone, .readmitGone: try bench.fileSystem.removeTree(bench.base)
            case .recover:
                // As a return of the base path leaves it that was killed; what has no manifest; what is half given up.
                let (state, six) = (bench.layout.state, Version(number: 6))
                try bench.publish(six, seven, on: volume)
                try volume.refuse("m", six, reason: "words")
                _ = try volume.giveUpRefused()
                for path in ["parked/m/8.base", "refused/m/5", "parked/n"] {
                    try bench.fileSystem.makeDirectory(state.appending(path), mode: 0o755)
                }
                try bench.fileSystem.renameReplacing(state.appending("parked/m/8"), state.appending("parked/m/8.base/8"))
                for path in ["5/f", "6.given-up/f"] { try write([1], to: state.appending("refused/m").pushing(FilePath(path))) }
                try write([1], to: state.appending("refused/m/file"))
            default: break
            }
            try volume.sweep()
        }

        private func act(_ operation: Operation, _ bench: Bench, _ volume: Volume, arm: () -> Void) throws {
            switch operation {
            case .publishOverRefused, .publishOverGivenUp, .publishOverParked:
                // What the plan would find settled.
                let entry = try volume.inventory("m")[.eight]
                if entry?.manifest != nil { return }
                let staged = try bench.stage(.eight, new, on: volume)
                try bench.fetch(staged, new)
                arm()
                try volume.publish(staged)
                return
            default: arm()
            }
            switch operation {
            case .park: try volume.park("m", .eight)
            case .unpark, .unparkGone: try volume.unpark("m", .eight)
            case .refuse: try volume.refuse("m", .eight, reason: "words")
            case .readmit, .readmitGone: try volume.readmit("m", .eight)
            case .prune: try volume.prune("m", .eight)
            case .forget: try volume.forget("m", refused: .eight)
            case .giveUp: _ = try volume.giveUpRefused()
            case .recover: try volume.recover(models: ["m"])
            case .retire: #expect(try volume.retire("m", prunesForeign: false) { _ in } == [])
            default: break
            }
        }

        /// Where version 8 is, whatever it holds.
        private func places(_ bench: Bench) throws -> [FilePath] {
            let state = bench.layout.state
            return try [
                bench.base.appending("8"), state.appending("parked/m/8"), state.appending("refused/m/8"),
                state.appending("parked/m/8.base/8"), state.appending("refused/m/8.base/8"),
            ].filter { try isPresent($0) }
        }

        private func check(_ operation: Operation, _ bench: Bench, _ place: String, isRecovered: Bool = false) throws {
            let inventory = try bench.volume().inventory("m")
            let places = try places(bench)
            #expect(places.count <= 1, "\(place): in two places: \(places)")
            if operation.needsBasePath {
                #expect(inventory.hasBasePath && inventory[.seven]?.manifest != nil, "\(place)")
                #expect(try bench.differences(bench.base.appending("7"), seven) == [], "\(place)")
            } else if inventory.hasBasePath, operation != .retire {
                #expect(inventory.entries.map(\.version) == [.eight], "\(place): an empty base path unloads the model")
            }
            if let entry = inventory[.eight] {
                #expect(entry.manifest != nil && inventory.refused == [] && inventory.parked == [], "\(place)")
            }
            let contents = try places.map { try (old: bench.differences($0, old) == [], new: bench.differences($0, new) == []) }
            switch operation {
            case .publishOverRefused, .publishOverGivenUp, .publishOverParked:
                // The old content aside, or the new one in place, or the new one whole in staging.
                #expect(contents.allSatisfy { $0.old != $0.new }, "\(place)")
                if let entry = inventory[.eight] {
                    #expect(contents.first?.new == true && entry.manifest?.refusal == nil, "\(place)")
                }
                if let refused = inventory.refused.first {
                    #expect(refused.manifest.bytes == old.bytes && refused.isKept == (contents.first?.old == true), "\(place)")
                }
                if inventory.refused == [], inventory.parked == [], inventory[.eight] == nil, isRecovered {
                    #expect(
                        try bench.stage(.eight, new, on: bench.volume()).incomplete == [], "\(place): nothing is fetched again")
                    #expect(places == [], "\(place)")
                }
            case .prune, .forget, .giveUp, .retire:
                #expect(contents.allSatisfy { $0.old }, "\(place)")
                if operation == .giveUp {
                    #expect(inventory.refused.map(\.isKept) == [places.count == 1], "\(place): it is refused at every instant")
                }
            default:
                #expect(contents.map(\.old) == [true], "\(place): \(places)")
                if isRecovered {
                    let all =
                        inventory.published.map(\.version) + inventory.parked.map(\.version) + inventory.refused.map(\.version)
                    #expect(all.contains(.eight), "\(place)")
                }
            }
        }

        private func checkEnd(_ operation: Operation, _ bench: Bench, _ place: String) throws {
            let volume = bench.volume()
            if operation != .recover { try volume.recover(models: ["m"]) }
            try volume.sweep()
            let inventory = try volume.inventory("m")
            let state = bench.layout.state
            func expect(_ path: FilePath?, _ content: Content? = nil, _ manifests: [String] = ["7.json", "8.json"]) throws {
                #expect(try places(bench) == (path.map { [$0] } ?? []), "\(place)")
                if let path { #expect(try bench.differences(path, content ?? old) == [], "\(place)") }
                #expect(try bench.state("manifests/m") == manifests, "\(place)")
                #expect(try bench.state("trash") == [] && bench.state("staging") == [], "\(place)")
            }
            switch operation {
            case .recover:
                try expect(state.appending("parked/m/8"), nil, ["6.json", "7.json", "8.json"])
                #expect(inventory.refused.map(\.version.number) == [6] && inventory.parked.map(\.version) == [.eight], "\(place)")
                #expect(try bench.state("parked") == ["m"] && bench.state("refused/m") == ["6.given-up"], "\(place)")
                #expect(try bench.state("refused/m/6.given-up") == [], "\(place)")
            case .park:
                try expect(state.appending("parked/m/8"))
                #expect(inventory.parked.map(\.version) == [.eight], "\(place)")
            case .unpark, .readmit: try expect(bench.base.appending("8"))
            case .unparkGone, .readmitGone: try expect(bench.base.appending("8"), nil, ["8.json"])
            case .refuse:
                try expect(state.appending("refused/m/8"))
                #expect(inventory.refused.map(\.refusal.reason) == ["words"], "\(place)")
                #expect(inventory.refused.map(\.refusal.count) == [1], "\(place)")
            case .publishOverRefused, .publishOverGivenUp, .publishOverParked:
                try expect(bench.base.appending("8"), new)
                #expect(inventory.refused == [] && inventory.parked == [], "\(place)")
            case .prune, .forget: try expect(nil, nil, ["7.json"])
            case .giveUp:
                try expect(nil)
                #expect(inventory.refused.map(\.isKept) == [false], "\(place)")
                #expect(try bench.state("refused/m/8.given-up") == [], "\(place)")
            case .retire:
                try expect(nil, nil, [])
                #expect(try !isPresent(bench.base) && bench.state("refused") == [], "\(place)")
            }
        }
    }
}

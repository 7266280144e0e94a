import FileIO
import Servables
import SystemPackage
import Testing

@testable import Volume

/// What is done to a volume while it is cut off, by a call that fails, a kill, or the loss of power; and what must hold then.
enum VolumeOperation: String, CaseIterable, Sendable {
    case stage, resume, reuse, publish, publishUnsynced, bringBack, prune, recover, adopt, release, syncLate, whole

    private var old: Content { Content(files: [("f", [7, 7], "\"7\""), ("g", [9, 9, 9, 9], "\"9\"")]) }
    private var new: Content { Content(files: [("f", [8, 8, 8], "\"8\""), ("d/g", [9, 9, 9, 9], "\"9\"")]) }

    /// Whether version 8 is visible before it is synced.
    private var publishesUnsynced: Bool { self == .publishUnsynced || self == .syncLate }

    func setUp(_ bench: Bench) throws {
        if self == .whole { return }
        let volume = bench.volume()
        try volume.prepare()
        try volume.recover(models: nil)
        try volume.ensureBasePath("m")
        try bench.publish(.seven, old, on: volume)
        switch self {
        case .bringBack:
            try bench.fetch(bench.stage(.eight, new, on: volume), new)
            try bench.fileSystem.removeTree(bench.base)
        case .publish: try bench.fetch(bench.stage(.eight, new, on: volume), new)
        case .syncLate: try bench.publish(.eight, new, on: bench.volume(boot: "boot before"), sync: .after)
        case .prune: try bench.publish(.eight, new, on: volume)
        case .adopt:
            try bench.publish(.eight, new, on: volume)
            try bench.fileSystem.removeFile(bench.layout.state.appending("manifests/m/8.json"))
        case .resume, .recover:
            let staged = try bench.stage(.eight, new, on: bench.volume(boot: "boot before"))
            for (index, length) in [(0, 3), (1, 2)] {
                let file = try staged.open(index)
                try bench.write(new.files[index].bytes, 0..<Int64(length), into: file)
            }
            try staged.complete(0, Verification(crc64nvme: checksum(new.files[0].bytes), method: .md5))
            if self == .resume { return }
            let state = bench.layout.state
            for path in [
                "staging/m/11", "staging/m/11/tree", "staging/n", "staging/n/4", "staging/m/12", "staging/m/12/base",
                "staging/m/12/base/12", "trash/t",
            ] {
                try bench.fileSystem.makeDirectory(state.appending(path), mode: 0o755)
            }
            for path in ["trash/t/f", "manifests/m/8.json", "manifests/m/7.json.new", "staging/m/11/tree/f"] {
                try write([1], to: state.appending(path))
            }
        default: break
        }
    }

    /// - Returns: the files that were whole and verified when it ended, and how it failed, if it did.
    func act(_ bench: Bench, _ volume: Volume, arm: () -> Void) throws -> (whole: Set<String>, error: VolumeError?) {
        var staged: StagedVersion?
        var failure: VolumeError?
        do {
            switch self {
            case .stage, .resume:
                arm()
                staged = try bench.stage(.eight, new, on: volume)
                for index in staged?.incomplete ?? [] {
                    guard let file = try staged?.open(index) else { continue }
                    for range in file.missing { try bench.write(new.files[index].bytes, range, into: file) }
                    try staged?.complete(index, Verification(crc64nvme: checksum(new.files[index].bytes), method: .md5))
                }
            case .reuse:
                arm()
                let shared = try volume.stage(
                    "m", .eight, table: new.table, source: Bench.source,
                    reuse: ReuseRules(mode: .auto, acceptsUnverified: true) { (entry, _) in entry.tag })
                staged = shared
                for index in shared.incomplete {
                    guard let work = shared.reuse(index) else { continue }
                    while try work.step() == .goesOn {}
                }
                try bench.fetch(shared, new)
                try volume.publish(shared)
            case .publish, .bringBack:
                let whole = try bench.stage(.eight, new, on: volume)
                try bench.fetch(whole, new)
                staged = whole
                arm()
                try volume.publish(whole)
            case .publishUnsynced:
                arm()
                try bench.publish(.eight, new, on: volume, sync: .after)
                try syncLate(volume)
            case .syncLate:
                arm()
                try syncLate(volume)
            case .prune:
                arm()
                try volume.prune("m", .seven)
                try volume.sweep()
            case .recover:
                arm()
                try volume.recover(models: ["m"])
                try volume.sweep()
            case .adopt:
                arm()
                let found = try #require(try volume.read("m", .eight, as: new.table))
                try volume.adopt("m", .eight, table: new.table, source: Bench.source, verifications: found)
            case .release:
                arm()
                try volume.setReleased("m", .seven, at: StoppedTime().now())
            case .whole:
                arm()
                try volume.prepare()
                guard try volume.tryLock() == nil else { return ([], nil) }
                defer { volume.unlock() }
                try volume.recover(models: ["m"])
                try volume.sweep()
                try volume.ensureBasePath("m")
                try bench.publish(.seven, old, on: volume)
                try bench.publish(.eight, new, on: volume)
                try volume.prune("m", .seven)
                try volume.sweep()
            }
        } catch let error as VolumeError {
            failure = error
        } catch let error as FileError {
            failure = .file(error, doing: "\(self)")
        }
        let whole = staged.map { staged in new.table.indices.filter { staged.verification($0) != nil }.map { new.files[$0].path }
        }
        return (Set(whole ?? []), failure)
    }

    /// What the agent does at every start.
    private func syncLate(_ volume: Volume) throws {
        guard try volume.inventory("m")[.eight]?.manifest?.isSynced == false else { return }
        switch try volume.sync("m", .eight, isStopped: { false }) {
        case .synced: try volume.noteSynced("m", .eight)
        case .lost: try volume.prune("m", .eight)
        case .stopped: Issue.record("nobody stopped it")
        }
    }

    /// Whatever is visible is whole, and ours.
    /// - `hasLostPower`: a version that is visible before it is synced may be damaged until it was read again.
    /// - `isOver`: the operation had ended before; what it did stays.
    func check(_ bench: Bench, _ place: String, hasLostPower: Bool = false, isOver: Bool = false) throws {
        let volume = bench.volume()
        guard try isPresent(bench.base) else {
            #expect(self == .bringBack || self == .whole, "\(place): the base path is gone")
            return
        }
        let entries = try volume.inventory("m").entries
        let names = try bench.fileSystem.list(bench.base)
        #expect(names.sorted() == entries.map(\.version.name).sorted(), "\(place): \(names)")
        for entry in entries {
            if self != .adopt || entry.version != .eight { #expect(entry.manifest != nil, "\(place): \(entry)") }
            if hasLostPower, !isOver, entry.version == .eight, publishesUnsynced { continue }
            let content = entry.version == .seven ? old : new
            let directory = bench.base.appending(entry.version.name)
            #expect(try bench.differences(directory, content) == [], "\(place)")
            // What else cuts an operation off leaves no mode behind that was not set.
            guard hasLostPower else { continue }
            #expect(try bench.fileSystem.status(directory)?.mode == 0o755, "\(place)")
            for file in content.files {
                #expect(try bench.fileSystem.status(directory.appending(file.path))?.mode == 0o644, "\(place): \(file.path)")
            }
        }
        if isOver {
            switch self {
            case .publish, .bringBack, .reuse, .syncLate, .whole:
                #expect(entries.contains { $0.version == .eight }, "\(place): \(names)")
            default: break
            }
            if self == .prune || self == .whole { #expect(!names.contains("7"), "\(place)") }
        }
        if self != .prune, self != .bringBack, self != .whole {
            #expect(entries.contains { $0.version == .seven }, "\(place)")
        }
        if self == .bringBack { #expect(!names.isEmpty, "\(place): an empty base path unloads the model") }
        if self == .prune { #expect(entries.contains { $0.version == .eight }, "\(place)") }
    }

    /// Another process, to which nothing happens, finishes what was begun.
    func converge(_ bench: Bench, _ place: String, boot: String = "this boot", mustNotFetch: Set<String> = []) throws {
        let volume = bench.volume(boot: boot)
        try volume.prepare()
        #expect(try volume.tryLock() == nil, "\(place)")
        try volume.recover(models: ["m"])
        try volume.sweep()
        try volume.ensureBasePath("m")
        if self == .adopt {
            let found = try #require(try volume.read("m", .eight, as: new.table))
            try volume.adopt("m", .eight, table: new.table, source: Bench.source, verifications: found)
        }
        try syncLate(volume)
        if try volume.inventory("m")[.eight]?.manifest == nil {
            let staged = try bench.stage(.eight, new, on: volume)
            let fetched = try bench.fetch(staged, new)
            #expect(mustNotFetch.isDisjoint(with: fetched.keys), "\(place)")
            try volume.publish(staged)
        }
        if try volume.inventory("m")[.seven] != nil { try volume.prune("m", .seven) }
        for version in try volume.inventory("m").staged { try volume.discard("m", version) }
        try volume.sweep()
        volume.unlock()

        #expect(try bench.fileSystem.list(bench.base) == ["8"], "\(place)")
        #expect(try volume.inventory("m").entries.map { $0.manifest?.files } == [2], "\(place)")
        #expect(try volume.inventory("m").entries.map { $0.manifest?.isSynced } == [true], "\(place)")
        #expect(try bench.differences(bench.base.appending("8"), new) == [], "\(place)")
        #expect(try bench.state("manifests/m") == ["8.json"], "\(place)")
        #expect(try bench.state("staging") == [] && bench.state("trash") == [], "\(place)")
        #expect(try Set(bench.state("")).isSubset(of: ["manifests", "staging", "trash"]), "\(place)")
    }
}

import FileIO
public import Servables
import SystemPackage

/// What has been promised to fetches and is not on the disk yet, so that two of them never count on the same free bytes.
final class SpaceLedger: Sendable {
    /// What others were promised.
    struct Promised {
        /// Bytes that the file system does not count as used yet.
        var unwritten: Int64 = 0
        /// Bytes of their versions as a whole.
        var total: Int64 = 0
        /// Where they are staged.
        var places: Set<FilePath> = []
    }

    private struct Promise {
        let place: FilePath
        var unwritten: Int64
        let total: Int64
    }

    private struct State {
        var next = 0
        /// Each under its number.
        var promises: [Int: Promise] = [:]
    }

    private let state = Lock(State())
    private let reserving = Lock<Void>(())

    /// Promises space to what is staged at `place`, in place of an earlier promise to it, if `check` agrees.
    /// - `unwritten`: bytes that are not on the disk yet.
    /// - `total`: bytes of the whole version.
    /// - `check`: is given what others were promised. It looks at the disk itself, after that was noted: bytes that are written
    ///     meanwhile count twice rather than not at all.
    func reserve<Failure: Error>(
        _ place: FilePath, unwritten: Int64, total: Int64, _ check: (Promised) throws(Failure) -> Void
    ) throws(Failure) -> SpaceReservation {
        // One after the other, so that none is checked before another's promise is noted.
        try reserving.withLock { (_) throws(Failure) in
            try check(others(than: place))
            let id = state.withLock { state in
                state.promises = state.promises.filter { $0.value.place != place }
                state.next += 1
                state.promises[state.next] = Promise(place: place, unwritten: unwritten, total: total)
                return state.next
            }
            return SpaceReservation(ledger: self, id: id)
        }
    }

    private func others(than place: FilePath) -> Promised {
        state.withLock { state in
            var promised = Promised()
            for promise in state.promises.values where promise.place != place {
                promised.unwritten += promise.unwritten
                promised.total += promise.total
                promised.places.insert(promise.place)
            }
            return promised
        }
    }

    /// These bytes of a promise that still holds are on the disk now.
    fileprivate func use(_ bytes: Int64, of id: Int) {
        state.withLock { state in
            guard let promise = state.promises[id] else { return }
            state.promises[id]?.unwritten = max(0, promise.unwritten - bytes)
        }
    }

    fileprivate func end(_ id: Int) { state.withLock { $0.promises[id] = nil } }
}

/// A promise of space to one fetch; what is left of it is free again when it goes.
final class SpaceReservation: Sendable {
    private let ledger: SpaceLedger
    private let id: Int

    fileprivate init(ledger: SpaceLedger, id: Int) {
        self.ledger = ledger
        self.id = id
    }

    deinit { end() }

    /// These bytes are on the disk now, where the file system itself counts them; negative when they were taken off it.
    func use(_ bytes: Int64) { ledger.use(bytes, of: id) }

    /// The version is published, or given up.
    func end() { ledger.end(id) }
}

extension Volume {
    /// Bytes that `bytes` in `files` new files take: blocks are whole, directories and manifest need some.
    static func spaceNeeded(_ bytes: Int64, files: Int) -> Int64 {
        bytes == 0 && files == 0 ? 0 : bytes + Int64(files) * 4_608 + 64 << 10
    }

    /// Promises space for a fetch, or says what is missing (CONTRACT P9).
    /// - `unwritten`: bytes that the disk does not count as used yet, of `files` new files.
    /// - `total`: bytes of the whole version.
    func reserve(_ place: FilePath, unwritten: Int64, files: Int, total: Int64) throws(VolumeError) -> SpaceReservation {
        let needed = Volume.spaceNeeded(unwritten, files: files)
        return try ledger.reserve(place, unwritten: needed, total: total) { (promised) throws(VolumeError) in
            // What takes nothing fits, however little there is.
            if needed == 0, total == 0 { return }
            let space = try space()
            let keepFree: Int64 =
                switch settings.keepFree {
                case .bytes(let bytes): bytes
                case .percent(let percent): Int64(Double(space.capacity) * percent / 100)
                }
            let available = space.available - promised.unwritten - keepFree
            if needed > available {
                throw lack(needed, available, keepFree > 0 ? .keepFree : .freeSpace)
            }
            if let memory = memoryLimit(of: space), needed > memory.available - promised.unwritten {
                throw lack(needed, memory.available - promised.unwritten, .memory(limit: memory.limit))
            }
            guard let maxVolume = settings.maxVolume else { return }
            let held = try doing("add up what \(layout.root) holds") { () throws(FileError) in
                try bytesHeld(except: promised.places.union([place]))
            }
            let left = maxVolume - held - promised.total
            if total > left { throw lack(total, left, .maxVolume) }
        }
    }

    private func lack(_ needed: Int64, _ available: Int64, _ bound: LackOfSpace.Bound) -> VolumeError {
        .noSpace(LackOfSpace(path: layout.root, needed: needed, available: available, bound: bound))
    }

    /// Which versions of a model have to go so that `bytes` more are free: what they share with others, and with what is staged, stays.
    /// - Parameters:
    ///   - bytes: that are missing.
    ///   - model: its name.
    ///   - versions: published or parked; the first ones go, and no more than have to.
    /// - Returns: nothing where all of them would not be enough.
    /// - Throws: where the volume cannot be read.
    public func roomMakers(_ bytes: Int64, in model: String, among versions: [Version]) throws(VolumeError) -> [Version] {
        try doing("add up what \(model) would leave free") { () throws(FileError) in
            var names: [UInt64: UInt64] = [:]
            var free: Int64 = 0
            for (index, version) in versions.enumerated() {
                for place in [layout.version(model, version), layout.aside(.parked, model, version)] {
                    try fileSystem.eachFile(below: place) { status in
                        names[status.inode, default: 0] += 1
                        if names[status.inode] == UInt64(status.links) { free += status.size }
                    }
                }
                if free >= bytes { return Array(versions[...index]) }
            }
            return []
        }
    }

    /// The bytes of all published versions, of those that lie aside, of what lies in staging except at `places`, and of what is being
    /// deleted. A file that several of them share takes its space once.
    private func bytesHeld(except places: Set<FilePath>) throws(FileError) -> Int64 {
        var counted: Set<UInt64> = []
        var bytes = try fileSystem.treeSize(layout.trash, counted: &counted)
        for aside in Aside.allCases { bytes += try fileSystem.treeSize(layout.aside(aside), counted: &counted) }
        for model in try manifests.models() {
            for version in try manifests.entries(model).versions where try manifests.header(model, version) != nil {
                bytes += try fileSystem.treeSize(layout.version(model, version), counted: &counted)
            }
        }
        guard try fileSystem.status(layout.staging) != nil else { return bytes }
        for model in try fileSystem.list(layout.staging) {
            // Gone since the listing, with its last version.
            guard try fileSystem.status(layout.staging(model))?.kind == .directory else { continue }
            for name in try fileSystem.listIfThere(layout.staging(model)) {
                let place = layout.staging(model).appending(name)
                if !places.contains(place) { bytes += try fileSystem.treeSize(place, counted: &counted) }
            }
        }
        return bytes
    }
}

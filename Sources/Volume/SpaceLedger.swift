import FileIO
import Servables

/// What has been promised to fetches and is not on the disk yet, so that two of them never count on the same free bytes.
final class SpaceLedger: Sendable {
    private struct State {
        var next = 0
        var outstanding: [Int: Int64] = [:]
    }

    private let state = Lock(State())

    /// Bytes promised and not yet used.
    var outstanding: Int64 { state.withLock { $0.outstanding.values.reduce(0, +) } }

    /// Promises `bytes` if `check`, which is given what is already promised, agrees.
    func reserve<Failure: Error>(_ bytes: Int64, _ check: (Int64) throws(Failure) -> Void) throws(Failure) -> SpaceReservation {
        let id = try state.withLock { (state) throws(Failure) in
            try check(state.outstanding.values.reduce(0, +))
            state.next += 1
            state.outstanding[state.next] = bytes
            return state.next
        }
        return SpaceReservation(ledger: self, id: id)
    }

    fileprivate func use(_ bytes: Int64, of id: Int) {
        state.withLock { state in
            guard let left = state.outstanding[id] else { return }
            state.outstanding[id] = max(0, left - bytes)
        }
    }

    fileprivate func end(_ id: Int) { state.withLock { $0.outstanding[id] = nil } }
}

/// A promise of space to one fetch; what is left of it is free again when it goes.
final class SpaceReservation: Sendable {
    private let ledger: SpaceLedger
    private let id: Int

    fileprivate init(ledger: SpaceLedger, id: Int) {
        self.ledger = ledger
        self.id = id
    }

    deinit { ledger.end(id) }

    /// These bytes are on the disk now, where the file system itself counts them.
    func use(_ bytes: Int64) { ledger.use(bytes, of: id) }
}

extension Volume {
    /// Bytes that a fetch of `missing` bytes in `files` files takes: blocks are whole, directories and manifest need some.
    static func spaceNeeded(missing: Int64, files: Int) -> Int64 {
        missing == 0 && files == 0 ? 0 : missing + Int64(files) * 4_608 + 64 << 10
    }

    /// Promises space for a fetch, or says what is missing (CONTRACT P9).
    func reserve(missing: Int64, files: Int) throws(VolumeError) -> SpaceReservation {
        let needed = Volume.spaceNeeded(missing: missing, files: files)
        let space = try space()
        let held = try doing("add up what \(layout.root) holds") { () throws(FileError) in try bytesHeld() }
        return try ledger.reserve(needed) { (promised) throws(VolumeError) in
            let keepFree: Int64 =
                switch settings.keepFree {
                case .bytes(let bytes): bytes
                case .percent(let percent): Int64(Double(space.capacity) * percent / 100)
                }
            let available = space.available - promised - keepFree
            if needed > available {
                throw .noSpace(
                    path: layout.root, needed: needed, available: available, bound: keepFree > 0 ? .keepFree : .freeSpace)
            }
            guard let maxVolume = settings.maxVolume else { return }
            let left = maxVolume - held - promised
            if missing > left { throw .noSpace(path: layout.root, needed: missing, available: left, bound: .maxVolume) }
        }
    }
}

public import FileIO
public import Servables
import SystemPackage

/// The volume that is shared with the server: its layout, lock, staging, durable publication, pruning, manifests and recovery.
/// Knows no source.
///
/// All calls block and belong on a `WorkerThread`; they may be made from several at once, but no two for the same version.
public final class Volume: Sendable {
    public let layout: VolumeLayout
    public let settings: VolumeSettings
    public let fileSystem: FileSystem
    let manifests: ManifestStore
    let ledger = SpaceLedger()
    let time: any TimeSource
    let reader: WorkerThread
    /// Hears of each version that came into a base path or left it; must return at once.
    let onChange: @Sendable (BasePathChange) -> Void
    /// Of this process: a volume in memory counts against its limit.
    let controlGroups: ControlGroups
    /// The boot that this is; what another one staged is read again before it is trusted.
    let boot: String
    private let lock = Lock<LockHolder>(LockHolder())
    let trashCounter = Lock<Int>(0)
    let sweeping = Lock<Void>(())

    // A box, since the lock is not copyable.
    private final class LockHolder: Sendable {
        let held: VolumeLock?
        init() { held = nil }
        init(_ lock: consuming VolumeLock) { held = consume lock }
        var isHeld: Bool { held != nil }

        func missing(_ layout: VolumeLayout, fileSystem: FileSystem) -> FilePath? {
            switch held {
            case .some(let lock): lock.missing(layout, fileSystem: fileSystem)
            case .none: nil
            }
        }
    }

    /// Touches nothing yet.
    /// - `reader`: where digests of staged files are computed.
    /// - `onChange`: hears of each version that came into a base path or left it; must return at once.
    public convenience init(
        layout: VolumeLayout, settings: VolumeSettings = VolumeSettings(), fileSystem: FileSystem = FileSystem(),
        time: any TimeSource = SystemTimeSource(), reader: WorkerThread, controlGroups: ControlGroups = ControlGroups(),
        onChange: @escaping @Sendable (BasePathChange) -> Void = { _ in }
    ) {
        self.init(
            layout: layout, settings: settings, fileSystem: fileSystem, time: time, reader: reader,
            controlGroups: controlGroups, boot: fileSystem.bootIdentity(), onChange: onChange)
    }

    init(
        layout: VolumeLayout, settings: VolumeSettings, fileSystem: FileSystem, time: any TimeSource, reader: WorkerThread,
        controlGroups: ControlGroups = ControlGroups(), boot: String,
        onChange: @escaping @Sendable (BasePathChange) -> Void = { _ in }
    ) {
        self.layout = layout
        self.settings = settings
        self.fileSystem = fileSystem
        self.time = time
        self.reader = reader
        self.controlGroups = controlGroups
        self.onChange = onChange
        manifests = ManifestStore(layout: layout, fileSystem: fileSystem)
        self.boot = boot
    }

    /// Makes root and state directory, and refuses a state directory on another mount. Changes nothing that is there.
    public func prepare() throws(VolumeError) {
        try makeDirectories(layout.root)
        try makeDirectories(layout.state)
        try requireOneMount(layout.root, layout.state)
    }

    /// Takes the one-writer lock.
    /// - Returns: `nil` once it is taken; else who holds it, as it says itself.
    public func tryLock() throws(VolumeError) -> String? {
        let taken: VolumeLock? = try doing("lock \(layout.root)") { () throws(FileError) in
            try VolumeLock.take(layout, fileSystem: fileSystem)
        }
        guard let taken else { return holder() ?? "another process" }
        let box = LockHolder(taken)
        try doing("write \(layout.holder)") { () throws(FileError) in try writeHolder() }
        lock.withLock { $0 = box }
        return nil
    }

    /// Says who holds the lock. Where there is no space for that nobody says it: a full volume is no reason to stay away, only who
    /// holds the lock can clear it.
    private func writeHolder() throws(FileError) {
        do throws(FileError) {
            try fileSystem.replaceFile(layout.holder, with: Array("\(Holder.own())\n".utf8), mode: 0o644)
        } catch {
            guard error.errno == .noSpace || error.errno == .diskQuotaExceeded else { throw error }
            try fileSystem.removeFile(layout.holder)
        }
    }

    /// Who holds the lock, as the volume says; a file left by a dead process says nothing about the lock itself.
    public func holder() -> String? {
        guard let content = try? fileSystem.readFile(layout.holder, limit: 1024) else { return nil }
        return String(decoding: content.prefix { $0 >= 0x20 }, as: UTF8.self)
    }

    /// Lets go of the lock, if it is held.
    public func unlock() {
        guard lock.withLock({ $0.isHeld }) else { return }
        _ = try? fileSystem.removeFile(layout.holder)
        lock.withLock { $0 = LockHolder() }
    }

    /// Where the lock is held: makes sure that root and state directory are what it was taken on. A volume that is unmounted leaves its mount
    /// point behind, and what is written there fills another disk; one that is mounted over it is somebody else's.
    func requireHeld() throws(VolumeError) {
        if let path = lock.withLock({ $0 }).missing(layout, fileSystem: fileSystem) { throw .lost(path) }
    }

    /// Free and total bytes of the volume.
    public func space() throws(VolumeError) -> VolumeSpace {
        try doing("ask for the free space of \(layout.root)") { () throws(FileError) in try fileSystem.space(at: layout.root) }
    }

    /// Makes the base path of a model, unless it held versions before and is gone: it comes back with its first version only,
    /// since a server unloads everything from an empty one; or unless the settings want none without a version.
    public func ensureBasePath(_ model: String) throws(VolumeError) {
        let base = layout.base(model)
        let heldVersions = try doing("read the manifests of \(model)") { () throws(FileError) -> Bool in
            // Of what lies aside the base path held nothing when it went.
            let aside = try asideEntries(model).map(\.version.name)
            return try manifests.entries(model).versions.contains { !aside.contains($0.name) }
        }
        let status = try doing("look at \(base)") { () throws(FileError) in try fileSystem.status(base) }
        guard let status else {
            if !heldVersions, settings.makesEmptyBasePaths {
                try doing("make \(base)") { () throws(FileError) in
                    try fileSystem.makeDirectory(base, mode: settings.directoryMode)
                    try fileSystem.syncDirectory(layout.root)
                }
            }
            return
        }
        guard status.kind == .directory else { throw .notDirectory(base) }
        try requireOneMount(base, layout.state)
    }

    func requireOneMount(_ one: FilePath, _ other: FilePath) throws(VolumeError) {
        let same = try doing("look at the mounts of \(one) and \(other)") { () throws(FileError) in
            let first = try fileSystem.openDirectory(one)
            let second = try fileSystem.openDirectory(other)
            return try first.mountIdentity() == second.mountIdentity()
        }
        guard same else { throw .differentMounts(one, other) }
    }

    /// Makes a directory and those above it.
    private func makeDirectories(_ path: FilePath) throws(VolumeError) {
        let exists = try doing("look at \(path)") { () throws(FileError) in
            // A symlink to a directory is as good as one: the volume's own mount point may be reached so.
            if let status = try fileSystem.status(path) {
                guard status.kind == .symlink || status.kind == .directory else { return false }
                _ = try fileSystem.openDirectory(path)
                return true
            }
            return false
        }
        if exists { return }
        if !path.removingLastComponent().components.isEmpty { try makeDirectories(path.removingLastComponent()) }
        try doing("make \(path)", or: { $0.errno == .fileExists ? .notDirectory(path) : nil }) { () throws(FileError) in
            if try fileSystem.makeDirectory(path, mode: 0o755) { try fileSystem.syncDirectory(path.removingLastComponent()) }
        }
    }
}

import CInotifyTools
import FileIO
import Glibc
public import SystemPackage

/// Says when a file may have become another: it was rewritten, replaced by a rename, or a link on the way to it was (a ConfigMap's
/// `..data`). Watched are directories, since a file that is replaced takes its watch with it.
///
/// libinotifytools has one state a process, so that one watch at a time is served; a second one begins when the first has stopped.
public final class FileWatch: Sendable {
    /// What the library allows between two looks at whether to stop: a second.
    private static let patience = 1
    private static let library = Lock(())

    private let path: FilePath
    private let onChange: @Sendable () -> Void
    private let onFailure: @Sendable (String) -> Void
    private let isStopping = Lock(false)

    /// Begins to watch.
    /// - Parameters:
    ///   - path: absolute; what is there need not be a file yet.
    ///   - onChange: called on the watching thread when it may be another now, and once when the watch begins; must not block.
    ///   - onFailure: called once, with the reason, where the system gives no watch: from then on nothing is seen.
    public init(
        _ path: FilePath, onChange: @escaping @Sendable () -> Void, onFailure: @escaping @Sendable (String) -> Void
    ) {
        self.path = path
        self.onChange = onChange
        self.onFailure = onFailure
        spawnThread(name: "aspired-watch") { [self] in
            Self.library.withLock { (_) in watch() }
        }
    }

    /// Ends the watch; within a second.
    public func stop() { isStopping.withLock { $0 = true } }

    // MARK: - On the thread

    private var goesOn: Bool { !isStopping.withLock { $0 } }

    private func watch() {
        while goesOn {
            let places = Places(of: path)
            guard inotifytools_initialize() != 0 else {
                onFailure("inotify: \(Errno(rawValue: inotifytools_error()))")
                return
            }
            let isWatched = places.directories.filter { inotifytools_watch_file($0, Places.events) != 0 }
            // What happened until now nobody saw.
            onChange()
            if isWatched.isEmpty { sleepOnce() } else { follow(places) }
            inotifytools_cleanup()
        }
    }

    /// Until a directory on the way is another one.
    private func follow(_ places: Places) {
        while goesOn {
            if let event = inotifytools_next_event(Self.patience) {
                // Other files of the directory may change often.
                guard places.concerns(event) else { continue }
                onChange()
            }
            if Places(of: path) != places { return }
        }
    }

    /// There is no directory to be watched yet: nothing but asking again is left.
    private func sleepOnce() { _ = poll(nil, 0, Int32(Self.patience) * 1_000) }
}

/// The directories in which a change of a file shows.
private struct Places: Hashable {
    static let events = Int32(
        bitPattern: UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF))

    /// The one that the path names, and the one of the file that its links lead to; as real paths, so that another one is told from it.
    let directories: [String]
    private let names: Set<String>

    init(of path: FilePath) {
        let target = Self.real(path).map { FilePath($0) }
        let parents = [Self.real(path.removingLastComponent()), target?.removingLastComponent().string].compactMap(\.self)
        directories = Set(parents).sorted()
        names = Set([path, target].compactMap { $0?.lastComponent?.string })
    }

    /// Whether an event may concern the file: its name, that of a link which leads to it (`..data`), or the directory itself.
    func concerns(_ event: UnsafeMutablePointer<inotify_event>) -> Bool {
        guard event.pointee.len > 0 else { return true }
        let text = UnsafeRawPointer(event).advanced(by: MemoryLayout<inotify_event>.size).assumingMemoryBound(to: CChar.self)
        let name = String(cString: text)
        return names.contains(name) || name.hasPrefix("..")
    }

    private static func real(_ path: FilePath) -> String? {
        path.withPlatformString { text in
            guard let resolved = realpath(text, nil) else { return nil }
            defer { free(resolved) }
            return String(cString: resolved)
        }
    }
}

import CLinux
import FileIO
import Glibc
import Servables
import SystemPackage
import Testing

@testable import Volume

@Suite("Making ready and locking")
struct LockingTests {
    @Test("root and state directory are made with those above them, for others to read, and kept as they are after")
    func preparation() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory.appending("not").appending("there"), prepared: false)
            let probe = Probe()
            try bench.volume(probe).prepare()
            for path in [bench.layout.root, bench.layout.state] { #expect(try bench.fileSystem.status(path)?.mode == 0o755) }
            // A name is durable once the directory that holds it is.
            #expect(
                probe.trace([.fsync], below: directory)
                    == ["fsync ", "fsync not", "fsync not/there", "fsync not/there/models"])
            try bench.fileSystem.setMode(bench.layout.root, 0o2775)
            try bench.volume().prepare()
            #expect(try bench.fileSystem.status(bench.layout.root)?.mode == 0o2775)
        }
    }

    @Test("a root that is reached through a symlink is as good as any")
    func symlinkedRoot() async throws {
        try await withDirectory { directory in
            try FileSystem().makeDirectory(directory.appending("real"), mode: 0o755)
            try makeSymlink(directory.appending("models"), to: "real")
            let bench = try Bench(directory)
            try bench.publish(.seven, .some(7))
            #expect(try bench.published() == [.seven])
        }
    }

    @Test("a file where a directory must be is named")
    func fileInTheWay() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory, prepared: false)
            try write([], to: bench.layout.root)
            #expect(throws: VolumeError.notDirectory(bench.layout.root)) { try bench.volume().prepare() }
        }
    }

    @Test(
        "a state directory on another mount is refused, with what to do about it",
        .enabled(if: access("/dev/shm", W_OK) == 0, "needs a second file system at /dev/shm"))
    func otherMount() async throws {
        try await withDirectory { directory in
            try await withDirectory(under: "/dev/shm") { elsewhere in
                let layout = VolumeLayout(root: directory, state: elsewhere)
                let volume = Volume(layout: layout, reader: Bench.reader)
                #expect(throws: VolumeError.differentMounts(directory, elsewhere)) { try volume.prepare() }
                #expect(VolumeError.differentMounts(directory, elsewhere).failure.message.contains("--state-dir"))
            }
        }
    }

    @Test("a bind mount of the same file system is another mount, too", .enabled(if: mayMount, "needs the right to mount"))
    func bindMount() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.fileSystem.makeDirectory(directory.appending("other"), mode: 0o755)
            try #require(mount(directory.appending("other").string, bench.base.string, nil, UInt(MS_BIND), nil) == 0)
            defer { umount2(bench.base.string, Int32(MNT_DETACH)) }
            #expect(throws: VolumeError.differentMounts(bench.base, bench.layout.state)) {
                try bench.volume().ensureBasePath("m")
            }
        }
    }

    @Test("two volumes of one process exclude each other, and who holds the lock is said")
    func twoVolumes() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let (one, two) = (bench.volume(), bench.volume())
            #expect(try two.activeHolder() == nil)
            #expect(try one.tryLock() == nil)
            let holder = try #require(try two.tryLock())
            #expect(holder.hasPrefix("pid \(getpid()) on "))
            #expect(try two.activeHolder() == holder)
            // One that stands by and is stopped takes nothing away.
            two.unlock()
            #expect(try two.tryLock() == holder)
            one.unlock()
            #expect(two.holder() == nil)
            #expect(try two.activeHolder() == nil)
            #expect(try two.tryLock() == nil)
            #expect(try one.tryLock() != nil)
        }
    }

    @Test("a volume that goes lets go of its lock")
    func goneVolume() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            do {
                let volume = bench.volume()
                #expect(try volume.tryLock() == nil)
            }
            #expect(try bench.volume().tryLock() == nil)
        }
    }

    @Test("one state directory cannot serve two roots, nor one root two state directories")
    func sharedDirectories() async throws {
        try await withDirectory { directory in
            let fileSystem = FileSystem()
            for name in ["r1", "r2", "s1", "s2"] { try fileSystem.makeDirectory(directory.appending(name), mode: 0o755) }
            func volume(_ root: String, _ state: String) -> Volume {
                Volume(
                    layout: VolumeLayout(root: directory.appending(root), state: directory.appending(state)), reader: Bench.reader
                )
            }
            let first = volume("r1", "s1")
            #expect(try first.tryLock() == nil)
            #expect(try volume("r2", "s1").tryLock() != nil)
            #expect(try volume("r1", "s2").tryLock() != nil)
            // What was refused holds nothing.
            #expect(try volume("r2", "s2").tryLock() == nil)
            first.unlock()
        }
    }

    @Test("another process is kept out, and keeps out", .enabled(if: access("/usr/bin/flock", X_OK) == 0, "needs flock(1)"))
    func otherProcess() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let volume = bench.volume()
            #expect(try volume.tryLock() == nil)
            for path in [bench.layout.root, bench.layout.state] {
                #expect(try run(["/usr/bin/flock", "-n", path.string, "/bin/true"]) == 1)
            }
            volume.unlock()
            #expect(try run(["/usr/bin/flock", "-n", bench.layout.root.string, "/bin/true"]) == 0)
            for path in [bench.layout.root, bench.layout.state] {
                // The child says when it holds the lock, and lets go when its input ends.
                let held = directory.appending("held")
                var pipes: [CInt] = [0, 0]
                try #require(pipe(&pipes) == 0 && fcntl(pipes[1], F_SETFD, FD_CLOEXEC) == 0)
                let child = try spawn(["/usr/bin/flock", path.string, "/bin/sh", "-c", "echo > \(held); cat"], input: pipes[0])
                close(pipes[0])
                while try !isPresent(held) { usleep(1_000) }
                #expect(try volume.tryLock() == "another process")
                close(pipes[1])
                _ = wait(for: child)
                #expect(try volume.tryLock() == nil)
                volume.unlock()
                try bench.fileSystem.removeFile(held)
            }
        }
    }

    @Test("a full volume is no reason to stay away from it: the lock is taken, only nobody says who holds it")
    func fullVolume() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let probe = Probe { _, call in call.operation == .write ? .fail(.noSpace) : .proceed }
            try write(Array("pid 1 on an old host\n".utf8), to: bench.layout.holder)
            let volume = bench.volume(probe)
            #expect(try volume.tryLock() == nil)
            #expect(try bench.volume().tryLock() == "another process")
            #expect(try bench.state("") == ["trash"])
            volume.unlock()
        }
    }

    @Test("where nothing can be written the lock is not kept")
    func readOnly() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let volume = bench.volume(Probe { _, call in call.operation == .write ? .fail(.readOnlyFileSystem) : .proceed })
            #expect(throws: VolumeError.self) { try volume.tryLock() }
            #expect(try bench.volume().tryLock() == nil)
        }
    }

    @Test("a base path is made once, with the modes that were asked for, and is there after a power failure")
    func basePath() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.fileSystem.setMode(bench.layout.root, 0o2775)
            let probe = Probe()
            let volume = bench.volume(probe, settings: VolumeSettings(directoryMode: 0o775))
            try volume.ensureBasePath("n")
            #expect(try bench.fileSystem.status(bench.layout.base("n"))?.mode == 0o2775)
            #expect(probe.trace([.mkdir, .fsync], below: directory) == ["mkdir models/n", "fsync models"])
            try bench.fileSystem.setMode(bench.layout.base("n"), 0o700)
            try volume.ensureBasePath("n")
            #expect(try bench.fileSystem.status(bench.layout.base("n"))?.mode == 0o700)
        }
    }

    @Test("a base path that held versions and is gone is not made empty")
    func goneBasePath() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.seven, .some(7))
            try bench.fileSystem.removeTree(bench.base)
            try bench.volume().recover(models: ["m"])
            try bench.volume().ensureBasePath("m")
            #expect(try !isPresent(bench.base))
            let inventory = try bench.volume().inventory("m")
            #expect(inventory == Inventory(hasBasePath: false, entries: [], staged: []))
        }
    }

    @Test("a base path that is no directory is refused", arguments: [true, false])
    func basePathInTheWay(isSymlink: Bool) async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let path = bench.layout.base("n")
            if isSymlink { try makeSymlink(path, to: "m") } else { try write([], to: path) }
            #expect(throws: VolumeError.notDirectory(path)) { try bench.volume().ensureBasePath("n") }
        }
    }
}

/// Starts a program. Its descriptors above 2 are closed.
private func spawn(_ arguments: [String], input: CInt? = nil) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let input { posix_spawn_file_actions_adddup2(&actions, input, 0) }
    aspired_spawn_close_from(&actions, 3)
    var raw: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for pointer in raw { free(pointer) } }
    var child = pid_t()
    let result = posix_spawn(&child, arguments[0], &actions, nil, &raw, environ)
    guard result == 0 else { throw Errno(rawValue: result) }
    return child
}

private func wait(for child: pid_t) -> Int32 {
    var status: CInt = 0
    while waitpid(child, &status, 0) == -1, errno == EINTR {}
    return (status >> 8) & 0xff
}

private func run(_ arguments: [String]) throws -> Int32 { wait(for: try spawn(arguments)) }

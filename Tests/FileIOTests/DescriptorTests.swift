import FileIO
import Glibc
import SystemPackage
import Testing

@Suite("Descriptors")
struct DescriptorTests {
    @Test("a write that the system takes in pieces is finished", arguments: [1, 3, 1000])
    func shortWrites(piece: Int) async throws {
        try await withDirectory { directory in
            let probe = Probe { _, call in call.operation == .write ? .shorten(piece) : .proceed }
            let fileSystem = FileSystem(probe: probe)
            var dice = Dice(seed: 1)
            let content = dice.bytes(2_500)
            let file = try fileSystem.open(directory.appending("f"), .createNew)
            try file.write(content, at: 7)
            try content.withUnsafeBytes { try file.write($0, at: 7 + 2_500) }
            #expect(try read(directory.appending("f")) == [UInt8](repeating: 0, count: 7) + content + content)
            #expect(probe.calls.filter { $0.operation == .write }.count == 2 * ((2_500 + piece - 1) / piece))
        }
    }

    @Test("an appended write that the system takes in pieces is finished")
    func shortAppends() async throws {
        try await withDirectory { directory in
            let fileSystem = FileSystem(probe: Probe { _, call in call.operation == .write ? .shorten(2) : .proceed })
            let file = try fileSystem.open(directory.appending("f"), .append)
            for _ in 0..<2 { try Array("seven b".utf8).withUnsafeBytes { try file.append($0) } }
            #expect(try read(directory.appending("f")) == Array("seven bseven b".utf8))
        }
    }

    @Test("a read that the system gives in pieces is finished, and ends where the file does")
    func shortReads() async throws {
        try await withDirectory { directory in
            var dice = Dice(seed: 2)
            let content = dice.bytes(1_000)
            try write(content, to: directory.appending("f"))
            let fileSystem = FileSystem(probe: Probe { _, call in call.operation == .read ? .shorten(17) : .proceed })
            let file = try fileSystem.open(directory.appending("f"), .read)
            var buffer = [UInt8](repeating: 0, count: 700)
            let whole = try buffer.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
            #expect(whole == 700 && buffer == Array(content[..<700]))
            let end = try buffer.withUnsafeMutableBytes { try file.read(into: $0, at: 600) }
            #expect(end == 400)
            #expect(Array(buffer[..<400]) == Array(content[600...]))
            var gathered: [UInt8] = []
            let count = try fileSystem.forEachChunk(of: file, in: 10..<900, chunk: 64) { gathered += Array($0) }
            #expect(count == 890 && gathered == Array(content[10..<900]))
        }
    }

    @Test("a signal that interrupts a call does not fail it")
    func interruptedCalls() async throws {
        try await withDirectory { directory in
            // A real interruption: a pipe that nobody writes to, a handler without SA_RESTART, and a thread that is told.
            let path = directory.appending("lock").string
            #expect(mkfifo(path, 0o600) == 0)
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { _ in }
            sigaction(SIGUSR1, &action, nil)
            let (reader, opened) = (Lock<pthread_t?>(nil), Lock<Result<Void, FileError>?>(nil))
            spawnThread(name: "interrupted") {
                reader.withLock { $0 = pthread_self() }
                let outcome: Result<Void, FileError>
                do throws(FileError) {
                    _ = try FileSystem().open(FilePath(path), .read)
                    outcome = .success(())
                } catch {
                    outcome = .failure(error)
                }
                opened.withLock { $0 = outcome }
            }
            while reader.withLock({ $0 }) == nil { usleep(500) }
            for _ in 0..<20 {
                if let thread = reader.withLock({ $0 }) { pthread_kill(thread, SIGUSR1) }
                usleep(1_000)
            }
            #expect(opened.withLock { $0 == nil })
            let writer = Glibc.open(path, O_WRONLY)
            defer { close(writer) }
            var outcome: Result<Void, FileError>?
            while outcome == nil {
                outcome = opened.withLock { $0 }
                usleep(500)
            }
            #expect(throws: Never.self) { try outcome?.get() }
        }
    }

    @Test("a failed call says which, on what, and why", arguments: [FileOperation.write, .fsync, .chmod, .truncate, .stat])
    func failures(operation: FileOperation) async throws {
        try await withDirectory { directory in
            let path = directory.appending("f")
            let fileSystem = FileSystem(probe: Probe.failing(operation, .ioError))
            #expect(throws: FileError(operation.rawValue, path, .ioError)) {
                let file = try fileSystem.open(path, .createNew)
                try file.write([1], at: 0)
                try file.sync()
                try file.setMode(0o600)
                try file.truncate(to: 3)
                _ = try file.status()
            }
        }
    }

    @Test("reserved blocks count as used before a byte is written, where the file system can")
    func preallocation() async throws {
        try await withDirectory { directory in
            let file = try FileSystem().open(directory.appending("f"), .createNew)
            let isReserved = try file.preallocate(3 << 20)
            if isReserved { #expect(try file.status().allocated >= 3 << 20) }
            #expect(try file.preallocate(0))
        }
    }

    @Test("where blocks cannot be reserved, that is no error", arguments: [Errno.notSupported, .noFunction, .invalidArgument])
    func noPreallocation(errno: Errno) async throws {
        try await withDirectory { directory in
            let file = try FileSystem(probe: Probe.failing(.fallocate, errno)).open(directory.appending("f"), .createNew)
            #expect(try !file.preallocate(1 << 20))
        }
    }

    @Test("a full disk is known when blocks are reserved")
    func fullDisk() async throws {
        try await withDirectory { directory in
            let path = directory.appending("f")
            let probe = Probe.failing(.fallocate, .noSpace)
            let file = try FileSystem(probe: probe).open(path, .createNew)
            do throws(FileError) {
                try file.preallocate(1 << 20)
                // tmpfs: never asked.
                #expect(probe.trace([.fallocate]).isEmpty)
            } catch {
                #expect(error == FileError("fallocate", path, .noSpace))
            }
        }
    }

    @Test("a lock of one open file keeps another out until it goes")
    func fileLock() async throws {
        try await withDirectory { directory in
            let fileSystem = FileSystem()
            let second = try fileSystem.openDirectory(directory)
            do {
                let first = try fileSystem.openDirectory(directory)
                #expect(try first.tryLock())
                #expect(try !second.tryLock())
                #expect(try !second.tryLock(shared: true))
            }
            #expect(try second.tryLock(shared: true))
            let third = try fileSystem.openDirectory(directory)
            #expect(try third.tryLock(shared: true))
            #expect(try !third.tryLock())
        }
    }

    @Test("the entries of an open directory are the same however often they are asked for")
    func entries() async throws {
        try await withDirectory { directory in
            for name in ["b", "a", ".hidden"] { try write([], to: directory.appending(name)) }
            let open = try FileSystem().openDirectory(directory)
            for _ in 0..<2 { #expect(try open.entries().sorted() == [".hidden", "a", "b"]) }
        }
    }
}

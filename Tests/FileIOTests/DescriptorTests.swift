import Glibc
import SystemPackage
import Testing

@testable import FileIO

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
            #expect(probe.lengths(of: .write).count == 2 * ((2_500 + piece - 1) / piece))
        }
    }

    @Test("files are synced each once, few or many; the first that cannot be ends it", arguments: [0, 1, 32, 33, 500])
    func syncMany(count: Int) async throws {
        try await withDirectory { directory in
            for number in 0..<count { try write([1], to: directory.appending("f\(number)")) }
            let probe = Probe()
            try FileSystem(probe: probe).sync(count) { directory.appending("f\($0)") }
            let synced = probe.trace([.fsync])
            #expect(synced.count == count && Set(synced) == Set((0..<count).map { "fsync f\($0)" }))
            guard count > 0 else { return }
            let failing = Probe { _, call in
                call.operation == .fsync && call.path.lastComponent == "f0" ? .fail(.ioError) : .proceed
            }
            #expect(throws: FileError("fsync", directory.appending("f0"), .ioError)) {
                try FileSystem(probe: failing).sync(count) { directory.appending("f\($0)") }
            }
            #expect(failing.trace([.fsync]).count <= max(1, count - 1) + 16)
        }
    }

    @Test("having the kernel begin to write is a hint: what it says to it counts for nothing")
    func writeback() async throws {
        try await withDirectory { directory in
            let probe = Probe.failing(.writeback, .ioError)
            let file = try FileSystem(probe: probe).open(directory.appending("f"), .createNew)
            try file.write([1, 2, 3], at: 0)
            file.startWriteback(0..<3)
            file.startWriteback(0..<3)
            try file.sync()
            #expect(probe.trace([.writeback, .fsync]) == ["writeback f", "writeback f", "fsync f"])
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

    @Test("a call that a signal interrupts is made again, any other failure is not")
    func interruptedCalls() throws {
        var calls = 0
        let result = try FileSystem().call(.stat, "/") {
            calls += 1
            Glibc.errno = EINTR
            return calls < 4 ? -1 : 7
        }
        #expect(result == 7 && calls == 4)
        #expect(throws: FileError("stat", "/", .ioError)) {
            try FileSystem().call(.stat, "/") {
                calls += 1
                Glibc.errno = EIO
                return -1
            }
        }
        #expect(calls == 5)
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

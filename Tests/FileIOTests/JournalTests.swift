import FileIO
import SystemPackage
import Testing

@Suite("Journals")
struct JournalTests {
    private let fileSystem = FileSystem()

    private func lines(_ path: FilePath) throws -> [String] {
        var lines: [String] = []
        try Journal.read(path, fileSystem: fileSystem) { lines.append($0) }
        return lines
    }

    @Test("lines come back as they were written, those it began with and those added, in order")
    func roundTrip() async throws {
        try await withDirectory { directory in
            let path = directory.appending("j")
            #expect(try lines(path) == [])
            let journal = try Journal.create(path, lines: ["first", "", "zwölf\tTabs\t"], fileSystem: fileSystem)
            try journal.append("last one")
            #expect(try lines(path) == ["first", "", "zwölf\tTabs\t", "last one"])
            #expect(try fileSystem.list(directory) == ["j"])
        }
    }

    @Test("many long lines come back, across the borders of what is read at once")
    func manyLines() async throws {
        try await withDirectory { directory in
            let path = directory.appending("j")
            let written = (0..<5_000).map { "\($0) " + String(repeating: "x", count: $0 % 701) }
            let journal = try Journal.create(path, lines: written[..<2_500], fileSystem: fileSystem)
            for line in written[2_500...] { try journal.append(line) }
            #expect(try lines(path) == written)
        }
    }

    @Test("a last line torn anywhere is left out, and nothing else")
    func tornLine() async throws {
        try await withDirectory { directory in
            let path = directory.appending("j")
            let journal = try Journal.create(path, lines: ["one", "two"], fileSystem: fileSystem)
            let whole = try read(path).count
            try journal.append("three")
            let content = try read(path)
            for length in whole..<content.count {
                try write(Array(content[..<length]), to: path)
                #expect(try lines(path) == ["one", "two"])
            }
        }
    }

    @Test("any single damaged byte costs the lines it touches, and never changes what another says")
    func damage() async throws {
        try await withDirectory { directory in
            let path = directory.appending("j")
            let written = ["one", "two words", "three"]
            _ = try Journal.create(path, lines: written, fileSystem: fileSystem)
            let content = try read(path)
            for position in content.indices {
                for flip in [0x01, 0x80, UInt8(ascii: "\n") ^ content[position]] where flip != 0 {
                    var damaged = content
                    damaged[position] ^= flip
                    try write(damaged, to: path)
                    let kept = try lines(path)
                    #expect(kept.count < written.count && kept.allSatisfy { written.contains($0) })
                }
            }
        }
    }

    @Test("garbage is no line, however long")
    func garbage() async throws {
        try await withDirectory { directory in
            let path = directory.appending("j")
            var dice = Dice(seed: 3)
            try write(dice.bytes(3 << 20), to: path)
            #expect(try lines(path) == [])
            try write([UInt8](repeating: 0, count: 3 << 20), to: path)
            #expect(try lines(path) == [])
        }
    }

    @Test("lines added after one that a full disk cut are not lost with it")
    func afterAnError() async throws {
        try await withDirectory { directory in
            let path = directory.appending("j")
            let isFull = Lock(0)
            let probe = Probe { _, call in
                guard call.operation == .write else { return .proceed }
                return isFull.withLock { state in
                    // First half a line fits, then nothing.
                    defer { state = state == 1 ? 2 : state }
                    return state == 0 ? .proceed : state == 1 ? .shorten(9) : .fail(.noSpace)
                }
            }
            let journal = try Journal.create(path, lines: ["one"], fileSystem: FileSystem(probe: probe))
            isFull.withLock { $0 = 1 }
            #expect(throws: FileError.self) { try journal.append("cut by an error") }
            isFull.withLock { $0 = 0 }
            try journal.append("two")
            try journal.append("three")
            #expect(try lines(path) == ["one", "two", "three"])
        }
    }

    @Test("lines of several threads never mix, even where the system takes them in pieces")
    func threads() async throws {
        try await withDirectory { directory in
            let path = directory.appending("j")
            let fileSystem = FileSystem(probe: Probe { _, call in call.operation == .write ? .shorten(5) : .proceed })
            let journal = try Journal.create(path, lines: [], fileSystem: fileSystem)
            let worker = WorkerThread(name: "writers", threads: 4)
            await withTaskGroup { group in
                for thread in 0..<4 {
                    group.addTask {
                        await worker.run {
                            for number in 0..<100 { try? journal.append("thread \(thread) line \(number)") }
                        }
                    }
                }
            }
            let found = try lines(path)
            #expect(Set(found) == Set((0..<4).flatMap { thread in (0..<100).map { "thread \(thread) line \($0)" } }))
            #expect(found.count == 400)
        }
    }

    @Test("beginning anew replaces the old record as a whole or not at all", arguments: [FileOperation.open, .write, .rename])
    func beginningAnew(operation: FileOperation) async throws {
        try await withDirectory { directory in
            let path = directory.appending("j")
            _ = try Journal.create(path, lines: ["old"], fileSystem: fileSystem)
            let failing = FileSystem(probe: Probe.failing(operation, .noSpace))
            #expect(throws: FileError.self) { _ = try Journal.create(path, lines: ["new"], fileSystem: failing) }
            #expect(try lines(path) == ["old"])
            #expect(try fileSystem.list(directory) == ["j"])
            let journal = try Journal.create(path, lines: ["new"], fileSystem: fileSystem)
            try journal.append("newer")
            #expect(try lines(path) == ["new", "newer"])
        }
    }
}

import FileIO
import Glibc
import Servables
import SystemPackage
import Testing

@testable import Volume

@Suite("Reading published versions again")
struct VerifyingTests {
    private let content = Content.some(7)
    private static let shard = "variables/variables.data-00000-of-00001"

    private func published(_ body: (Bench, FilePath) throws -> Void) async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.seven, content)
            try body(bench, bench.base.appending("7"))
        }
    }

    private func check(_ bench: Bench, _ probe: Probe? = nil) throws -> VersionCheck {
        try #require(try bench.volume(probe).verify("m", .seven))
    }

    @Test("What is as it was published is said to be so, with all that was read, and nothing is changed")
    func whole() async throws {
        try await published { (bench, _) throws in
            let probe = Probe()
            let check = try check(bench, probe)
            #expect(check.damage.isEmpty && check.additions.isEmpty)
            #expect(check.files == 4 && check.bytes == content.bytes)
            #expect(probe.trace([.rename, .unlink, .mkdir, .write, .fsync], below: bench.directory) == [])
        }
    }

    @Test(
        "Each kind of damage is found, all of it, and named",
        arguments: ["flip", "short", "long", "missing", "link", "directory"])
    func damaged(kind: String) async throws {
        try await published { (bench, place) throws in
            let path = place.appending(Self.shard)
            let bytes = content.files[1].bytes
            try bench.fileSystem.removeFile(path)
            let reason: String
            switch kind {
            case "flip":
                var flipped = bytes
                flipped[4_999] ^= 1
                try write(flipped, to: path)
                reason = "it does not have the bytes that were published"
            case "short":
                try write(Array(bytes.dropLast()), to: path)
                reason = "it has 4999 bytes instead of 5000"
            case "long":
                try write(bytes + [0], to: path)
                reason = "it has 5001 bytes instead of 5000"
            case "link":
                try write(bytes, to: bench.directory.appending("elsewhere"))
                #expect(symlink(bench.directory.appending("elsewhere").string, path.string) == 0)
                reason = "it is no regular file"
            case "directory":
                try bench.fileSystem.removeDirectory(place.appending("assets.extra"))
                try write(bytes, to: path)
                #expect(try check(bench).damage.map(\.path) == ["assets.extra"])
                return
            default: reason = "it is missing"
            }
            try bench.fileSystem.removeFile(place.appending("assets/deep/vocab.txt"))
            #expect(
                try check(bench).damage == [
                    VersionCheck.Damage(path: Self.shard, reason: reason),
                    VersionCheck.Damage(path: "assets/deep/vocab.txt", reason: "it is missing"),
                ])
        }
    }

    @Test("What others left in the directory is told, and is no damage")
    func additions() async throws {
        try await published { (bench, place) throws in
            try bench.fileSystem.makeDirectory(place.appending("__pycache__"), mode: 0o755)
            try write([1], to: place.appending("__pycache__/model.pyc"))
            try write([1], to: place.appending("variables/left"))
            let check = try check(bench)
            #expect(check.damage.isEmpty && check.additions == ["__pycache__/", "variables/left"])
        }
    }

    @Test("What the disk cannot read is damaged; what may not be read is an error")
    func unreadable() async throws {
        try await published { (bench, _) throws in
            let broken = Probe { _, call in
                call.operation == .read && call.path.string.hasSuffix(Self.shard) ? .fail(.ioError) : .proceed
            }
            #expect(try check(bench, broken).damage.map(\.path) == [Self.shard])
            let closed = Probe { _, call in
                call.operation == .open && call.path.string.hasSuffix(Self.shard) ? .fail(.permissionDenied) : .proceed
            }
            #expect(throws: VolumeError.self) { try bench.volume(closed).verify("m", .seven) }
        }
    }

    @Test("What is not ours, not there, or taken out while it is read, is neither")
    func neither() async throws {
        try await published { (bench, place) throws in
            try bench.fileSystem.makeDirectory(bench.base.appending("9"), mode: 0o755)
            try write([1], to: bench.base.appending("9/a"))
            #expect(try bench.volume().verify("m", Version(number: 9)) == nil)
            #expect(try bench.volume().verify("m", Version(number: 8)) == nil)
            let isFirst = Lock(true)
            let pruning = Probe { _, call in
                if call.operation == .read, call.path.string.hasPrefix(place.string),
                    isFirst.withLock({ isFirst in
                        defer { isFirst = false }
                        return isFirst
                    })
                {
                    try? bench.volume().prune("m", .seven)
                }
                return .proceed
            }
            #expect(try bench.volume(pruning).verify("m", .seven) == nil)
        }
    }
}

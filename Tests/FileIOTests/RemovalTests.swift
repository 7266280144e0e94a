import FileIO
import Glibc
import SystemPackage
import Testing

@Suite("Removal of trees")
struct RemovalTests {
    private let fileSystem = FileSystem()

    @Test("a tree goes with all that is in it; nothing, and a file, go as well")
    func tree() async throws {
        try await withDirectory { directory in
            let tree = directory.appending("t")
            for path in ["", "a", "a/b", "a/b/c", "a/empty", "d"] {
                try fileSystem.makeDirectory(tree.pushing(FilePath(path)), mode: 0o755)
            }
            for path in ["f", "a/f", "a/b/f", "a/b/c/f", "d/moved-up.1", "moved-up.2"] {
                try write([1], to: tree.appending(path))
            }
            try write([1], to: directory.appending("neighbour"))
            try fileSystem.removeTree(tree)
            #expect(try fileSystem.list(directory) == ["neighbour"])
            try fileSystem.removeTree(tree)
            try fileSystem.removeTree(directory.appending("neighbour"))
            #expect(try fileSystem.list(directory) == [])
        }
    }

    @Test("a symlink goes itself; what it points to stays, wherever it lies in the tree")
    func symlinks() async throws {
        try await withDirectory { directory in
            let (tree, outside) = (directory.appending("t"), directory.appending("outside"))
            for path in [tree, tree.appending("a"), outside, outside.appending("kept")] {
                try fileSystem.makeDirectory(path, mode: 0o755)
            }
            try write([1], to: outside.appending("kept").appending("f"))
            for place in [tree, tree.appending("a")] {
                try makeSymlink(place.appending("absolute"), to: outside.string)
                try makeSymlink(place.appending("above"), to: "..")
                try makeSymlink(place.appending("dangling"), to: "nothing")
                try makeSymlink(place.appending("file"), to: outside.appending("kept").appending("f").string)
            }
            try makeSymlink(directory.appending("link"), to: outside.string)
            try fileSystem.removeTree(tree)
            try fileSystem.removeTree(directory.appending("link"))
            #expect(try fileSystem.list(directory) == ["outside"])
            #expect(try read(outside.appending("kept").appending("f")) == [1])
        }
    }

    @Test("a symlink put in the place of a directory while the tree is being removed is not followed")
    func swappedDirectory() async throws {
        try await withDirectory { directory in
            let (tree, outside) = (directory.appending("t"), directory.appending("outside"))
            for path in [tree, tree.appending("a"), outside] { try fileSystem.makeDirectory(path, mode: 0o755) }
            try write([1], to: outside.appending("f"))
            let probe = Probe { _, call in
                // After it was seen to be a directory, before it is opened.
                if call.operation == .open, call.path == tree.appending("a") {
                    rename(tree.appending("a").string, directory.appending("away").string)
                    symlink(outside.string, tree.appending("a").string)
                }
                return .proceed
            }
            #expect(throws: FileError.self) { try FileSystem(probe: probe).removeTree(tree) }
            #expect(try read(outside.appending("f")) == [1])
            try fileSystem.removeTree(tree)
            #expect(try read(outside.appending("f")) == [1])
        }
    }

    @Test("directories without rights of their owner go", arguments: [0o000, 0o500, 0o300, 0o444] as [UInt16])
    func withoutRights(mode: UInt16) async throws {
        try await withDirectory { directory in
            let tree = directory.appending("t")
            for path in ["", "a", "a/b", "a/b/c", "e", "e/empty"] {
                try fileSystem.makeDirectory(tree.pushing(FilePath(path)), mode: 0o755)
            }
            try write([1], to: tree.appending("a/b/c/f"))
            for path in ["a/b/c", "a/b", "a", "e/empty", "e", ""] { try fileSystem.setMode(tree.pushing(FilePath(path)), mode) }
            try fileSystem.removeTree(tree)
            #expect(try fileSystem.list(directory) == [])
        }
    }

    @Test("however deep a tree is, its removal holds few descriptors")
    func deepTree() async throws {
        try await withDirectory { directory in
            let tree = directory.appending("t")
            var path = tree
            for _ in 0..<60 {
                try fileSystem.makeDirectory(path, mode: 0o755)
                path.append("d")
            }
            try write([1], to: path.removingLastComponent().appending("f"))
            let most = Lock(0)
            let probe = Probe { number, call in
                if number % 20 == 0 { most.withLock { $0 = max($0, openDescriptors(below: tree)) } }
                return .proceed
            }
            try FileSystem(probe: probe).removeTree(tree)
            #expect(try fileSystem.list(directory) == [])
            #expect((1...4).contains(most.withLock { $0 }))
        }
    }

    /// A hundred thousand: `make prune-safety`.
    private static let entries = getenv("PRUNE_FILES").flatMap { Int(String(cString: $0)) } ?? 10_000

    @Test("however many entries there are, they go, and so do names that are no UTF-8")
    func manyEntries() async throws {
        try await withDirectory { directory in
            let tree = directory.appending("t")
            try fileSystem.makeDirectory(tree, mode: 0o755)
            try fileSystem.makeDirectory(tree.appending("d"), mode: 0o755)
            for number in 0..<Self.entries { close(creat(tree.appending("d").appending("\(number)").string, 0o600)) }
            for parent in [tree, tree.appending("d")] {
                let name = Array("\(parent)/".utf8CString.dropLast()) + [CChar(bitPattern: 0xff), CChar(bitPattern: 0xfe)]
                close(creat(name + [0], 0o600))
                #expect(mkdir(name + [CChar(bitPattern: 0xff), 0], 0o700) == 0)
                close(creat(name + [CChar(bitPattern: 0xff)] + Array("/x".utf8CString), 0o600))
            }
            try fileSystem.removeTree(tree)
            #expect(try fileSystem.list(directory) == [])
        }
    }

    @Test("a removal that fails half-way is finished by the next one")
    func failure() async throws {
        try await withDirectory { directory in
            let tree = directory.appending("t")
            for number in 1... {
                for path in ["", "a", "a/b", "a/b/c"] { try fileSystem.makeDirectory(tree.pushing(FilePath(path)), mode: 0o755) }
                try write([1], to: tree.appending("a/b/f"))
                try write([1], to: tree.appending("a/b/c/f"))
                let probe = Probe { count, _ in count == number ? .fail(.ioError) : .proceed }
                do throws(FileError) {
                    try FileSystem(probe: probe).removeTree(tree)
                    #expect(number > 10)
                    return
                } catch {
                    #expect(error.errno == .ioError)
                }
                try fileSystem.removeTree(tree)
                #expect(try !isPresent(tree))
            }
        }
    }
}

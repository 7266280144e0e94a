import Glibc
import SystemPackage
import Testing

@testable import FileIO

@Suite("Names: directories, renames, replaced files")
struct NamesTests {
    private let fileSystem = FileSystem()

    @Test("a directory has the mode it was asked for, whatever the umask", arguments: [0o755, 0o775, 0o700, 0o777] as [UInt16])
    func directoryMode(mode: UInt16) async throws {
        try await withDirectory { directory in
            let isNew = try fileSystem.makeDirectory(directory.appending("d"), mode: mode)
            #expect(isNew)
            #expect(try fileSystem.status(directory.appending("d"))?.mode == mode)
        }
    }

    @Test("a directory keeps the setgid bit that it inherits")
    func setgid() async throws {
        try await withDirectory { directory in
            try fileSystem.setMode(directory, 0o2775)
            try fileSystem.makeDirectory(directory.appending("d"), mode: 0o755)
            #expect(try fileSystem.status(directory.appending("d"))?.mode == 0o2755)
        }
    }

    @Test("a directory that is there already is left as it is, and anything else in its place is an error")
    func existingDirectory() async throws {
        try await withDirectory { directory in
            let path = directory.appending("d")
            try fileSystem.makeDirectory(path, mode: 0o700)
            #expect(try !fileSystem.makeDirectory(path, mode: 0o755))
            #expect(try fileSystem.status(path)?.mode == 0o700)
            try write([], to: directory.appending("f"))
            try makeSymlink(directory.appending("l"), to: path.string)
            for name in ["f", "l"] {
                #expect(throws: FileError("mkdir", directory.appending(name), .fileExists)) {
                    try fileSystem.makeDirectory(directory.appending(name), mode: 0o755)
                }
            }
        }
    }

    @Test(
        "a rename replaces nothing, also where the file system knows no flags for it",
        arguments: [nil, Errno.invalidArgument, Errno.noFunction])
    func renameWithoutReplacing(refusal: Errno?) async throws {
        try await withDirectory { directory in
            for (kind, isFile) in [("file", true), ("empty directory", false)] {
                let fileSystem = FileSystem(probe: refusal.map { Probe.failing(.rename, $0) })
                let (source, target) = (directory.appending("\(kind).source"), directory.appending("\(kind).target"))
                try self.fileSystem.makeDirectory(source, mode: 0o755)
                if isFile { try write([1], to: target) } else { try self.fileSystem.makeDirectory(target, mode: 0o700) }
                let inode = try self.fileSystem.status(target)?.inode
                let error = #expect(throws: FileError.self) { try fileSystem.renameWithoutReplacing(source, target) }
                #expect(error?.errno == .fileExists)
                #expect(try self.fileSystem.status(target)?.inode == inode)
                #expect(try isPresent(source))

                let free = directory.appending("\(kind).free")
                let probe = refusal.map { Probe.failing(.rename, $0) }
                try FileSystem(probe: probe).renameWithoutReplacing(source, free)
                #expect(try isPresent(free) && !isPresent(source))
                if let probe {
                    #expect(
                        probe.trace([.rename, .stat]) == ["rename \(kind).free", "stat \(kind).free", "rename \(kind).free"])
                }
            }
        }
    }

    @Test("no other failure of a rename is tried again another way")
    func failedRename() async throws {
        try await withDirectory { directory in
            try write([], to: directory.appending("a"))
            let probe = Probe.failing(.rename, .improperLink)
            let source = directory.appending("a")
            #expect(throws: FileError("rename", source, .improperLink)) {
                try FileSystem(probe: probe).renameWithoutReplacing(source, directory.appending("b"))
            }
            #expect(probe.trace([.rename]).count == 1)
        }
    }

    @Test("a file is replaced in the order that survives a crash")
    func replacingOrder() async throws {
        try await withDirectory { directory in
            let path = directory.appending("f")
            try write(Array("old".utf8), to: path)
            let probe = Probe()
            try FileSystem(probe: probe).replaceFile(path, with: Array("new".utf8), mode: 0o640)
            #expect(
                probe.trace([.chmod, .write, .fsync, .rename, .truncate])
                    == [
                        "chmod f.new", "write f.new", "fsync f.new", "rename f", "fsync \(directory.lastComponent?.string ?? "")",
                    ])
            #expect(try read(path) == Array("new".utf8))
            #expect(try fileSystem.status(path)?.mode == 0o640)
            #expect(try fileSystem.list(directory) == ["f"])
        }
    }

    @Test(
        "a file that cannot be replaced keeps its content, and nothing is left beside it",
        arguments: [FileOperation.open, .chmod, .write, .fsync, .rename])
    func failedReplacing(operation: FileOperation) async throws {
        try await withDirectory { directory in
            let path = directory.appending("f")
            try write(Array("old".utf8), to: path)
            #expect(throws: FileError(operation.rawValue, FilePath("\(path).new"), .noSpace)) {
                try FileSystem(probe: Probe.failing(operation, .noSpace)).replaceFile(path, with: Array("new".utf8), mode: 0o640)
            }
            #expect(try read(path) == Array("old".utf8))
            #expect(try fileSystem.list(directory) == ["f"])
        }
    }

    @Test("what a killed process left beside a file does not hinder its replacement")
    func leftover() async throws {
        try await withDirectory { directory in
            try write(Array("much longer than the new one".utf8), to: directory.appending("f.new"))
            try fileSystem.replaceFile(directory.appending("f"), with: [1], mode: 0o600)
            #expect(try read(directory.appending("f")) == [1])
            #expect(try fileSystem.list(directory) == ["f"])
        }
    }

    @Test("names come sorted, without the directory itself and the one above")
    func listing() async throws {
        try await withDirectory { directory in
            for name in ["10", "9", "a", ".b"] { try write([], to: directory.appending(name)) }
            #expect(try fileSystem.list(directory) == [".b", "10", "9", "a"])
            #expect(throws: FileError("open", directory.appending("none"), .noSuchFileOrDirectory)) {
                try fileSystem.list(directory.appending("none"))
            }
            #expect(throws: FileError("open", directory.appending("a"), .notDirectory)) {
                try fileSystem.list(directory.appending("a"))
            }
        }
    }

    @Test("a status is that of the name itself, and nothing is no error")
    func status() async throws {
        try await withDirectory { directory in
            try write([1, 2, 3], to: directory.appending("f"))
            try makeSymlink(directory.appending("l"), to: "f")
            #expect(mkfifo(directory.appending("p").string, 0o600) == 0)
            let file = try fileSystem.status(directory.appending("f"))
            #expect(file?.kind == .file && file?.size == 3 && file?.owner == geteuid())
            #expect(try fileSystem.status(directory.appending("l"))?.kind == .symlink)
            #expect(try fileSystem.status(directory.appending("p"))?.kind == .other)
            #expect(try fileSystem.status(directory)?.kind == .directory)
            #expect(try fileSystem.status(directory.appending("none")) == nil)
            #expect(try fileSystem.status(directory.appending("f").appending("below a file")) == nil)
        }
    }

    @Test("files are never written through a symlink")
    func symlinks() async throws {
        try await withDirectory { directory in
            try write([1], to: directory.appending("outside"))
            try makeSymlink(directory.appending("l"), to: "outside")
            for access in [FileSystem.Access.readWrite, .createNew, .append] {
                #expect(throws: FileError.self) { _ = try fileSystem.open(directory.appending("l"), access) }
            }
            #expect(try read(directory.appending("outside")) == [1])
        }
    }

    @Test("a file longer than its limit is an error, not a large buffer")
    func readLimit() async throws {
        try await withDirectory { directory in
            let path = directory.appending("f")
            try write([UInt8](repeating: 7, count: 100), to: path)
            #expect(try fileSystem.readFile(path, limit: 100).count == 100)
            #expect(throws: FileError("read", path, .fileTooLarge)) { try fileSystem.readFile(path, limit: 99) }
        }
    }

    @Test("the size of a tree counts its files, follows no symlink, and is nothing where nothing is")
    func treeSize() async throws {
        try await withDirectory { directory in
            let tree = directory.appending("t")
            try fileSystem.makeDirectory(tree, mode: 0o755)
            try fileSystem.makeDirectory(tree.appending("d"), mode: 0o755)
            try write([1, 2, 3], to: tree.appending("a"))
            try write([1, 2], to: tree.appending("d").appending("b"))
            try write([UInt8](repeating: 1, count: 99), to: directory.appending("outside"))
            try makeSymlink(tree.appending("l"), to: directory.string)
            var counted: Set<UInt64> = []
            #expect(try fileSystem.treeSize(tree, counted: &counted) == 5)
            #expect(try fileSystem.treeSize(directory.appending("none"), counted: &counted) == 0)
        }
    }

    @Test("space beyond all bounds is what fits, not a crash")
    func unboundedSpace() {
        #expect(bytes(1 << 52, of: 4_096) == .max)
        #expect(bytes(.max, of: 4_096) == .max)
        #expect(bytes(3, of: 4_096) == 12_288)
    }

    @Test("two directories of one mount have one identity, those of two mounts have two")
    func mountIdentity() async throws {
        try await withDirectory { directory in
            try fileSystem.makeDirectory(directory.appending("d"), mode: 0o755)
            func identity(_ path: FilePath) throws -> UInt64 { try fileSystem.openDirectory(path).mountIdentity() }
            #expect(try identity(directory) == identity(directory.appending("d")))
            #expect(try identity(directory) != identity("/proc"))
        }
    }

    @Test("two processes of one boot agree on its name")
    func boot() {
        let name = fileSystem.bootIdentity()
        #expect(name.count == 36 && name == fileSystem.bootIdentity())
        #expect(FileSystem(probe: Probe.failing(.open, .noSuchFileOrDirectory)).bootIdentity() == "")
    }
}

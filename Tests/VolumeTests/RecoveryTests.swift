import FileIO
import Servables
import SystemPackage
import Testing

@testable import Volume

@Suite("Recovery and sweeping")
struct RecoveryTests {
    private let content = Content.some(8)

    @Test("what a killed process left is cleared up; what is published or half fetched is not")
    func leftovers() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.seven, .some(7))
            try bench.publish(.nine, .some(9))
            let staged = try bench.stage(.eight, content, on: bench.volume())
            try bench.write(content.files[1].bytes, 0..<100, into: staged.open(1))
            let state = bench.layout.state
            // A manifest whose version went, one whose model went but for its base path, a half-written one, and garbage.
            try bench.fileSystem.removeTree(bench.base.appending("9"))
            try write([1], to: state.appending("manifests/m/7.json.new"))
            try write([1], to: state.appending("manifests/m/garbage"))
            for path in ["manifests/gone", "staging/m/10", "staging/m/11", "staging/m/11/tree", "staging/m/x", "staging/empty"] {
                try bench.fileSystem.makeDirectory(state.appending(path), mode: 0o755)
            }
            try write([], to: state.appending("staging/m/12"))
            try write([], to: state.appending("trash/old"))

            try bench.volume().recover(models: ["m"])
            #expect(try bench.state("manifests") == ["m"] && bench.state("manifests/m") == ["7.json"])
            #expect(try bench.state("staging") == ["m"] && bench.state("staging/m") == ["8"])
            let swept = try bench.volume().sweep()
            #expect(swept == 8)
            #expect(try bench.state("trash") == [])
            #expect(try bench.published() == [.seven])
            #expect(try bench.differences(bench.base.appending("7"), .some(7)) == [])
            #expect(try bench.stage(.eight, content, on: bench.volume()).stagedBytes == 100)
        }
    }

    @Test("staging of models that are not configured goes where it was asked for, and else stays")
    func unknownModels() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            for model in ["m", "n"] {
                let staged = try bench.volume().stage(model, .eight, table: content.table, source: Bench.source)
                try bench.write(content.files[1].bytes, 0..<100, into: staged.open(1))
            }
            try bench.volume().recover(models: nil)
            #expect(try bench.state("staging") == ["m", "n"])
            try bench.volume().recover(models: ["n"])
            #expect(try bench.state("staging") == ["n"] && bench.state("staging/n") == ["8"])
        }
    }

    @Test("manifests of a base path that is gone stay: it held versions")
    func goneBasePath() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.seven, .some(7))
            try bench.fileSystem.renameReplacing(bench.base, directory.appending("unmounted"))
            try bench.volume().recover(models: ["m"])
            #expect(try bench.state("manifests/m") == ["7.json"])
            try bench.fileSystem.renameReplacing(directory.appending("unmounted"), bench.base)
            #expect(try bench.published() == [.seven])
        }
    }

    @Test("a base path that was on its way back when the process was killed costs no fetch")
    func killedBringingBack() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            try bench.publish(.seven, .some(7))
            try bench.fileSystem.removeTree(bench.base)
            let isDead = Lock(false)
            let base = bench.base
            let volume = bench.volume(
                Probe { _, call in
                    isDead.withLock { isDead in
                        if call.operation == .rename, call.target == base { isDead = true }
                        return isDead ? .fail(.ioError) : .proceed
                    }
                })
            let staged = try bench.stage(.eight, content, on: volume)
            try bench.fetch(staged, content)
            #expect(throws: VolumeError.self) { try volume.publish(staged) }
            #expect(try isPresent(bench.layout.state.appending("staging/m/8/base/8")))
            try bench.volume().recover(models: ["m"])
            let next = try bench.stage(.eight, content, on: bench.volume())
            #expect(next.incomplete == [])
            try bench.volume().publish(next)
            #expect(try bench.fileSystem.list(bench.base) == ["8"])
            #expect(try bench.differences(bench.base.appending("8"), content) == [])
        }
    }

    @Test("one entry of the trash that cannot be deleted does not keep the space of the others")
    func stubbornTrash() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            for name in ["a", "b", "c"] {
                try bench.fileSystem.makeDirectory(bench.layout.state.appending("trash").appending(name), mode: 0o755)
            }
            let stubborn = bench.layout.state.appending("trash/b")
            let volume = bench.volume(
                Probe { _, call in call.operation == .rmdir && call.path == stubborn ? .fail(.notPermitted) : .proceed })
            #expect(throws: VolumeError.self) { try volume.sweep() }
            #expect(try bench.state("trash") == ["b"])
            #expect(try bench.volume().sweep() == 1)
        }
    }

    @Test("what goes to the trash takes a name that is free there")
    func trashNames() async throws {
        try await withDirectory { directory in
            let bench = try Bench(directory)
            let model = String(repeating: "n", count: 240)
            for _ in 0..<3 {
                for name in ["m", model] {
                    let volume = bench.volume()
                    try volume.ensureBasePath(name)
                    let staged = try volume.stage(name, .eight, table: content.table, source: Bench.source)
                    try bench.fetch(staged, content)
                    try volume.publish(staged)
                    try volume.prune(name, .eight)
                }
            }
            #expect(try bench.state("trash").count == 12)
            #expect(try bench.volume().sweep() == 12)
        }
    }
}
